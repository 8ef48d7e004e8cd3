//! The OpenAPI 3.1 document of the routes.

use std::collections::BTreeSet;

use crate::components::Components;
use crate::parameter::{Parameter, ParameterIn, identifier_schema};
use crate::{Method, Problem, Route};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// The description of an API at the beginning of its document.
#[derive(Debug, Clone, Copy)]
pub struct ApiInfo {
    /// The name of the application.
    pub title: &'static str,
    /// One sentence on what the application is.
    pub description: &'static str,
    /// A sentence on what else to try beside the API; may be empty.
    pub hint: &'static str,
    /// The version of the API.
    pub version: &'static str,
    /// The path to which a browser at `/` is redirected; `None` if the application has no pages.
    pub pages: Option<&'static str>,
    /// The requests that the application sends to servers of its callers.
    pub webhooks: &'static [Webhook],
}

/// A request that the application sends to a server of its callers.
#[derive(Debug, Clone, Copy)]
pub struct Webhook {
    /// The webhook's name, such as `order-updates`. The name is also the last segment of the
    /// webhook's path.
    pub name: &'static str,
    /// One sentence on what the webhook is for.
    pub summary: &'static str,
    /// What the receiver has to know.
    pub description: &'static str,
    /// The schema of the body.
    pub schema: fn() -> Schema,
    /// An example of a body.
    pub example: fn() -> Value,
}

/// The name of the security scheme for tokens.
const TOKEN: &str = "token";

/// Makes the OpenAPI document of `routes`.
#[must_use]
pub fn openapi(info: ApiInfo, routes: &[Route]) -> Value {
    let mut components = Components::default();
    components.reference(Problem::schema());
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(route, &mut components);
    }
    // If a type has one schema in requests and another one in responses, the schema that is added
    // later is renamed. Bodies of requests are added last, so that the schemas of responses keep
    // their names.
    for route in routes {
        if let Some(body) = request_body(route, &mut components) {
            paths[route.path][route.method.as_str().to_lowercase()]["requestBody"] = body;
        }
    }
    let webhooks =
        info.webhooks.iter().map(|it| (it.name.to_owned(), webhook(it, &mut components)));
    let webhooks: Map<String, Value> = webhooks.collect();
    let tags: BTreeSet<&str> = routes.iter().map(tag).collect();
    let tags = tags.into_iter();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title,
            "description": info.description,
            "version": info.version,
            "contact": { "name": format!("The maintainers of {}", info.title) },
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags.map(|name| json!({ "name": name, "description": format!("What is at /{name}") }))
            .collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": components.into_json(),
            "securitySchemes": {
                TOKEN: { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    });
    if !webhooks.is_empty() {
        document["webhooks"] = webhooks.into();
    }
    document
}

fn webhook(webhook: &Webhook, components: &mut Components) -> Value {
    let schema = components.reference((webhook.schema)());
    let content = json!({ "schema": schema, "example": (webhook.example)() });
    json!({ "post": {
        "operationId": format!("receive-{}", webhook.name),
        "summary": webhook.summary,
        "description": webhook.description,
        "security": [],
        "requestBody": { "required": true, "content": { "application/json": content } },
        "responses": {
            "2XX": { "description": "Accepted; not sent again" },
            "4XX": { "description": "Refused; not sent again (after 429: sent again later)" },
            "5XX": { "description": "Sent again, for a day" },
        },
    } })
}

/// The first segment of a route's path.
fn tag(route: &Route) -> &str {
    route.path.split('/').find(|word| !word.is_empty()).unwrap_or_default()
}

fn operation(route: &Route, components: &mut Components) -> Value {
    json!({
        "operationId": operation_id(route),
        "tags": [tag(route)],
        "summary": route.summary,
        "description": format!("For {}.", route.callers),
        "security": if route.callers.need_token() { json!([{ TOKEN: [] }]) } else { json!([]) },
        "parameters": parameters(route),
        "responses": responses(route, components),
    })
}

fn request_body(route: &Route, components: &mut Components) -> Option<Value> {
    let taken = route.request.as_ref()?;
    let schema = (taken.schema)();
    // If every field is optional, the body itself is optional, too.
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.is_some_and(|fields| !fields.is_empty());
    let schema = components.reference(schema);
    let content = json!({ "schema": schema, "example": (taken.example)() });
    Some(json!({ "required": required, "content": { "application/json": content } }))
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').filter(|word| !word.is_empty());
    let words = words.map(|word| word.trim_matches(['{', '}']).to_owned());
    std::iter::once(route.method.as_str().to_lowercase()).chain(words).collect::<Vec<_>>().join("-")
}

const fn success(status: u16) -> &'static str {
    match status {
        201 => "Created",
        204 => "No more server-sent events follow",
        304 => "Not changed since the version that the caller has",
        202 => "Accepted; events carry it out",
        _ => "Done",
    }
}

fn responses(route: &Route, components: &mut Components) -> Value {
    let mut content = route.response.map_or_else(
        || json!({}),
        |schema| json!({ "application/json": { "schema": components.reference(schema()) } }),
    );
    if route.streams {
        content["text/event-stream"] = json!({ "schema": { "type": "string" } });
    }
    let mut responses = Map::new();
    let mut answer = |status: u16, headers: Value| {
        let answer = json!({
            "description": success(status), "content": content, "headers": headers,
        });
        responses.insert(status.to_string(), answer);
    };
    let tag = header("The version of the resource in the response");
    let place = header("The path of the resource that was created");
    let is_made = route.success == 201;
    answer(
        route.success,
        if is_made { json!({ "Location": place }) } else { json!({ "ETag": tag }) },
    );
    if route.creates {
        answer(201, json!({ "ETag": tag, "Location": place }));
    }
    if route.method == Method::GET {
        let unchanged = json!({ "description": success(304), "headers": { "ETag": tag } });
        responses.insert("304".to_owned(), unchanged);
    }
    if route.streams {
        responses.insert("204".to_owned(), json!({ "description": success(204) }));
    }
    responses.insert("4XX".to_owned(), problem("The request breaks a rule; nothing was changed"));
    responses.insert("5XX".to_owned(), problem("Try again with the same Idempotency-Key"));
    Value::Object(responses)
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|word| word.strip_prefix('{')).map(|word| {
        let name = word.trim_end_matches('}');
        json!({ "name": name, "in": "path", "required": true, "schema": identifier_schema() })
    });
    let revalidates = (route.method == Method::GET).then_some(&Parameter::REVALIDATES);
    let others = route.parameters.iter().chain(revalidates).map(|parameter| {
        json!({
            "name": parameter.name,
            "in": match parameter.place { ParameterIn::Query => "query", ParameterIn::Header => "header" },
            "required": parameter.required,
            "description": parameter.meaning,
            "schema": parameter.schema(),
        })
    });
    in_path.chain(others).collect()
}

fn problem(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": schema } },
    })
}

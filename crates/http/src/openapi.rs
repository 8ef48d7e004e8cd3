//! The OpenAPI 3.1 document of the routes.

use crate::parameter::{Parameter, Place, identifier_schema};
use crate::{Method, Problem, Route};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// What a reader of an API is told first.
#[derive(Debug, Clone, Copy)]
pub struct ApiInfo {
    /// The name of the application.
    pub title: &'static str,
    /// What it is, in a sentence.
    pub description: &'static str,
    /// What to try besides the API, in a sentence; empty where there is nothing.
    pub hint: &'static str,
    /// The version of the API.
    pub version: &'static str,
    /// The path of the pages to which a browser at `/` is led, where the application has some.
    pub pages: Option<&'static str>,
}

/// The name of the security scheme.
const TOKEN: &str = "token";

/// Describes `routes`.
#[must_use]
pub fn openapi(info: ApiInfo, routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title,
            "description": info.description,
            "version": info.version,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": { "Problem": body(Problem::schema()) },
            "securitySchemes": {
                TOKEN: { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": format!("For {}.", route.callers),
        "security": if route.callers.need_token() { json!([{ TOKEN: [] }]) } else { json!([]) },
        "parameters": parameters(route),
        "responses": responses(route),
    });
    if let (Some(schema), Value::Object(operation)) = (route.request, &mut operation) {
        let schema = body(schema());
        // Where every field may be left out, so may the body.
        let required = schema["required"].as_array().is_some_and(|fields| !fields.is_empty());
        let content = json!({ "application/json": { "schema": schema } });
        let body = json!({ "required": required, "content": content });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').filter(|word| !word.is_empty());
    let words = words.map(|word| word.trim_matches(['{', '}']).to_owned());
    std::iter::once(route.method.as_str().to_lowercase()).chain(words).collect::<Vec<_>>().join("-")
}

const fn success(status: u16) -> &'static str {
    match status {
        201 => "It is there now",
        304 => "It is as the caller has it",
        202 => "It was accepted; events carry it out from here on",
        _ => "As asked",
    }
}

/// What a route answers.
fn responses(route: &Route) -> Value {
    let content = route.response.map_or_else(
        || json!({}),
        |schema| json!({ "application/json": { "schema": body(schema()) } }),
    );
    let mut responses = Map::new();
    let mut answer = |status: u16, headers: Value| {
        let answer = json!({
            "description": success(status), "content": content, "headers": headers,
        });
        responses.insert(status.to_string(), answer);
    };
    let tag = header("Names this version of what is answered");
    let place = header("Where it is");
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
            "in": match parameter.place { Place::Query => "query", Place::Header => "header" },
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

/// A schema without the dialect, which the document as a whole implies.
fn body(mut schema: Schema) -> Value {
    schema.remove("$schema");
    schema.to_value()
}

//! The OpenAPI 3.1 document of the routes.

use chorus_kernel::{Problem, Route};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// Describes `routes`.
#[must_use]
pub fn openapi(routes: &[Route]) -> Value {
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
            "title": "Chorus",
            "description": "An order-management backend whose services never call each other.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:3000" }],
        "paths": paths,
        "components": { "schemas": { "Problem": body(schema_of_problem()) } },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            route.success.to_string(): {
                "description": "Done",
                "content": route.response.map_or_else(|| json!({}), |schema| {
                    json!({ "application/json": { "schema": body(schema()) } })
                }),
            },
            "4XX": problem("The request breaks a rule; nothing was changed"),
            "5XX": problem("Try again with the same Idempotency-Key"),
        },
    });
    if let (Some(schema), Value::Object(operation)) = (route.request, &mut operation) {
        let content = json!({ "application/json": { "schema": body(schema()) } });
        operation.insert("requestBody".to_owned(), json!({ "content": content }));
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split('/').filter(|word| !word.is_empty());
    let words = words.map(|word| word.trim_matches(['{', '}']).to_owned());
    std::iter::once(route.method.as_str().to_lowercase()).chain(words).collect::<Vec<_>>().join("-")
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|word| word.strip_prefix('{')).map(|word| {
        let name = word.trim_end_matches('}');
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let others = route.parameters.iter().map(|(place, name, required, meaning)| {
        json!({
            "name": name, "in": place, "required": required, "description": meaning,
            "schema": { "type": "string" },
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

fn schema_of_problem() -> Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Problem>()
}

//! Faults in the API: routes without protection.

use serde_json::{Value, json};

use crate::planted;

fn operation<'a>(document: &'a mut Value, path: &str, method: &str) -> &'a mut Value {
    let definition = &mut document["Resources"]["Api"]["Properties"]["DefinitionBody"];
    &mut definition["paths"][path][method]
}

#[test]
fn a_route_without_an_authorizer() {
    planted(
        |it| operation(it, "/items/{sku}", "put")["security"] = Value::Null,
        &[("Api", "lets anybody call PUT /items/{sku}")],
    );
}

#[test]
fn a_route_whose_authorizer_may_be_left_out() {
    planted(
        |it| operation(it, "/orders", "get")["security"] = json!([{ "token": [] }, {}]),
        &[("Api", "lets anybody call GET /orders")],
    );
}

#[test]
fn a_scheme_that_verifies_nothing() {
    planted(
        |it| {
            let definition = &mut it["Resources"]["Api"]["Properties"]["DefinitionBody"];
            let scheme = &mut definition["components"]["securitySchemes"]["token"];
            scheme["x-amazon-apigateway-authorizer"]["type"] = json!("none");
        },
        &[("Api", "admits anybody by the scheme token, which verifies nothing")],
    );
}

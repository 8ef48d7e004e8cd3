//! Reports routes without an authorizer, except for routes whose callers need no token according to
//! the design table.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::View;
use crate::Finding;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, api) in view.of_kind("AWS::Serverless::HttpApi") {
        let definition = &api["DefinitionBody"];
        let mut unverified = BTreeSet::new();
        for (path, operations) in definition["paths"].as_object().into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                if is_open(view, method, path) {
                    continue;
                }
                let schemes = required(operation);
                if schemes.is_empty() {
                    let route = format!("{} {path}", method.to_uppercase());
                    let remedy = "Give the operation a `security`, or declare `Callers::Anyone` in the \
                                  design table";
                    findings.push(Finding::new(id, format!("lets anybody call {route}"), remedy));
                }
                unverified.extend(schemes.into_iter().filter(|name| !verifies(definition, name)));
            }
        }
        for scheme in unverified {
            let problem = format!("admits anybody by the scheme {scheme}, which verifies nothing");
            let remedy = "Give the scheme an authorizer of the type jwt";
            findings.push(Finding::new(id, problem, remedy));
        }
    }
    findings
}

/// Whether callers of a route need no token, according to the design table.
fn is_open(view: View<'_>, method: &str, path: &str) -> bool {
    let routes = view.stack.functions.iter().flat_map(|function| &function.routes);
    let mut this = routes
        .filter(|route| route.path == path && route.method.as_str().eq_ignore_ascii_case(method));
    this.any(|route| !route.callers.need_token())
}

/// The security schemes that an operation requires; empty if the operation can be called without a
/// scheme.
fn required(operation: &Value) -> Vec<&str> {
    let choices = operation["security"].as_array().map_or(&[][..], Vec::as_slice);
    let is_none = |choice: &Value| choice.as_object().is_none_or(serde_json::Map::is_empty);
    if choices.iter().any(is_none) {
        return Vec::new();
    }
    let schemes = choices.iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys);
    schemes.map(String::as_str).collect()
}

fn verifies(definition: &Value, scheme: &str) -> bool {
    let scheme = &definition["components"]["securitySchemes"][scheme];
    scheme["x-amazon-apigateway-authorizer"]["type"] == "jwt"
}

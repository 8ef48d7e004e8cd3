//! A route without an authorizer that the design table does not leave open or to a signature.

use serde_json::Value;

use super::view::View;
use crate::Finding;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, api) in view.of_kind("AWS::Serverless::HttpApi") {
        let definition = &api["DefinitionBody"];
        for (path, operations) in definition["paths"].as_object().into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                if is_open(view, method, path) || is_guarded(definition, operation) {
                    continue;
                }
                let route = format!("{} {path}", method.to_uppercase());
                let problem = format!("lets anybody call {route}");
                let remedy = "Give the operation a `security` whose scheme has an authorizer, or say \
                              `Callers::Anyone` in the design table";
                findings.push(Finding::new(id, problem, remedy));
            }
        }
    }
    findings
}

/// Whether callers of a route need no token, by the table.
fn is_open(view: View<'_>, method: &str, path: &str) -> bool {
    let routes = view.stack.functions.iter().flat_map(|function| &function.routes);
    let mut this = routes
        .filter(|route| route.path == path && route.method.as_str().eq_ignore_ascii_case(method));
    this.any(|route| !route.callers.need_token())
}

/// Whether an operation asks for a token in every case, of a scheme that verifies it.
fn is_guarded(definition: &Value, operation: &Value) -> bool {
    let required = operation["security"].as_array().into_iter().flatten();
    let mut schemes = required.map(|one| one.as_object().into_iter().flatten());
    let verifies = |name: &String| {
        let scheme = &definition["components"]["securitySchemes"][name];
        scheme["x-amazon-apigateway-authorizer"]["type"] == "jwt"
    };
    let mut some = false;
    let all = schemes.all(|mut one| {
        some = true;
        one.any(|(name, _)| verifies(name))
    });
    some && all
}

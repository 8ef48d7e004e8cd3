//! The HTTP API in front of the functions that have routes.

use std::collections::BTreeSet;

use chorus_http::{Callers, HttpFunction, Route};
use serde_json::{Value, json};

use super::Stack;
use super::parameters::HAS_JWT;
use crate::Template;
use crate::constructs::{HttpApi, InvokePermission, LogGroup, Operation};
use crate::intrinsics::either;
use crate::names;

pub(crate) const API: &str = "Api";
/// The log group of its requests.
const LOGS: &str = "ApiLogs";

pub(crate) fn add(template: &mut Template, stack: &Stack) {
    if !stack.has_api() {
        return;
    }
    template.section(
        "The HTTP API: the routes of all services. Where a JwtIssuer is given, callers need its\n\
         token, but for the webhooks, which are signed.",
    );
    let name = "/aws/apigateway/${AWS::StackName}".to_owned();
    template.add(LOGS, &LogGroup { name, days: "LogRetentionDays" });
    let operations = stack
        .with_routes()
        .flat_map(|function| function.routes.iter().map(|route| operation(function, route)))
        .collect();
    let api = HttpApi {
        operations,
        with_tokens: HAS_JWT,
        issuer_and_audience: ("JwtIssuer", "JwtAudience"),
        log_group: LOGS,
    };
    template.add(API, &api);
    for function in stack.with_routes() {
        let permission = InvokePermission {
            function: names::function(function.function.service.name),
            api: API,
        };
        template.add(format!("{}FromApi", permission.function), &permission);
    }
}

/// The variable that gives whoever has no token every role, where the API asks for none.
pub(crate) fn without_token(routes: &[Route]) -> Option<(String, Value)> {
    let roles: BTreeSet<&str> = routes
        .iter()
        .filter_map(|route| match route.callers {
            Callers::Token { roles, .. } => Some(roles),
            Callers::Nobody | Callers::Anyone | Callers::Partner(_) => None,
        })
        .flat_map(|roles| roles.iter().map(|role| role.name))
        .collect();
    let roles = roles.into_iter().collect::<Vec<_>>().join(" ");
    let value = either(HAS_JWT, json!(""), json!(roles));
    (!roles.is_empty()).then(|| ("ROLES_WITHOUT_TOKEN".to_owned(), value))
}

fn operation(function: &HttpFunction, route: &Route) -> Operation {
    Operation {
        path: route.path,
        method: route.method.as_str().to_ascii_lowercase(),
        summary: route.summary,
        success: route.success,
        function: names::function(function.function.service.name),
        guarded: route.callers.need_token(),
    }
}

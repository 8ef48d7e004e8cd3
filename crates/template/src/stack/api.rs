//! The HTTP API in front of the functions that have routes.

use chorus_http::{HttpFunction, Route};

use super::Stack;
use super::parameters::HAS_JWT;
use crate::Template;
use crate::constructs::{HttpApi, InvokePermission, LogGroup, Operation};
use crate::names;

pub(crate) const API: &str = "Api";
/// The log group of its requests.
const LOGS: &str = "ApiLogs";

/// Routes below this path carry their own proof, a signature.
const SIGNED: &str = "/webhooks/";

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

fn operation(function: &HttpFunction, route: &Route) -> Operation {
    Operation {
        path: route.path,
        method: route.method.as_str().to_ascii_lowercase(),
        summary: route.summary,
        success: route.success,
        function: names::function(function.function.service.name),
        guarded: !route.path.starts_with(SIGNED),
    }
}

//! The HTTP API in front of the functions that have routes.

use std::collections::BTreeSet;

use chorus_http::{HttpFunction, Route};
use serde_json::Value;

use super::Stack;
use super::parameters::OWN_POOL;
use crate::Template;
use crate::constructs::{
    HttpApi, InvokePermission, LogGroup, Operation, UserPool, UserPoolClient, UserPoolGroup,
};
use crate::intrinsics::{either, reference, substitute};
use crate::names;

pub(crate) const API: &str = "Api";
pub(crate) const USER_POOL: &str = "UserPool";
pub(crate) const USER_POOL_CLIENT: &str = "UserPoolClient";
/// The logical id of the log group for the API's access logs.
const LOGS: &str = "ApiLogs";

pub(crate) fn add(template: &mut Template, stack: &Stack) {
    if !stack.has_api() {
        return;
    }
    add_user_pool(template, stack);
    template.section(
        "The HTTP API: the routes of all services. Callers need a token, of JwtIssuer or of the user\n\
         pool, except on routes that are open or verify a partner's signature.",
    );
    let name = "/aws/apigateway/${AWS::StackName}".to_owned();
    template.add(LOGS, &LogGroup { name, days: "LogRetentionDays" });
    let operations = stack
        .with_routes()
        .flat_map(|function| function.routes.iter().map(|route| operation(function, route)))
        .collect();
    let pool_issuer =
        substitute(format!("https://cognito-idp.${{AWS::Region}}.amazonaws.com/${{{USER_POOL}}}"));
    let api = HttpApi {
        operations,
        issuer: either(OWN_POOL, pool_issuer, reference("JwtIssuer")),
        audience: either(OWN_POOL, reference(USER_POOL_CLIENT), reference("JwtAudience")),
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

/// The roles that the routes of all functions admit.
fn roles(stack: &Stack) -> BTreeSet<&'static str> {
    let routes = stack.with_routes().flat_map(|function| &function.routes);
    routes.flat_map(|route| route.callers.roles()).map(|role| role.name).collect()
}

/// Adds a user pool with a group for each role. The pool exists only if no issuer of tokens is
/// configured.
fn add_user_pool(template: &mut Template, stack: &Stack) {
    template.section(
        "The user pool of callers, if no JwtIssuer is given. A user's name is a customer's id or, for a\n\
         user who is in the group of a role, any other name.",
    );
    template.add(USER_POOL, &UserPool { condition: OWN_POOL });
    let client = UserPoolClient { pool: USER_POOL, condition: OWN_POOL };
    template.add(USER_POOL_CLIENT, &client);
    for role in roles(stack) {
        let group = UserPoolGroup { pool: USER_POOL, role, condition: OWN_POOL };
        template.add(format!("{}Group", names::pascal(role)), &group);
    }
}

/// The environment variables that name the token's claims with the caller's name and roles; empty
/// for a function without routes.
pub(crate) fn token_variables(routes: &[Route]) -> Vec<(String, Value)> {
    if routes.is_empty() {
        return Vec::new();
    }
    let variable = |name: &str, parameter| (name.to_owned(), reference(parameter));
    vec![
        variable("TOKEN_NAME_CLAIM", "JwtNameClaim"),
        variable("TOKEN_ROLES_CLAIM", "JwtRolesClaim"),
    ]
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

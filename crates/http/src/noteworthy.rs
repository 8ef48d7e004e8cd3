//! Logs requests that an operator should know of: requests on which the application failed, and
//! requests of rejected or throttled callers. Each request is logged once. A log line never has a
//! body, a query or a caller.

use std::collections::BTreeMap;

use crate::{Problem, Route};

/// The path parameter whose value is logged as the correlation id.
const ABOUT: &str = "order-id";

/// A request, reduced to what a log may contain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The route's method and path, with the names of its parameters. If no route matches, the
    /// request's method and the first segment of its path.
    pub route: String,
    /// The order's id, if the path has one.
    pub correlation_id: Option<String>,
}

impl LoggedRequest {
    /// A request to `route`; `path` has the values of the route's path parameters.
    #[must_use]
    pub fn of(route: &Route, path: &BTreeMap<String, String>) -> Self {
        let name = format!("{} {}", route.method, route.path);
        Self { route: name, correlation_id: path.get(ABOUT).cloned() }
    }

    /// A request to a path that may match no route.
    #[must_use]
    pub fn of_path(method: &str, path: &str) -> Self {
        let area = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let rest = if path.trim_start_matches('/').contains('/') { "/…" } else { "" };
        Self { route: format!("{method} /{area}{rest}"), correlation_id: None }
    }

    /// Logs the response if its status is a 5xx, 401, 403 or 429.
    pub fn log(&self, problem: &Problem) {
        let Problem { status, .. } = problem;
        if !matches!(status, 401 | 403 | 429 | 500..) {
            return;
        }
        let Self { route, correlation_id } = self;
        let code = problem.code.unwrap_or_else(|| problem.name());
        // Only the details of statuses above 500 are logged. The detail of a 500 may quote stored
        // data that could not be parsed.
        let why = problem.detail.as_deref().filter(|_| *status > 500);
        tracing::warn!(
            route,
            correlation_id,
            status,
            code,
            why,
            "{route} was answered with {status}: {code}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_path_is_logged_without_its_ids() {
        for (path, expected) in [
            ("/orders", "GET /orders"),
            ("/customers/maria/erase", "GET /customers/…"),
            ("/", "GET /"),
            ("", "GET /"),
        ] {
            assert_eq!(LoggedRequest::of_path("GET", path).route, expected);
        }
    }
}

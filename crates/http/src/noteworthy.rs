//! What an operator reads of requests: a failure of ours, and a caller who was turned away or held back,
//! each once; never a body, a query or a caller.

use std::collections::BTreeMap;

use crate::{Problem, Route};

/// The parameter of a path that names what a request is about.
const ABOUT: &str = "order-id";

/// What a request asked for, as far as a log may tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Method and path of the route, with the names of its parameters; of a request that no route answers,
    /// the first part of its path.
    pub route: String,
    /// The order that the path names.
    pub correlation_id: Option<String>,
}

impl Asked {
    /// A request to this route; `path` has what stands for the names in its path.
    #[must_use]
    pub fn of(route: &Route, path: &BTreeMap<String, String>) -> Self {
        let name = format!("{} {}", route.method, route.path);
        Self { route: name, correlation_id: path.get(ABOUT).cloned() }
    }

    /// A request to a path that may be nobody's.
    #[must_use]
    pub fn somewhere(method: &str, path: &str) -> Self {
        let area = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let rest = if path.trim_start_matches('/').contains('/') { "/…" } else { "" };
        Self { route: format!("{method} /{area}{rest}"), correlation_id: None }
    }

    /// Logs the answer where an operator should know of it: a 5xx, and 401, 403 and 429.
    pub fn log(&self, problem: &Problem) {
        let Problem { status, .. } = problem;
        if !matches!(status, 401 | 403 | 429 | 500..) {
            return;
        }
        let Self { route, correlation_id } = self;
        let code = problem.code.unwrap_or_else(|| problem.name());
        // What no retry helps may quote what it could not read.
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
    fn a_path_that_is_nobodys_is_told_without_its_ids() {
        for (path, told) in [
            ("/orders", "GET /orders"),
            ("/customers/maria/erase", "GET /customers/…"),
            ("/", "GET /"),
            ("", "GET /"),
        ] {
            assert_eq!(Asked::somewhere("GET", path).route, told);
        }
    }
}

//! Replaces the JSONata module if the feature `jsonata` is off: no text is read as a query.

use std::convert::Infallible;

use crate::failure::Failure;
use crate::json::Json;
use crate::scope::Scope;

/// A type without values: no query exists if the feature `jsonata` is off.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query(Infallible);

impl Query {
    /// Whether this build supports JSONata.
    pub(crate) const KNOWN: bool = false;

    pub(crate) fn of(_text: &str) -> Option<Result<Self, String>> {
        None
    }

    pub(crate) fn text(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn evaluate(&self, _place: &str, _scope: &Scope<'_>) -> Result<Json, Failure> {
        match self.0 {}
    }
}

//! What is wrong with a template, and what to do about it.

use std::fmt;

use serde::Serialize;

/// One fault of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The resource, or what else in the template is wrong.
    pub resource: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would mend it.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn new(
        resource: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { resource: resource.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}.", self.resource, self.problem, self.remedy)
    }
}

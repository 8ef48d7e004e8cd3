//! What is wrong with a row, and what to do about it.

use std::fmt;

use serde::Serialize;

/// One thing that keeps the flow from closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The row, or the event, that is wrong.
    pub row: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would mend it.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn new(
        row: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { row: row.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}.", self.row, self.problem, self.remedy)
    }
}

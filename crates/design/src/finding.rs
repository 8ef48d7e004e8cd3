//! A finding of a check: a fault in a design table, or in the code or the template that belongs to
//! the table, with a remedy.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The row, event or template resource with the fault.
    pub subject: String,
    /// The fault, as the end of a sentence that begins with the subject.
    pub problem: String,
    /// How to fix the fault, as a sentence without its full stop.
    pub remedy: String,
}

impl Finding {
    /// A fault of `subject`, with its remedy.
    pub fn new(
        subject: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { subject: subject.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}.", self.subject, self.problem, self.remedy)
    }
}

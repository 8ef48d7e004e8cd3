//! A finding of a check, in a design table or in what derives from it, and how to fix it.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The row, the event or the template's resource that is wrong.
    pub subject: String,
    /// What is wrong with it, as the end of a sentence that begins with the subject.
    pub problem: String,
    /// How to fix it, as a sentence without its full stop.
    pub remedy: String,
}

impl Finding {
    /// `subject`, its problem, and how to fix it.
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

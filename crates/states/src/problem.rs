//! What is wrong with a definition: where, why, and what helps.

use std::fmt;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The machine can run, but hardly as it was meant.
    Warning,
    /// The machine is refused.
    Error,
}

/// One problem of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it refuses the machine.
    pub severity: Severity,
    /// The name of the state it is in; none for the machine itself.
    pub state: Option<String>,
    /// The field, as a path below the state: `Retry[0].ErrorEquals`.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// What helps, where that is known.
    pub remedy: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(formatter, "{severity}: ")?;
        match &self.state {
            Some(state) => write!(formatter, "state '{state}'")?,
            None => formatter.write_str("machine")?,
        }
        if !self.field.is_empty() {
            write!(formatter, ", field {}", self.field)?;
        }
        write!(formatter, ": {}", self.reason)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, " ({remedy})"),
            None => Ok(()),
        }
    }
}

/// Every problem of a refused definition; warnings stand among the errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

/// One problem a line.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}

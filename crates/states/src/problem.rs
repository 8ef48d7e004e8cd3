//! What is wrong with a definition: where, why, and what helps.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The machine can run, but hardly as it was meant.
    Warning,
    /// The machine is refused.
    Error,
}

/// What kind of problem it is, as `ValidateStateMachineDefinition` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// There is no definition.
    MissingDescription,
    /// A field is missing, unknown, or not as it should be.
    SchemaValidationFailed,
    /// No state ends the machine.
    MissingEndState,
    /// A name is given to two states.
    DuplicateStateName,
    /// A name is too long or empty.
    InvalidStateName,
    /// A label is given to two Maps.
    DuplicateLabelName,
    /// A label is too long or of characters that are not allowed.
    InvalidLabelName,
    /// A state is named that is not there, or one cannot be reached.
    MissingTransitionTarget,
    /// A value looks like a path or a function, and its key does not end in `.$`.
    NoDollar,
    /// The `Result` of a Pass state is not filled in, and has a key that ends in `.$`.
    PassResultIsStatic,
}

impl Code {
    /// The code as the service writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Self::MissingDescription => "MISSING_DESCRIPTION",
            Self::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Self::MissingEndState => "MISSING_END_STATE",
            Self::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Self::InvalidStateName => "INVALID_STATE_NAME",
            Self::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            Self::InvalidLabelName => "INVALID_LABEL_NAME",
            Self::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Self::NoDollar => "NO_DOLLAR",
            Self::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
        }
    }
}

/// One problem of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it refuses the machine.
    pub severity: Severity,
    /// The service's code for it; none where the service says nothing, and this library does.
    pub code: Option<Code>,
    /// Where it is, as the service points at it: `/States/Charge/Retry[0]`; none for the whole.
    pub location: Option<String>,
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

/// The diagnostic as `ValidateStateMachineDefinition` answers it, with what helps beside it.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let severity = match self.severity {
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        let told = self.to_string();
        let message = told.split_once(": ").map_or(told.as_str(), |(_, message)| message);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("severity", severity)?;
        if let Some(code) = self.code {
            map.serialize_entry("code", code.as_str())?;
        }
        map.serialize_entry("message", message)?;
        if let Some(location) = &self.location {
            map.serialize_entry("location", location)?;
        }
        map.end()
    }
}

//! Problems of a definition: where they are, what is wrong, and how to solve them.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Whether a problem prevents the machine from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The machine can run, but probably not as intended.
    Warning,
    /// The machine is refused.
    Error,
}

/// The kind of a problem. Each kind is a code that Step Functions' `ValidateStateMachineDefinition`
/// reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// The definition is missing.
    MissingDescription,
    /// A field is missing, unknown or invalid.
    SchemaValidationFailed,
    /// No state ends the machine.
    MissingEndState,
    /// Two states have the same name.
    DuplicateStateName,
    /// A name is too long or empty.
    InvalidStateName,
    /// Two Maps have the same label.
    DuplicateLabelName,
    /// A label is empty, too long, or has a character that is not allowed.
    InvalidLabelName,
    /// A field names a state that does not exist, or a state cannot be reached.
    MissingTransitionTarget,
    /// A value looks like a path or a function but is not evaluated, because its key does not end
    /// in `.$`.
    NoDollar,
    /// The `Result` of a Pass state is not evaluated, although it has a key that ends in `.$`.
    PassResultIsStatic,
}

impl Code {
    /// The code as Step Functions writes it, such as `NO_DOLLAR`.
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

/// One problem of a state machine's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether the problem prevents the machine from running.
    pub severity: Severity,
    /// The code of Step Functions; absent for a warning that only this library gives.
    pub code: Option<Code>,
    /// Where Step Functions locates the problem, such as `/States/Charge/Retry[0]`; absent for a
    /// problem of the whole definition.
    pub location: Option<String>,
    /// The name of the state with the problem; absent for a problem of the machine itself.
    pub state: Option<String>,
    /// The path of the field inside the state, such as `Retry[0].ErrorEquals`; empty for a problem
    /// of the whole state.
    pub field: String,
    /// A description of the problem, for people.
    pub reason: String,
    /// A suggested solution, if one is known.
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

/// All problems of a definition that was refused, warnings included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

/// Writes one problem per line.
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

/// Writes the problem as a diagnostic of `ValidateStateMachineDefinition`. The diagnostic's message
/// includes the remedy.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let severity = match self.severity {
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        let text = self.to_string();
        let message = text.split_once(": ").map_or(text.as_str(), |(_, message)| message);
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

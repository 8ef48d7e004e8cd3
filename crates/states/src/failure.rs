//! The error that a state ends with, and which names in `ErrorEquals` match it.

use serde::{Deserialize, Serialize};

use crate::json::Json;

/// Matches every error except [`RUNTIME`] and a payload that is too large ([`Origin::Payload`]).
pub(crate) const ALL: &str = "States.ALL";
/// An interpreter error: it is never retried and never caught.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// A task exceeded its timeout, or sent no heartbeat in time.
pub(crate) const TIMEOUT: &str = "States.Timeout";
/// Matches a [`TIMEOUT`] of a task that sent no heartbeat in time.
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// Matches every error that [`ALL`] matches, except a timeout.
pub(crate) const TASK_FAILED: &str = "States.TaskFailed";
/// A payload is larger than the limit.
pub(crate) const DATA_LIMIT: &str = "States.DataLimitExceeded";
/// An intrinsic function does not accept its arguments.
pub(crate) const INTRINSIC: &str = "States.IntrinsicFailure";
/// The `ResultPath` cannot be applied to the state's input.
pub(crate) const RESULT_PATH: &str = "States.ResultPathMatchFailure";
/// Another error name that Step Functions uses for the same error as [`RESULT_PATH`].
const REFERENCE_PATH: &str = "States.ReferencePathConflict";
/// A branch of a Parallel state failed.
pub(crate) const BRANCH_FAILED: &str = "States.BranchFailed";
/// More iterations of a distributed Map failed than the Map tolerates.
pub(crate) const EXCEEDED: &str = "States.ExceedToleratedFailureThreshold";
/// The items of a distributed Map could not be read.
pub(crate) const READER_FAILED: &str = "States.ItemReaderFailed";
/// The results of a distributed Map could not be written.
pub(crate) const WRITER_FAILED: &str = "States.ResultWriterFailed";
/// A JSONata expression failed.
pub(crate) const QUERY: &str = "States.QueryEvaluationError";

/// An error with its name and its cause, as `Retry`, `Catch` and the history get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The name that `Retry` and `Catch` match, such as `States.Timeout`; absent if none was given.
    pub error: Option<String>,
    /// A description for people; absent if none was given.
    pub cause: Option<String>,
    /// The kind of error, which decides which names in `ErrorEquals` match it.
    pub(crate) origin: Origin,
    /// Whether the error came from a branch of a Parallel or from an iteration of an inline Map.
    #[serde(default)]
    pub(crate) from_branch: bool,
    /// The field whose JSONata expression failed, such as `Output/total`; absent for other errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// Every error that is neither [`Origin::Payload`] nor [`Origin::Heartbeat`].
    Ordinary,
    /// The payload of a state is too large. [`ALL`] and [`TASK_FAILED`] do not match this error.
    Payload,
    /// A task sent no heartbeat in time.
    Heartbeat,
}

impl Failure {
    /// Makes an error from its name and its cause.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(cause.into()),
            origin: Origin::Ordinary,
            from_branch: false,
            location: None,
        }
    }

    /// Makes the failure of a JSONata expression: the expression cannot be evaluated, or the field
    /// does not accept the expression's value. `location` is the field, such as `Output/total`.
    pub(crate) fn query(location: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { location: Some(location.into()), ..Self::new(QUERY, cause) }
    }

    /// Makes an interpreter error ([`RUNTIME`]), which no state can retry or catch.
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::new(RUNTIME, cause)
    }

    pub(crate) fn intrinsic(cause: impl Into<String>) -> Self {
        Self::new(INTRINSIC, cause)
    }

    pub(crate) fn timeout(origin: Origin) -> Self {
        Self { cause: None, origin, ..Self::new(TIMEOUT, "") }
    }

    pub(crate) fn payload(name: &str) -> Self {
        let cause = format!(
            "The state/task '{name}' returned a result with a size exceeding the maximum number \
             of bytes service limit."
        );
        Self { origin: Origin::Payload, ..Self::new(DATA_LIMIT, cause) }
    }

    /// Prefixes the cause with the name of the state and the id of the state's entry event.
    pub(crate) fn at(mut self, state: &str, entered: u64) -> Self {
        let cause = self.cause.unwrap_or_default();
        self.cause = Some(format!(
            "An error occurred while executing the state '{state}' (entered at the event id \
             #{entered}). {cause}"
        ));
        self
    }

    /// Whether the error is a `States.Runtime`, which no state can retry or catch.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.error.as_deref() == Some(RUNTIME)
    }

    /// Whether this name, listed in `ErrorEquals`, matches the failure.
    pub(crate) fn is_matched_by(&self, name: &str) -> bool {
        if self.is_fatal() {
            return false;
        }
        let error = self.error.as_deref().unwrap_or_default();
        match name {
            ALL => self.origin != Origin::Payload,
            TASK_FAILED => error != TIMEOUT && self.origin != Origin::Payload,
            HEARTBEAT_TIMEOUT => self.origin == Origin::Heartbeat || error == name,
            BRANCH_FAILED => self.from_branch || error == name,
            REFERENCE_PATH => error == RESULT_PATH || error == name,
            _ => error == name,
        }
    }

    /// The error output that a Catcher receives.
    pub(crate) fn output(&self) -> Json {
        let text = |value: &Option<String>| value.clone().map_or(Json::Null, Json::from);
        // Without a cause, a timeout has an empty string as `Cause`; any other failure has null.
        let cause = match (&self.error, &self.cause) {
            (Some(error), None) if error == TIMEOUT => Json::from(""),
            (_, cause) => text(cause),
        };
        Json::object([("Error", text(&self.error)), ("Cause", cause)])
    }
}

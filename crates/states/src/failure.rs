//! The error a state ends with, and which `ErrorEquals` names it answers to.

use serde::{Deserialize, Serialize};

use crate::json::Json;

/// Matches every error name but those that no state may handle.
pub(crate) const ALL: &str = "States.ALL";
/// An interpreter error: it is never retried and never caught.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// A task ran longer than its time, or sent no heartbeat in time.
pub(crate) const TIMEOUT: &str = "States.Timeout";
/// A task sent no heartbeat in time.
pub(crate) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// Matches every error but a timeout.
pub(crate) const TASK_FAILED: &str = "States.TaskFailed";
/// A payload is larger than the limit.
pub(crate) const DATA_LIMIT: &str = "States.DataLimitExceeded";
/// An intrinsic function was given arguments that it does not take.
pub(crate) const INTRINSIC: &str = "States.IntrinsicFailure";
/// The `ResultPath` cannot be applied to the state's input.
pub(crate) const RESULT_PATH: &str = "States.ResultPathMatchFailure";
/// The name under which the service has been seen to report [`RESULT_PATH`].
const REFERENCE_PATH: &str = "States.ReferencePathConflict";
/// A branch of a Parallel state failed.
pub(crate) const BRANCH_FAILED: &str = "States.BranchFailed";
/// More iterations of a distributed Map failed than are tolerated.
pub(crate) const EXCEEDED: &str = "States.ExceedToleratedFailureThreshold";
/// The items of a distributed Map could not be read.
pub(crate) const READER_FAILED: &str = "States.ItemReaderFailed";
/// The results of a distributed Map could not be written.
pub(crate) const WRITER_FAILED: &str = "States.ResultWriterFailed";
/// A JSONata expression failed.
pub(crate) const QUERY: &str = "States.QueryEvaluationError";

/// What went wrong, as `Retry`, `Catch` and the history see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What `Retry` and `Catch` match, such as `States.Timeout`.
    pub error: Option<String>,
    /// The text for people.
    pub cause: Option<String>,
    /// Where it comes from, which decides who may handle it.
    pub(crate) origin: Origin,
    /// Whether it came up from a branch or an iteration.
    #[serde(default)]
    pub(crate) from_branch: bool,
    /// The field whose query failed, such as `Output/total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// A task, a Fail state, or an interpreter error that may be caught.
    Ordinary,
    /// The payload of a state is too large: only its own name catches it.
    Payload,
    /// A missing heartbeat.
    Heartbeat,
}

impl Failure {
    /// An error with a cause.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(cause.into()),
            origin: Origin::Ordinary,
            from_branch: false,
            location: None,
        }
    }

    /// A JSONata expression that cannot be evaluated, or answers with what the field does not take.
    pub(crate) fn query(location: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { location: Some(location.into()), ..Self::new(QUERY, cause) }
    }

    /// An interpreter error, which ends the execution.
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

    /// The same failure, its cause naming the state and its entered event.
    pub(crate) fn at(mut self, state: &str, entered: u64) -> Self {
        let cause = self.cause.unwrap_or_default();
        self.cause = Some(format!(
            "An error occurred while executing the state '{state}' (entered at the event id \
             #{entered}). {cause}"
        ));
        self
    }

    /// Whether no state may handle it.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.error.as_deref() == Some(RUNTIME)
    }

    /// Whether an entry of `ErrorEquals` names this failure.
    pub(crate) fn answers_to(&self, name: &str) -> bool {
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
        // A timeout of the service's own has an empty cause; a failure that was reported without
        // one has null.
        let cause = match (&self.error, &self.cause) {
            (Some(error), None) if error == TIMEOUT => Json::from(""),
            (_, cause) => text(cause),
        };
        Json::object([("Error", text(&self.error)), ("Cause", cause)])
    }
}

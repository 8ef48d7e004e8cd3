//! Why a message could not be handled. A business failure is no `Failure`: it is an event.

use chorus_table::ReadError;

use crate::{PARTNER_UNAVAILABLE, StoreError};

/// Why a message was not handled, and whether the platform should deliver the message again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Retry: nothing was decided, or the decision is committed and its events still have to be
    /// published.
    #[error("{message}")]
    Retryable {
        /// A stable name, which a `Retry` of a state machine can match.
        code: &'static str,
        message: String,
    },
    /// Do not retry, because a retry would not help: the message becomes a dead letter, with this
    /// failure as the reason.
    #[error("{message}")]
    Terminal {
        /// A stable name, which a `Catch` of a state machine can match.
        code: &'static str,
        message: String,
    },
}

impl Failure {
    /// The stable name of the failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Retryable { code, .. } | Self::Terminal { code, .. } => code,
        }
    }

    /// Whether the platform should try again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Retryable { .. })
    }

    /// Whether the message waits for a partner whose circuit breaker is open.
    #[must_use]
    pub fn waits_for_partner(&self) -> bool {
        self.code() == PARTNER_UNAVAILABLE
    }

    /// The failure for a message that does not fit its type. The failure is retryable if the sender
    /// uses a newer version, because our next release may be able to read the message.
    #[must_use]
    pub fn unreadable(error: &ReadError) -> Self {
        if error.is_newer() {
            return Self::later("NewerVersion", error.to_string());
        }
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let message = format!("{error}{}", cause.unwrap_or_default());
        Self::Terminal { code: "UnreadableEvent", message }
    }

    /// The failure for a stored item that does not fit its type.
    #[must_use]
    pub fn corrupt(kind: &str, error: &dyn std::fmt::Display) -> Self {
        let message = format!("the stored {kind} cannot be read: {error}");
        Self::Terminal { code: "CorruptItem", message }
    }

    /// The failure for a value that cannot be serialized as JSON.
    #[must_use]
    pub fn unwritable(kind: &str, error: &dyn std::fmt::Display) -> Self {
        let message = format!("the {kind} cannot be written as JSON: {error}");
        Self::Terminal { code: "Unwritable", message }
    }

    /// The retryable failure for a problem that is expected to disappear by itself.
    #[must_use]
    pub fn later(code: &'static str, message: impl Into<String>) -> Self {
        Self::Retryable { code, message: message.into() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Refused(_) => Self::Retryable { code: "Contended", message },
            StoreError::Throttled(_) => Self::Retryable { code: "Throttled", message },
            StoreError::Unavailable(_) => Self::Retryable { code: "StoreUnavailable", message },
            StoreError::Invalid(_) => Self::Terminal { code: "InvalidRequest", message },
        }
    }
}

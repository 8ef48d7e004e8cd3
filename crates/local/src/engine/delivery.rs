//! What is delivered: an accepted event, on its way to the target of one rule.

use std::sync::Arc;

use chorus_kernel::{Failure, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one delivery, for as long as it lives. Later ones have higher numbers.
pub type DeliveryId = u64;

/// An event that the bus has taken: it will reach every target that it matched, or its dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its place among all events.
    pub sequence: u64,
    /// The bus's own id of it.
    pub id: Uuid,
    /// The sender's `event-id`; the bus's id where the sender gave none.
    pub event_id: String,
    /// The order (or item, or customer) that it is about; the event's id where it names none.
    pub correlation_id: String,
    pub source: String,
    pub detail_type: String,
    /// When the bus took it.
    pub at: Timestamp,
    /// The whole event as targets receive it.
    pub json: Arc<str>,
    /// The replay that it comes from.
    pub replay: Option<Arc<str>>,
}

/// Why a delivery did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct Fault {
    pub code: String,
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl Fault {
    /// Something that is expected to pass.
    pub fn passing(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: true }
    }

    /// Something that trying again does not help.
    pub fn terminal(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code().to_owned(),
            message: failure.to_string(),
            retryable: failure.is_retryable(),
        }
    }
}

/// Which limit of the retry policy a delivery reached, in EventBridge's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exhausted {
    /// It was tried as often as the policy allows.
    MaximumRetryAttempts,
    /// It was tried for as long as the policy allows.
    MaximumEventAgeInSeconds,
}

impl Exhausted {
    /// The value of the attribute `EXHAUSTED_RETRY_CONDITION`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaximumRetryAttempts => "MaximumRetryAttempts",
            Self::MaximumEventAgeInSeconds => "MaximumEventAgeInSeconds",
        }
    }
}

/// Why a delivery is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub fault: Fault,
    /// How often it was tried again after the first attempt.
    pub retries: u32,
    /// The limit that it met; none where trying again would not have helped.
    pub exhausted: Option<Exhausted>,
    pub at: Timestamp,
}

/// One event on its way to the target of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// The index of its route.
    pub route: usize,
    pub event: Arc<Accepted>,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is tried: from when the bus took the event on, or, in a queue, from when it was
    /// sent there.
    pub first_at: Timestamp,
    /// When it may be tried next.
    pub due_at: Timestamp,
    /// Whether a partner's rate limit has already granted its instant.
    pub(crate) granted: bool,
    pub cause: Option<Arc<Cause>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It succeeded; the function's answer, where it was one of ours.
    Done(Option<Outcome>),
    Failed(Fault),
}

/// Claims one attempt of one delivery: settling needs it, and a stale one settles nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub id: DeliveryId,
    pub(crate) receipt: u64,
    /// The queue that it was received from; none for the bus itself.
    pub(crate) queue: Option<usize>,
}

/// A delivery that was taken and has to be settled.
#[derive(Debug, Clone)]
pub struct Taken {
    pub ticket: Ticket,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The index of the route that handles it.
    pub route: usize,
    pub event: Arc<Accepted>,
    /// Whether its queue has tried it for as long as its policy allows: the row that its own row
    /// gives up to answers it.
    pub overdue: bool,
}

/// Something to be done now.
#[derive(Debug, Clone)]
pub enum Work {
    /// The bus invokes the function of the route.
    Invoke(Taken),
    /// The bus calls the partner of the route.
    Call(Taken),
    /// A queue's consumer was handed these. Each is settled apart.
    Batch(Vec<Taken>),
    Job(&'static str),
    /// An execution of a state machine goes on.
    Wake(Arc<str>),
}

impl Work {
    /// The deliveries that were taken with it.
    #[must_use]
    pub fn taken(&self) -> &[Taken] {
        match self {
            Self::Invoke(taken) | Self::Call(taken) => std::slice::from_ref(taken),
            Self::Batch(batch) => batch,
            Self::Job(_) | Self::Wake(_) => &[],
        }
    }
}

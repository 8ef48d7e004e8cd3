//! Deliveries: each brings an accepted event to the target of one rule.

use std::sync::Arc;

use chorus_kernel::{Failure, Outcome};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one delivery among all pending deliveries and dead letters. A newer delivery has a
/// higher number.
pub type DeliveryId = u64;

/// An event that the bus has accepted. The event will reach the target of every rule that it
/// matches, or the target's dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The event's number in the order of acceptance.
    pub sequence: u64,
    /// The bus's own id of the event.
    pub id: Uuid,
    /// The sender's `event-id`, or the bus's own id if the sender gave no `event-id`.
    pub event_id: String,
    /// The id of the order (or item, or customer) that the event is about, or the bus's own id of
    /// the event if the sender gave no `correlation-id`.
    pub correlation_id: String,
    /// The tenant that the event belongs to; `None` if the sender names no tenant.
    pub tenant: Option<Arc<str>>,
    pub source: String,
    pub detail_type: String,
    /// When the bus accepted the event.
    pub at: Timestamp,
    /// The whole event as targets receive it.
    pub json: Arc<str>,
    /// The name of the replay in which this archived event is delivered again; none if the event is
    /// not replayed.
    pub replay: Option<Arc<str>>,
}

/// Why a delivery did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct DeliveryError {
    pub code: String,
    pub message: String,
    /// Whether a retry may help.
    pub retryable: bool,
}

impl DeliveryError {
    /// A fault that is expected to pass: a retry may help.
    pub fn retryable(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: true }
    }

    /// A fault that would occur again: a retry does not help.
    pub fn terminal(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false }
    }
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code().to_owned(),
            message: failure.to_string(),
            retryable: failure.is_retryable(),
        }
    }
}

/// Which limit of its retry policy a delivery reached, in EventBridge's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exhausted {
    /// The delivery was tried as many times as the policy allows.
    MaximumRetryAttempts,
    /// The delivery was tried for as long as the policy allows.
    MaximumEventAgeInSeconds,
}

impl Exhausted {
    /// The value of a dead letter's attribute `EXHAUSTED_RETRY_CONDITION`.
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
    pub fault: DeliveryError,
    /// How many times the delivery was retried after the first attempt.
    pub retries: u32,
    /// The limit of the retry policy that was reached; none if the delivery was not retried because
    /// a retry would not have helped.
    pub exhausted: Option<Exhausted>,
    pub at: Timestamp,
}

/// One event for the target of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// The index of the delivery's route in the topology.
    pub route: usize,
    pub event: Arc<Accepted>,
    /// How many times the delivery was tried.
    pub attempts: u32,
    /// The time from which the retry policy counts the delivery's age: when the bus accepted the
    /// event, or, in a queue, when the event was sent to the queue.
    pub first_at: Timestamp,
    /// When the delivery may be tried next.
    pub due_at: Timestamp,
    pub cause: Option<Arc<Cause>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptResult {
    /// Success; with the outcome, if the target is a function.
    Done(Option<Outcome>),
    Failed(DeliveryError),
}

/// The right to report the result of one attempt of one delivery. A ticket is stale once the
/// message was received again. A report with a stale ticket is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub id: DeliveryId,
    pub(crate) receipt: u64,
    /// The queue that the delivery was received from; none if it was taken from the bus itself.
    pub(crate) queue: Option<usize>,
}

/// A delivery that was taken for one attempt. The code that took the delivery has to report the
/// attempt's result.
#[derive(Debug, Clone)]
pub struct Taken {
    pub ticket: Ticket,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The index, in the topology, of the route that handles the delivery.
    pub route: usize,
    pub event: Arc<Accepted>,
    /// Whether the queue has retried the delivery for as long as the policy allows. If so, the
    /// event is handled by the action that the delivery's row names in `gives_up_to`, or a last
    /// time by the row's own action if the row names none.
    pub overdue: bool,
}

/// Work that is due.
#[derive(Debug, Clone)]
pub enum Work {
    /// The bus invokes the function of the delivery's route.
    Invoke(Taken),
    /// The bus calls the partner of the delivery's route.
    Call(Taken),
    /// Messages for a queue's consumer. Each message is settled separately.
    Batch(Vec<Taken>),
    Job(&'static str),
    /// An execution of a state machine continues.
    Wake(Arc<str>),
}

impl Work {
    /// The deliveries of this work.
    #[must_use]
    pub fn taken(&self) -> &[Taken] {
        match self {
            Self::Invoke(taken) | Self::Call(taken) => std::slice::from_ref(taken),
            Self::Batch(batch) => batch,
            Self::Job(_) | Self::Wake(_) => &[],
        }
    }
}

//! What the engine hands out: changes for the journal, observations for people.

use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::Outcome;
use jiff::Timestamp;

use super::{Accepted, Cause, DeliveryId, Fault};

/// A change of what is pending, for the journal. Whoever loses the last few of these delivers
/// something again, which at-least-once allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Settled(DeliveryId),
    /// A delivery will be tried again.
    Retried {
        id: DeliveryId,
        /// How often it was tried.
        attempts: u32,
        /// When it is tried next.
        due_at: Timestamp,
    },
    /// A delivery that its function failed on waits in `queue` to be tried again.
    LeftToRedrive {
        id: DeliveryId,
        queue: Arc<str>,
        at: Timestamp,
    },
    /// A delivery became a dead letter of `queue`, or of another one now, and of `rule`.
    Died {
        id: DeliveryId,
        /// The queue that it lies in.
        queue: Arc<str>,
        /// The rule whose target did not take it.
        rule: Arc<str>,
        cause: Arc<Cause>,
    },
    /// A dead letter goes to its target again.
    Revived {
        id: DeliveryId,
        due_at: Timestamp,
    },
    /// An attempt failed: what a trace shows of it.
    Failed {
        /// The sender's id of the event.
        event_id: String,
        rule: Arc<str>,
        fault: Fault,
        at: Timestamp,
    },
    Fired {
        job: &'static str,
        at: Timestamp,
    },
}

/// Something that happened, for whoever watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The bus took an event.
    Accepted(Arc<Accepted>),
    Started(Step),
    Succeeded {
        step: Step,
        /// What the function answered; none of a partner.
        outcome: Option<Outcome>,
        took: Duration,
    },
    Failed {
        step: Step,
        fault: Fault,
        took: Duration,
        /// When it is tried again; never, where it is a dead letter now.
        again_at: Option<Timestamp>,
    },
    /// A delivery became a dead letter.
    DeadLettered {
        step: Step,
        queue: Arc<str>,
        cause: Arc<Cause>,
    },
    /// A dead letter goes to its target again.
    Redriven(Step),
    Fired(&'static str),
}

/// One attempt of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: DeliveryId,
    /// The rule whose target handles it.
    pub rule: Arc<str>,
    pub event: Arc<Accepted>,
    /// Which attempt, from 1; 0 before the first.
    pub attempt: u32,
}

/// Observes everything that happens, in order. It is called while the engine is locked: be quick,
/// and do not call back.
pub trait Observer: Send + Sync {
    fn observe(&self, observation: &Observation);
}

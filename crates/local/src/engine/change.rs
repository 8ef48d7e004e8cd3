//! The engine's outputs: changes for the journal, and observations for subscribers.

use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::Outcome;
use jiff::Timestamp;

use super::{Accepted, Cause, DeliveryError, DeliveryId};

/// A change of the pending work, for the journal. If the last few changes are lost, some deliveries
/// are made again, which at-least-once delivery allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Settled(DeliveryId),
    /// A delivery failed and will be retried.
    Retried {
        id: DeliveryId,
        /// How often the delivery was tried.
        attempts: u32,
        /// When the delivery is tried next.
        due_at: Timestamp,
    },
    /// A delivery on which its function failed was moved to `queue`, from which the function
    /// retries it.
    LeftToRedrive {
        id: DeliveryId,
        queue: Arc<str>,
        at: Timestamp,
    },
    /// A delivery became a dead letter, or a dead letter moved on to another dead-letter queue
    /// because the row that consumes it did not accept it either.
    DeadLettered {
        id: DeliveryId,
        /// The dead-letter queue.
        queue: Arc<str>,
        /// The rule whose target last did not accept the delivery.
        rule: Arc<str>,
        cause: Arc<Cause>,
    },
    /// A dead letter was sent to its target again.
    Redriven {
        id: DeliveryId,
        due_at: Timestamp,
    },
    /// An attempt failed; these fields are shown by a trace.
    Failed {
        /// The sender's id of the event.
        event_id: String,
        rule: Arc<str>,
        fault: DeliveryError,
        at: Timestamp,
    },
    /// At `from`, a schedule was added, or started its job. The job's next run is one interval
    /// after `from`.
    ScheduleCountsFrom {
        job: &'static str,
        from: Timestamp,
    },
}

/// Something that happened, for subscribers.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The bus accepted an event.
    Accepted(Arc<Accepted>),
    Started(Step),
    Succeeded {
        step: Step,
        /// The outcome that the function returned; none for a partner.
        outcome: Option<Outcome>,
        took: Duration,
    },
    Failed {
        step: Step,
        fault: DeliveryError,
        took: Duration,
        /// When the delivery is retried; none if it has become a dead letter.
        again_at: Option<Timestamp>,
    },
    /// A delivery became a dead letter.
    DeadLettered {
        step: Step,
        queue: Arc<str>,
        cause: Arc<Cause>,
    },
    /// A dead letter was sent to its target again.
    Redriven(Step),
    Fired(&'static str),
}

/// One attempt of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: DeliveryId,
    /// The rule whose target handles the delivery.
    pub rule: Arc<str>,
    pub event: Arc<Accepted>,
    /// The number of the attempt, from 1; 0 before the first.
    pub attempt: u32,
}

/// Is called with everything that happens, in order. It is called while the engine is locked, so it
/// has to return quickly, and must not call the bus.
pub trait Observer: Send + Sync {
    fn observe(&self, observation: &Observation);
}

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
        /// How many times the delivery was tried.
        attempts: u32,
        /// When the delivery is tried next.
        due_at: Timestamp,
    },
    /// The function failed on a delivery in all attempts of the bus. The delivery was moved to
    /// `queue`, from which the function receives it again.
    LeftToRedrive {
        id: DeliveryId,
        queue: Arc<str>,
        at: Timestamp,
    },
    /// A delivery moved to a dead-letter queue. If an action consumes that queue and fails, the
    /// dead letter moves on to the dead-letter queue of the action's row.
    DeadLettered {
        id: DeliveryId,
        /// The dead-letter queue.
        queue: Arc<str>,
        /// The rule whose target failed last.
        rule: Arc<str>,
        cause: Arc<Cause>,
    },
    /// A dead letter was sent to its target again.
    Redriven {
        id: DeliveryId,
        due_at: Timestamp,
    },
    /// An attempt failed. The journal keeps these fields for an operator's trace of the event.
    Failed {
        /// The event's id, given by the event's sender.
        event_id: String,
        rule: Arc<str>,
        fault: DeliveryError,
        at: Timestamp,
    },
    /// A schedule was added, or started its job, at `from`. The job's next run is one interval of
    /// the schedule after `from`.
    ScheduleCountsFrom {
        job: &'static str,
        from: Timestamp,
    },
}

/// A report of something that happened in the engine, for observers and subscribers.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// The bus accepted an event.
    Accepted(Arc<Accepted>),
    Started(Step),
    Succeeded {
        step: Step,
        /// The outcome that the function returned; none if the target is a partner.
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
    /// The number of the attempt, from 1; 0 before the first attempt.
    pub attempt: u32,
}

/// A receiver of every observation, in order. The engine is locked during each call, so an observer
/// has to return quickly, and must not call the bus.
pub trait Observer: Send + Sync {
    fn observe(&self, observation: &Observation);
}

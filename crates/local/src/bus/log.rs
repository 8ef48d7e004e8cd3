//! What an operator reads of deliveries: each failed call, and each dead letter, once, with what it
//! is about, the rule whose target it was meant for, the code and the attempt. Never the event itself, nor
//! a failure's text, which may quote it. What an action does not answer is logged by the kernel.

use crate::engine::{Cause, Exhausted, Step, Taken};

/// A delivery is a dead letter now.
pub(crate) fn dead_letter(step: &Step, queue: &str, cause: &Cause) {
    let Cause { fault, exhausted, .. } = cause;
    tracing::warn!(
        correlation_id = step.event.correlation_id,
        event = step.event.detail_type,
        event_id = step.event.event_id,
        rule = &*step.rule,
        queue,
        code = fault.code,
        attempt = step.attempt,
        exhausted = exhausted.map(Exhausted::name),
        "{} of {} is a dead letter of {}: {}",
        step.event.detail_type,
        step.event.correlation_id,
        step.rule,
        fault.code,
    );
}

/// The target of `rule` refused a delivery, or did not answer; with the HTTP status of a partner.
pub(crate) fn not_taken(taken: &Taken, rule: &str, code: &str, status: Option<u16>) {
    tracing::warn!(
        correlation_id = taken.event.correlation_id,
        event = taken.event.detail_type,
        event_id = taken.event.event_id,
        rule,
        code,
        status,
        attempt = taken.attempt,
        "{} of {} failed at {rule}: {code}",
        taken.event.detail_type,
        taken.event.correlation_id,
    );
}

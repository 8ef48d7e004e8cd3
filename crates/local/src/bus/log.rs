//! The log lines about deliveries: each failed call to a partner, each timeout of a function and
//! each dead letter is logged once, with its correlation id, the rule, the code and the attempt.
//! Neither the event nor a failure's text is logged, because the text may quote the event. The
//! kernel logs the failures of actions.

use crate::engine::{Cause, Exhausted, Step, Taken};

/// Logs that a delivery has become a dead letter.
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
        "{} of {} became a dead letter of the rule {}: {}",
        step.event.detail_type,
        step.event.correlation_id,
        step.rule,
        fault.code,
    );
}

/// Logs that the target of `rule` refused a delivery or did not answer. `status` is the HTTP status
/// of a partner's answer.
pub(crate) fn not_taken(taken: &Taken, rule: &str, code: &str, status: Option<u16>) {
    tracing::warn!(
        correlation_id = taken.event.correlation_id,
        event = taken.event.detail_type,
        event_id = taken.event.event_id,
        rule,
        code,
        status,
        attempt = taken.attempt,
        "{} of {} was not accepted by the target of the rule {rule}: {code}",
        taken.event.detail_type,
        taken.event.correlation_id,
    );
}

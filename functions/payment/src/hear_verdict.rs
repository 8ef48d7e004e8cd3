//! Completes the waiting task with the reviewer's decision. If a reviewer takes the review up,
//! sends the task's heartbeat instead.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, HearVerdictInput, HearVerdictOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, Versioned, replace, state};
use chorus_table::Handle;

use crate::transitions::{Fact, Next};
use crate::{Payment, ReviewCallback, ReviewVerdict};

#[derive(Debug)]
pub(crate) struct HearVerdict;

state! {
    pub(crate) struct Known read by KnownKeys {
        payment: Found<Payment>,
        waiting: Found<ReviewCallback>,
    }
}

impl Action for HearVerdict {
    type Row = rows::HearVerdict;
    type State = Known;

    fn keys(&self, input: &HearVerdictInput) -> KnownKeys {
        let (order_id, _) = order_and_handle(input);
        KnownKeys { payment: order_id.clone(), waiting: ReviewCallback::handle(order_id) }
    }

    fn decide(
        &self,
        input: &HearVerdictInput,
        Known { payment, waiting }: &Known,
        _: &Context<'_>,
    ) -> Result<Decision<HearVerdictOutput>, ActionError> {
        let (_, handle) = order_and_handle(input);
        let waiting = waiting.as_ref().filter(|waiting| Some(&waiting.handle) == handle);
        let Some(waiting) = waiting else {
            return Ok(Decision::nothing("no review was requested with this handle"));
        };
        if !waiting.is_open() {
            return Ok(Decision::nothing(
                "the verdict comes too late: the payment no longer waits for it",
            ));
        }
        Ok(match input {
            HearVerdictInput::ReviewTaken(_) => {
                Decision::nothing("a reviewer is at work").signal(waiting.heartbeat())
            }
            HearVerdictInput::OrderDeclined(_) => {
                let (change, signal) =
                    ReviewCallback::resolve(waiting, ReviewVerdict::Decline.answer());
                Decision::nothing("the order is declined, and is not charged")
                    .with(change)
                    .signal(signal)
            }
            HearVerdictInput::OrderApproved(_) => approved(waiting, payment.as_ref()),
        })
    }
}

fn order_and_handle(input: &HearVerdictInput) -> (&OrderId, Option<&Handle>) {
    match input {
        HearVerdictInput::OrderApproved(verdict) => (&verdict.order_id, verdict.handle.as_ref()),
        HearVerdictInput::OrderDeclined(verdict) => (&verdict.order_id, verdict.handle.as_ref()),
        HearVerdictInput::ReviewTaken(taken) => (&taken.order_id, Some(&taken.handle)),
    }
}

fn approved(
    waiting: &Versioned<ReviewCallback>,
    payment: Option<&Versioned<Payment>>,
) -> Decision<HearVerdictOutput> {
    let Some(payment) = payment else {
        return Decision::nothing("there is no payment to approve");
    };
    match payment.next(&Fact::Approval) {
        Next::Become(status, why) => {
            let (change, signal) =
                ReviewCallback::resolve(waiting, ReviewVerdict::Approve.answer());
            let approved = Payment { status, ..payment.value.clone() };
            Decision::nothing(why).with(replace(payment, &approved)).with(change).signal(signal)
        }
        Next::Nothing(why) => Decision::nothing(why),
        _ => Decision::nothing("the payment waits for no approval"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::testing::{payment, stored, update, wait, waits};
    use chorus_events::fraud::{OrderApproved, OrderDeclined, ReviewTaken};
    use chorus_events::samples;
    use chorus_kernel::{Signal, Write, testing::decide};
    use chorus_table::Event;
    use serde_json::Value;

    fn handle() -> Handle {
        ReviewCallback::handle(&samples::order_id())
    }

    fn on(input: impl Into<HearVerdictInput>, status: Status) -> Decision<HearVerdictOutput> {
        let stored = stored(Some(&payment(status)), Some(&wait("a-token", None)));
        decide(&HearVerdict, input, &stored).unwrap()
    }

    fn approval() -> OrderApproved {
        OrderApproved { handle: Some(handle()), ..Event::sample() }
    }

    /// Returns the write that stores `output` in the callback, and the signal that completes the
    /// task with `output`.
    fn answered(output: Value) -> (Write, Signal) {
        let change = waits(&wait("a-token", None), &wait("a-token", Some(&output)));
        (change, Signal::Answer { token: "a-token".to_owned(), output })
    }

    #[test]
    fn an_approval_lets_the_payment_go_on() {
        let decision = on(approval(), Status::WaitingForApproval);
        let (taken, signal) = answered(ReviewVerdict::Approve.answer());
        let known = payment(Status::WaitingForApproval);
        let approved = update(&known, &payment(Status::Approved));
        assert_eq!(decision.changes(), [approved, taken]);
        assert_eq!(decision.signals(), [signal]);
    }

    #[test]
    fn a_refusal_ends_the_wait_and_approves_nothing() {
        let declined = OrderDeclined { handle: Some(handle()), ..Event::sample() };
        let decision = on(declined, Status::WaitingForApproval);
        let (taken, signal) = answered(ReviewVerdict::Decline.answer());
        assert_eq!(decision.changes(), [taken]);
        assert_eq!(decision.signals(), [signal]);
    }

    #[test]
    fn a_reviewer_at_work_is_waited_for() {
        let taken = ReviewTaken { handle: handle(), ..Event::sample() };
        let decision = on(taken, Status::WaitingForApproval);
        assert_eq!(decision.changes(), []);
        assert_eq!(decision.signals(), [Signal::Heartbeat { token: "a-token".to_owned() }]);
    }

    #[test]
    fn a_verdict_that_comes_too_late_or_with_another_handle_changes_nothing() {
        let late = on(approval(), Status::Failed);
        let strange = on(OrderApproved::sample(), Status::WaitingForApproval);
        let answered = wait("a-token", Some(&ReviewVerdict::Canceled.answer()));
        let stored = stored(Some(&payment(Status::WaitingForApproval)), Some(&answered));
        let settled = decide(&HearVerdict, approval(), &stored).unwrap();
        for decision in [late, strange, settled] {
            assert!(decision.changes().is_empty() && decision.signals().is_empty());
        }
    }
}

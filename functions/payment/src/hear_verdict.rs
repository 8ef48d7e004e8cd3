//! Tells the machine that waits what the reviewer says.

use chorus_events::OrderId;
use chorus_events::table::rows::{self, HearVerdictInput, HearVerdictOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, Versioned, replace};
use chorus_table::Handle;

use crate::transitions::{Fact, Next};
use crate::{Payment, ReviewVerdict, ReviewWait};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct HearVerdict;

impl Action for HearVerdict {
    type Row = rows::HearVerdict;

    fn reads(&self, input: &HearVerdictInput) -> Vec<Read> {
        let (order_id, _) = about(input);
        vec![
            Read::entity::<Payment>(order_id),
            Read::entity::<ReviewWait>(ReviewWait::handle(order_id)),
        ]
    }

    fn decide(
        &self,
        given: &Given<'_, HearVerdictInput>,
        loaded: &Loaded,
    ) -> Result<Decision<HearVerdictOutput>, Refusal> {
        let (order_id, handle) = about(given.input);
        let waiting = loaded.entity::<ReviewWait>(ReviewWait::handle(order_id))?;
        let Some(waiting) = waiting.filter(|waiting| Some(&waiting.handle) == handle) else {
            return Ok(Decision::nothing("no review of this handle was asked for"));
        };
        if !waiting.is_open() {
            return Ok(Decision::nothing("it is too late: the payment waits no more"));
        }
        Ok(match given.input {
            HearVerdictInput::ReviewTaken(_) => {
                Decision::nothing("a reviewer is at work").signal(waiting.heartbeat())
            }
            HearVerdictInput::OrderDeclined(_) => {
                let (change, signal) = ReviewWait::take(&waiting, ReviewVerdict::Decline.answer());
                Decision::nothing("it is not charged").with(change).signal(signal)
            }
            HearVerdictInput::OrderApproved(_) => approved(&waiting, loaded.entity(order_id)?),
        })
    }
}

fn about(input: &HearVerdictInput) -> (&OrderId, Option<&Handle>) {
    match input {
        HearVerdictInput::OrderApproved(verdict) => (&verdict.order_id, verdict.handle.as_ref()),
        HearVerdictInput::OrderDeclined(verdict) => (&verdict.order_id, verdict.handle.as_ref()),
        HearVerdictInput::ReviewTaken(taken) => (&taken.order_id, Some(&taken.handle)),
    }
}

fn approved(
    waiting: &Versioned<ReviewWait>,
    payment: Option<Versioned<Payment>>,
) -> Decision<HearVerdictOutput> {
    let Some(payment) = payment else {
        return Decision::nothing("there is no payment to approve");
    };
    match payment.next(&Fact::Approval) {
        Next::Become(status, why) => {
            let (change, signal) = ReviewWait::take(waiting, ReviewVerdict::Approve.answer());
            let approved = Payment { status, ..payment.value.clone() };
            Decision::nothing(why).with(replace(&payment, &approved)).with(change).signal(signal)
        }
        Next::Nothing(why) => Decision::nothing(why),
        _ => Decision::nothing("the payment waits for no approval"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::testing::payment;
    use chorus_events::fraud::{OrderApproved, OrderDeclined, ReviewTaken};
    use chorus_events::samples;
    use chorus_kernel::{Signal, testing::decide};
    use chorus_table::Event;
    use serde_json::json;

    fn handle() -> Handle {
        ReviewWait::handle(&samples::order_id())
    }

    fn on(input: impl Into<HearVerdictInput>, status: Status) -> Decision<HearVerdictOutput> {
        let waiting = ReviewWait::of(samples::order_id(), "a-token");
        let loaded = Loaded::default().with(1, &payment(status)).with(1, &waiting);
        decide(&HearVerdict, input, &loaded).unwrap()
    }

    fn approval() -> OrderApproved {
        OrderApproved { handle: Some(handle()), ..Event::sample() }
    }

    #[test]
    fn an_approval_lets_the_payment_go_on() {
        let decision = on(approval(), Status::WaitingForApproval);
        assert_eq!(decision.changes().len(), 2);
        let [Signal::Answer { token, output }] = decision.signals() else { panic!("{decision:?}") };
        assert_eq!((token.as_str(), &output["verdict"]), ("a-token", &json!("approve")));
    }

    #[test]
    fn a_refusal_ends_the_wait_and_approves_nothing() {
        let declined = OrderDeclined { handle: Some(handle()), ..Event::sample() };
        let decision = on(declined, Status::WaitingForApproval);
        assert_eq!(decision.changes().len(), 1);
        assert!(matches!(decision.signals(), [Signal::Answer { .. }]));
    }

    #[test]
    fn a_reviewer_at_work_is_waited_for() {
        let taken = ReviewTaken { handle: handle(), ..Event::sample() };
        let decision = on(taken, Status::WaitingForApproval);
        assert!(decision.changes().is_empty());
        assert_eq!(decision.signals(), [Signal::Heartbeat { token: "a-token".to_owned() }]);
    }

    #[test]
    fn a_verdict_that_comes_too_late_or_with_another_handle_changes_nothing() {
        let late = on(approval(), Status::Failed);
        let strange = on(OrderApproved::sample(), Status::WaitingForApproval);
        for decision in [late, strange] {
            assert!(decision.changes().is_empty() && decision.signals().is_empty());
        }
    }
}

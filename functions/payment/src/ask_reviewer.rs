//! Asks for a person's look at an order of high value; the machine waits for the verdict.

use chorus_events::payment::ReviewRequested;
use chorus_events::table::rows::{self, AskReviewerInput, AskReviewerOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, Signal, Task, save};

use crate::transitions::{Fact, Next};
use crate::{Payment, ReviewVerdict, ReviewWait, Status};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct AskReviewer;

impl Action for AskReviewer {
    type Row = rows::AskReviewer;

    fn reads(&self, AskReviewerInput::DeliveryEstimated(order): &AskReviewerInput) -> Vec<Read> {
        vec![
            Read::entity::<Payment>(&order.order_id),
            Read::entity::<ReviewWait>(ReviewWait::handle(&order.order_id)),
        ]
    }

    fn decide(
        &self,
        given: &Given<'_, AskReviewerInput>,
        loaded: &Loaded,
    ) -> Result<Decision<AskReviewerOutput>, Refusal> {
        let AskReviewerInput::DeliveryEstimated(order) = given.input;
        let attempt = given.task().and_then(Task::waiting);
        let attempt =
            attempt.ok_or_else(|| Refusal::Conflict("nobody waits for a verdict".into()))?;
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let read = loaded.entity::<Payment>(&order_id)?;
        let fact = Fact::Review(&customer_id, order.total);
        let payment = Payment::known(&order_id, read.as_ref());
        let handle = ReviewWait::handle(&order_id);
        let known = loaded.entity::<ReviewWait>(&handle)?;
        let decision = match payment.next(&fact) {
            Next::Say(status) => {
                let payment = Payment { status, ..payment.learn(&fact) };
                let total = order.total;
                let asked =
                    ReviewRequested { order_id: order_id.clone(), customer_id, total, handle };
                Decision::emit(asked).with(save(read.as_ref(), &payment))
            }
            // Another attempt of the task waits now.
            _ if payment.status == Status::WaitingForApproval => {
                Decision::nothing("a reviewer was asked before")
            }
            // An approval that no attempt has heard of is among what was answered before.
            _ if payment.status == Status::Approved => Decision::nothing("it is approved"),
            _ => {
                let output = ReviewVerdict::Canceled.answer();
                let settled = Signal::Answer { token: attempt.0.to_owned(), output };
                return Ok(Decision::nothing("it is settled without a review").signal(settled));
            }
        };
        let Some((change, told)) = ReviewWait::keep(known.as_ref(), order_id, attempt) else {
            return Ok(Decision::nothing("a later attempt of the task waits"));
        };
        let decision = decision.with(change);
        Ok(told.into_iter().fold(decision, Decision::signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::payment;
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::samples;
    use chorus_kernel::testing::{decide_on, message, waiting};
    use chorus_table::Event;
    use serde_json::json;

    fn on(loaded: &Loaded) -> Decision<AskReviewerOutput> {
        let order = DeliveryEstimated { total: samples::high_total(), ..Event::sample() };
        decide_on(&AskReviewer, order, &waiting("a-token"), loaded).unwrap()
    }

    #[test]
    fn a_reviewer_is_asked_under_a_handle_and_the_token_stays_here() {
        let decision = on(&Loaded::default());
        let [AskReviewerOutput::ReviewRequested(asked)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(asked.handle, ReviewWait::handle(&samples::order_id()));
        assert!(!serde_json::to_string(asked).unwrap().contains("a-token"));
        assert_eq!(decision.changes().len(), 2);
    }

    #[test]
    fn the_next_attempt_is_told_of_a_verdict_that_the_first_one_missed() {
        let first = ReviewWait::of(samples::order_id(), "first");
        let read = chorus_kernel::Versioned { version: 1, value: first };
        let (change, _) = ReviewWait::take(&read, json!({ "verdict": "approve" }));
        let chorus_kernel::Write::Put { item, .. } = change else { panic!("{change:?}") };
        let answered: ReviewWait = serde_dynamo::from_item(item).unwrap();
        let loaded = Loaded::default().with(2, &payment(Status::Approved)).with(2, &answered);
        let output = json!({ "verdict": "approve" });
        assert_eq!(on(&loaded).signals(), [Signal::Answer { token: "a-token".into(), output }]);
    }

    #[test]
    fn a_canceled_order_is_not_looked_at() {
        let decision = on(&Loaded::default().with(2, &payment(Status::Canceled)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
        assert!(matches!(decision.signals(), [Signal::Answer { .. }]));
    }

    #[test]
    fn without_a_token_nobody_is_asked() {
        let order = DeliveryEstimated::sample();
        let refused = decide_on(&AskReviewer, order, &message(), &Loaded::default());
        assert!(matches!(refused, Err(Refusal::Conflict(_))));
    }
}

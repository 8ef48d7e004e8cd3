//! Requests a review and stores the task token until the reviewer answers.

use chorus_events::payment::ReviewRequested;
use chorus_events::table::rows::{self, AskReviewerInput, AskReviewerOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, Signal, Task, save, state};

use crate::transitions::{Fact, Next};
use crate::{Payment, ReviewCallback, ReviewVerdict, Status};

#[derive(Debug)]
pub(crate) struct AskReviewer;

state! {
    pub(crate) struct Known read by KnownKeys {
        payment: Found<Payment>,
        waiting: Found<ReviewCallback>,
    }
}

impl Action for AskReviewer {
    type Row = rows::AskReviewer;
    type State = Known;

    fn keys(&self, AskReviewerInput::DeliveryEstimated(order): &AskReviewerInput) -> KnownKeys {
        let waiting = ReviewCallback::handle(&order.order_id);
        KnownKeys { payment: order.order_id.clone(), waiting }
    }

    fn decide(
        &self,
        AskReviewerInput::DeliveryEstimated(order): &AskReviewerInput,
        Known { payment, waiting }: &Known,
        context: &Context<'_>,
    ) -> Result<Decision<AskReviewerOutput>, ActionError> {
        let attempt = context.task().and_then(Task::waiting);
        let (token, attempt) =
            attempt.ok_or_else(|| ActionError::Conflict("no task waits for a verdict".into()))?;
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let fact = Fact::Review(&customer_id, order.total);
        let known = Payment::known(&order_id, payment.as_ref());
        let decision = match known.next(&fact) {
            Next::Publish(status) => {
                let asking = Payment { status, ..known.learn(&fact) };
                let (total, handle) = (order.total, ReviewCallback::handle(&order_id));
                let (order_id, terms) = (order_id.clone(), order.terms);
                let asked = ReviewRequested { order_id, customer_id, total, handle, terms };
                Decision::emit(asked).with(save(payment.as_ref(), &asking))
            }
            // The review was requested before: this attempt of the task only stores its own token.
            _ if known.status == Status::WaitingForApproval => {
                Decision::nothing("a reviewer was asked before")
            }
            // The approval came before this attempt of the task: `register` below completes the
            // task with the approval.
            _ if known.status == Status::Approved => Decision::nothing("the payment is approved"),
            _ => {
                let output = ReviewVerdict::Canceled.answer();
                let settled = Signal::Answer { token: token.to_owned(), output };
                return Ok(
                    Decision::nothing("the payment has ended, and needs no review").signal(settled)
                );
            }
        };
        let Some((change, signal)) =
            ReviewCallback::register(waiting.as_ref(), order_id, token, attempt)
        else {
            return Ok(Decision::nothing("a later attempt of the task waits"));
        };
        let decision = decision.with(change);
        Ok(signal.into_iter().fold(decision, Decision::signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{payment, stored, wait, waits};
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::samples;
    use chorus_kernel::create;
    use chorus_kernel::testing::{Stored, decide_on, message, waiting};
    use chorus_table::Event;

    fn on(stored: &Stored) -> Decision<AskReviewerOutput> {
        let order = DeliveryEstimated { total: samples::high_total(), ..Event::sample() };
        decide_on(&AskReviewer, order, &waiting("a-token"), stored).unwrap()
    }

    #[test]
    fn a_reviewer_is_asked_under_a_handle_and_the_token_stays_here() {
        let decision = on(&Stored::default());
        let [AskReviewerOutput::ReviewRequested(asked)] = decision.events() else {
            panic!("{decision:?}")
        };
        assert_eq!(asked.handle, ReviewCallback::handle(&samples::order_id()));
        assert!(!serde_json::to_string(asked).unwrap().contains("a-token"));
        let begun = Payment {
            status: Status::WaitingForApproval,
            customer_id: Some(samples::customer_id()),
            amount: Some(samples::high_total()),
            ..Payment::new(samples::order_id())
        };
        assert_eq!(decision.changes(), [create(&begun), create(&wait("a-token", None))]);
    }

    #[test]
    fn the_next_attempt_waits_in_place_of_the_first_and_asks_nobody() {
        let first = wait("first", None);
        let known = payment(Status::WaitingForApproval);
        let decision = on(&stored(Some(&known), Some(&first)));
        assert_eq!(decision.events(), []);
        assert_eq!(decision.changes(), [waits(&first, &wait("a-token", None))]);
        assert_eq!(decision.signals(), []);
    }

    #[test]
    fn the_next_attempt_gets_the_verdict_that_the_first_one_missed() {
        let output = ReviewVerdict::Approve.answer();
        let first = wait("first", Some(&output));
        let decision = on(&stored(Some(&payment(Status::Approved)), Some(&first)));
        assert_eq!(decision.changes(), [waits(&first, &wait("a-token", Some(&output)))]);
        assert_eq!(decision.signals(), [Signal::Answer { token: "a-token".into(), output }]);
    }

    #[test]
    fn a_canceled_order_is_not_looked_at() {
        let decision = on(&stored(Some(&payment(Status::Canceled)), None));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
        assert!(matches!(decision.signals(), [Signal::Answer { .. }]));
    }

    #[test]
    fn without_a_token_nobody_is_asked() {
        let order = DeliveryEstimated::sample();
        let refused = decide_on(&AskReviewer, order, &message(), &Stored::default());
        assert!(matches!(refused, Err(ActionError::Conflict(_))));
    }
}

//! Fails the payment of an order if nobody began or finished the review in time, or if the payment
//! provider could not be reached for about a day.

use chorus_events::OrderId;
use chorus_events::payment::PaymentFailed;
use chorus_events::table::rows::{self, RefusePaymentInput, RefusePaymentOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, save};

use crate::Payment;
use crate::transitions::{Fact, Next};

/// The reason of the failure if the state machine passes none.
const DEFAULT_REASON: &str = "the payment could not be collected";

/// The reason of the failure if no state machine calls this action. The action then handles an
/// event that `CollectPayment` gave up after the last retry.
const PROVIDER_UNREACHABLE: &str = "the payment provider could not be reached";

#[derive(Debug)]
pub(crate) struct RefusePayment;

impl Action for RefusePayment {
    type Row = rows::RefusePayment;
    type State = Found<Payment>;

    fn keys(&self, RefusePaymentInput::DeliveryEstimated(order): &RefusePaymentInput) -> OrderId {
        order.order_id.clone()
    }

    fn decide(
        &self,
        RefusePaymentInput::DeliveryEstimated(order): &RefusePaymentInput,
        read: &Found<Payment>,
        context: &Context<'_>,
    ) -> Result<Decision<RefusePaymentOutput>, ActionError> {
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let reason = match context.task() {
            Some(task) => task.reason.as_deref().unwrap_or(DEFAULT_REASON),
            None => PROVIDER_UNREACHABLE,
        };
        let payment = Payment::known(&order_id, read.as_ref());
        let fact = Fact::GivenUp(&customer_id, order.total, reason);
        Ok(match payment.next(&fact) {
            Next::Publish(status) => {
                let refused = Payment { status, ..payment.learn(&fact) };
                let reason = reason.to_owned();
                Decision::emit(PaymentFailed { order_id, customer_id, reason })
                    .with(save(read.as_ref(), &refused))
            }
            Next::Nothing(why) => Decision::nothing(why),
            _ => Decision::nothing("the payment has ended, and cannot fail any more"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::testing::{payment, stored, update};
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::samples;
    use chorus_kernel::testing::decide;
    use chorus_kernel::{Write, create};
    use chorus_table::Event;

    fn on(known: Option<&Payment>) -> Decision<RefusePaymentOutput> {
        decide(&RefusePayment, DeliveryEstimated::sample(), &stored(known, None)).unwrap()
    }

    fn failed() -> [RefusePaymentOutput; 1] {
        let reason = PROVIDER_UNREACHABLE.to_owned();
        [PaymentFailed { reason, ..PaymentFailed::sample() }.into()]
    }

    /// Returns the write that stores this status, with the reason that the provider could not be
    /// reached.
    fn refused(known: &Payment, status: Status) -> [Write; 1] {
        [update(
            known,
            &Payment { status, reason: Some(PROVIDER_UNREACHABLE.to_owned()), ..known.clone() },
        )]
    }

    #[test]
    fn what_nobody_reviewed_in_time_fails() {
        for known in [payment(Status::WaitingForApproval), payment(Status::Approved)] {
            let decision = on(Some(&known));
            assert_eq!(decision.events(), failed());
            assert_eq!(decision.changes(), refused(&known, Status::Failed));
        }
    }

    #[test]
    fn what_was_never_begun_fails() {
        let decision = on(None);
        assert_eq!(decision.events(), failed());
        let (status, reason) = (Status::Failed, Some(PROVIDER_UNREACHABLE.to_owned()));
        let (customer_id, amount) = (Some(samples::customer_id()), Some(samples::total()));
        let begun = Payment::new(samples::order_id());
        let expected = Payment { status, reason, customer_id, amount, ..begun };
        assert_eq!(decision.changes(), [create(&expected)]);
    }

    #[test]
    fn what_may_have_been_charged_is_left_for_the_cancellation_to_give_back() {
        for known in [payment(Status::Charging), payment(Status::Charged)] {
            let decision = on(Some(&known));
            assert_eq!(decision.events(), failed());
            assert_eq!(decision.changes(), refused(&known, known.status));
        }
    }

    #[test]
    fn what_ended_does_not_fail_again() {
        for status in [Status::Failed, Status::Canceled, Status::Refunded] {
            let decision = on(Some(&payment(status)));
            assert!(decision.events().is_empty() && decision.changes().is_empty());
        }
    }
}

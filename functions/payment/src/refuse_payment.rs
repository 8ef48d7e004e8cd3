//! Fails the payment of an order that nobody reviewed in time, or that cannot be charged.

use chorus_events::payment::PaymentFailed;
use chorus_events::table::rows::{self, RefusePaymentInput, RefusePaymentOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, save};

use crate::Payment;
use crate::transitions::{Fact, Next};

/// What is said where the machine gives no reason.
const UNSAID: &str = "the payment could not be collected";

/// The row, in code.
#[derive(Debug)]
pub(crate) struct RefusePayment;

impl Action for RefusePayment {
    type Row = rows::RefusePayment;

    fn reads(
        &self,
        RefusePaymentInput::DeliveryEstimated(order): &RefusePaymentInput,
    ) -> Vec<Read> {
        vec![Read::entity::<Payment>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, RefusePaymentInput>,
        loaded: &Loaded,
    ) -> Result<Decision<RefusePaymentOutput>, Refusal> {
        let RefusePaymentInput::DeliveryEstimated(order) = given.input;
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let reason = given.task().and_then(|task| task.reason.as_deref()).unwrap_or(UNSAID);
        let read = loaded.entity::<Payment>(&order_id)?;
        let payment = Payment::known(&order_id, read.as_ref());
        let fact = Fact::GivenUp(&customer_id, order.total, reason);
        Ok(match payment.next(&fact) {
            Next::Say(status) => {
                let refused = Payment { status, ..payment.learn(&fact) };
                let reason = reason.to_owned();
                Decision::emit(PaymentFailed { order_id, customer_id, reason })
                    .with(save(read.as_ref(), &refused))
            }
            Next::Nothing(why) => Decision::nothing(why),
            _ => Decision::nothing("there is nothing to refuse"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::testing::payment;
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn on(status: Status) -> Decision<RefusePaymentOutput> {
        let loaded = Loaded::default().with(1, &payment(status));
        decide(&RefusePayment, DeliveryEstimated::sample(), &loaded).unwrap()
    }

    fn status_after(decision: &Decision<RefusePaymentOutput>) -> Status {
        let [chorus_kernel::Write::Put { item, .. }] = decision.changes() else {
            panic!("{decision:?}")
        };
        serde_dynamo::from_item::<_, Payment>(item.clone()).unwrap().status
    }

    #[test]
    fn what_nobody_reviewed_in_time_fails() {
        for status in [Status::WaitingForApproval, Status::Approved] {
            let decision = on(status);
            assert!(matches!(decision.events(), [RefusePaymentOutput::PaymentFailed(_)]));
            assert_eq!(status_after(&decision), Status::Failed);
        }
    }

    #[test]
    fn what_may_have_been_charged_is_left_for_the_cancellation_to_give_back() {
        for status in [Status::Charging, Status::Charged] {
            let decision = on(status);
            assert!(matches!(decision.events(), [RefusePaymentOutput::PaymentFailed(_)]));
            assert_eq!(status_after(&decision), status);
        }
    }

    #[test]
    fn what_ended_does_not_fail_again() {
        for status in [Status::Failed, Status::Canceled, Status::Refunded] {
            assert!(on(status).events().is_empty());
        }
    }
}

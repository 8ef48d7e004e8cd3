//! Stores how far an order's payment and delivery are, for the routes that show the order.

use chorus_events::table::rows::{self, FollowOrderInput, FollowOrderOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Failure};

use crate::progress::{Confirmation, Milestone, Step};

pub(crate) struct FollowOrder;

impl Action for FollowOrder {
    type Row = rows::FollowOrder;
    type State = ();

    fn keys(&self, _: &FollowOrderInput) {}

    fn decide(
        &self,
        input: &FollowOrderInput,
        (): &(),
        context: &Context<'_>,
    ) -> Result<Decision<FollowOrderOutput>, ActionError> {
        let reached = |milestone| Step::new(milestone, context.metadata().occurred_at);
        let (order_id, step) = match input {
            FollowOrderInput::ReviewRequested(review) => {
                (&review.order_id, reached(Milestone::ReviewRequested))
            }
            FollowOrderInput::ConfirmationRequired(payment) => {
                let step = reached(Milestone::ConfirmationRequired);
                let (confirm_at, until) = (payment.confirm_at.clone(), payment.until);
                let confirmation = Some(Confirmation { confirm_at, since: step.at, until });
                (&payment.order_id, Step { confirmation, ..step })
            }
            FollowOrderInput::PaymentAuthorized(payment) => {
                let amount = Some(payment.amount);
                (&payment.order_id, Step { amount, ..reached(Milestone::PaymentAuthorized) })
            }
            FollowOrderInput::PaymentMade(payment) => {
                let amount = Some(payment.amount);
                (&payment.order_id, Step { amount, ..reached(Milestone::PaymentMade) })
            }
            FollowOrderInput::PaymentCanceled(payment) => {
                let amount = Some(payment.refunded);
                (&payment.order_id, Step { amount, ..reached(Milestone::PaymentCanceled) })
            }
            FollowOrderInput::DeliveryEstimated(plan) => {
                let deliver_by = Some(plan.deliver_by);
                (&plan.order_id, Step { deliver_by, ..reached(Milestone::DeliveryEstimated) })
            }
            FollowOrderInput::DeliveryStarted(delivery) => {
                let tracking = delivery.tracking.clone();
                (&delivery.order_id, Step { tracking, ..reached(Milestone::DeliveryStarted) })
            }
        };
        let kept = step.put(order_id).map_err(|error| Failure::unwritable("step", &error))?;
        Ok(Decision::once(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::delivery::DeliveryEstimated;
    use chorus_events::logistics::DeliveryStarted;
    use chorus_events::payment::{
        ConfirmationRequired, PaymentAuthorized, PaymentCanceled, PaymentMade, ReviewRequested,
    };
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Condition, Write, text};
    use chorus_table::Event;

    #[test]
    fn each_step_of_an_order_is_kept_once() {
        let inputs: [FollowOrderInput; 7] = [
            ReviewRequested::sample().into(),
            ConfirmationRequired::sample().into(),
            PaymentAuthorized::sample().into(),
            PaymentMade::sample().into(),
            PaymentCanceled::sample().into(),
            DeliveryEstimated::sample().into(),
            DeliveryStarted::sample().into(),
        ];
        let kept = inputs.map(|input| {
            let decision = decide(&FollowOrder, input, &Stored::default()).unwrap();
            let [write] = decision.changes() else { panic!("{decision:?}") };
            assert_eq!(write.condition(), Some(&Condition::Absent));
            let Write::Put { item, .. } = write else { panic!("{write:?}") };
            text(item, "sk").unwrap().to_owned()
        });
        let names = [
            "ReviewRequested",
            "ConfirmationRequired",
            "PaymentAuthorized",
            "PaymentMade",
            "PaymentCanceled",
            "DeliveryEstimated",
            "DeliveryStarted",
        ];
        assert_eq!(kept, names);
    }
}

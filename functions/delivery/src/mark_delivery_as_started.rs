//! Marks the delivery as started, which hands it to the carrier.

use chorus_events::delivery::{DeliveryMarkedAsStarted, ErrorMarkDeliveryAsStarted};
use chorus_events::table::rows::{self, MarkDeliveryAsStartedInput, MarkDeliveryAsStartedOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, save};

use crate::Delivery;
use crate::transitions::{Fact, Next, next};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct MarkDeliveryAsStarted;

impl Action for MarkDeliveryAsStarted {
    type Row = rows::MarkDeliveryAsStarted;

    fn reads(&self, input: &MarkDeliveryAsStartedInput) -> Vec<Read> {
        let MarkDeliveryAsStartedInput::ItemRemoved(order) = input;
        vec![Read::entity::<Delivery>(&order.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, MarkDeliveryAsStartedInput>,
        loaded: &Loaded,
    ) -> Result<Decision<MarkDeliveryAsStartedOutput>, Refusal> {
        let MarkDeliveryAsStartedInput::ItemRemoved(order) = given.input;
        let order_id = order.order_id.clone();
        let known = loaded.entity::<Delivery>(&order_id)?;
        Ok(match next(known.as_ref().map(|known| known.status), Fact::ItemsRemoved) {
            Next::Say(status) => {
                let planned = known
                    .as_ref()
                    .and_then(|known| Some((known.value.now(status), known.plan.clone()?)));
                let Some((delivery, plan)) = planned else {
                    let reason = "the delivery has no plan".to_owned();
                    return Ok(Decision::emit(ErrorMarkDeliveryAsStarted { order_id, reason }));
                };
                Decision::emit(DeliveryMarkedAsStarted {
                    order_id,
                    customer_id: plan.customer_id,
                    lines: plan.lines,
                    shipping_address: plan.shipping_address,
                    deliver_by: plan.deliver_by,
                })
                .with(save(known.as_ref(), &delivery))
            }
            Next::Wrong(reason) => {
                let reason = reason.to_owned();
                Decision::emit(ErrorMarkDeliveryAsStarted { order_id, reason })
            }
            Next::Become(_, why) | Next::Nothing(why) => Decision::nothing(why),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::delivery::sample;
    use chorus_events::Event;
    use chorus_events::inventory::ItemRemoved;
    use chorus_kernel::testing::decide;

    fn decided(loaded: &Loaded) -> Decision<MarkDeliveryAsStartedOutput> {
        decide(&MarkDeliveryAsStarted, ItemRemoved::sample(), loaded).unwrap()
    }

    #[test]
    fn an_estimated_delivery_is_handed_to_the_carrier_with_all_it_needs() {
        let decision = decided(&Loaded::default().with(1, &sample(Status::Estimated)));
        let expected = DeliveryMarkedAsStarted::sample();
        assert_eq!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::DeliveryMarkedAsStarted(expected)]
        );
    }

    #[test]
    fn a_delivery_without_an_estimate_fails_the_order() {
        let decision = decided(&Loaded::default());
        assert!(matches!(
            decision.events(),
            [MarkDeliveryAsStartedOutput::ErrorMarkDeliveryAsStarted(_)]
        ));
    }

    #[test]
    fn a_canceled_delivery_is_not_started() {
        let decision = decided(&Loaded::default().with(1, &sample(Status::Canceled)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}

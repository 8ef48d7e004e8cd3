//! Confirms that the parcel has arrived.

use chorus_events::delivery::{DeliveryWasDelivered, ErrorDeliveryWasDelivered};
use chorus_events::table::rows::{self, ConfirmDeliveryInput, ConfirmDeliveryOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, replace};

use crate::Delivery;
use crate::transitions::{Fact, Next, next};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct ConfirmDelivery;

impl Action for ConfirmDelivery {
    type Row = rows::ConfirmDelivery;

    fn reads(&self, ConfirmDeliveryInput::Delivered(parcel): &ConfirmDeliveryInput) -> Vec<Read> {
        vec![Read::entity::<Delivery>(&parcel.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, ConfirmDeliveryInput>,
        loaded: &Loaded,
    ) -> Result<Decision<ConfirmDeliveryOutput>, Refusal> {
        let ConfirmDeliveryInput::Delivered(parcel) = given.input;
        let order_id = parcel.order_id.clone();
        let known = loaded.entity::<Delivery>(&order_id)?;
        let next = next(known.as_ref().map(|known| known.status), Fact::HandedOver);
        Ok(match (next, known) {
            (Next::Say(status), Some(known)) => Decision::emit(DeliveryWasDelivered { order_id })
                .with(replace(&known, &known.value.now(status))),
            (Next::Wrong(reason), _) => {
                let reason = reason.to_owned();
                Decision::emit(ErrorDeliveryWasDelivered { order_id, reason })
            }
            (Next::Become(_, why) | Next::Nothing(why), _) => Decision::nothing(why),
            (Next::Say(_), None) => Decision::nothing("there is nothing to confirm"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::delivery::sample;
    use chorus_events::logistics::Delivered;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn decided(loaded: &Loaded) -> Decision<ConfirmDeliveryOutput> {
        decide(&ConfirmDelivery, Delivered::sample(), loaded).unwrap()
    }

    #[test]
    fn a_parcel_that_was_handed_over_is_delivered() {
        let decision = decided(&Loaded::default().with(1, &sample(Status::Started)));
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::DeliveryWasDelivered(_)]));
        assert_eq!(decision.changes().len(), 1);
    }

    #[test]
    fn a_late_delivered_does_not_overwrite_a_cancellation() {
        let decision = decided(&Loaded::default().with(2, &sample(Status::Canceled)));
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::ErrorDeliveryWasDelivered(_)]));
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn a_parcel_of_an_unknown_order_is_reported() {
        let decision = decided(&Loaded::default());
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::ErrorDeliveryWasDelivered(_)]));
    }

    #[test]
    fn a_parcel_is_delivered_once() {
        let decision = decided(&Loaded::default().with(2, &sample(Status::Delivered)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}

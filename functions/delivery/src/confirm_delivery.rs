//! Confirms that the parcel has arrived.

use chorus_events::OrderId;
use chorus_events::delivery::{DeliveryWasDelivered, ErrorDeliveryWasDelivered};
use chorus_events::table::rows::{self, ConfirmDeliveryInput, ConfirmDeliveryOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, replace};

use crate::Delivery;
use crate::transitions::{Fact, Next, next};

#[derive(Debug)]
pub(crate) struct ConfirmDelivery;

impl Action for ConfirmDelivery {
    type Row = rows::ConfirmDelivery;
    type State = Found<Delivery>;

    fn keys(&self, ConfirmDeliveryInput::Delivered(parcel): &ConfirmDeliveryInput) -> OrderId {
        parcel.order_id.clone()
    }

    fn decide(
        &self,
        ConfirmDeliveryInput::Delivered(parcel): &ConfirmDeliveryInput,
        known: &Found<Delivery>,
        _: &Context<'_>,
    ) -> Result<Decision<ConfirmDeliveryOutput>, ActionError> {
        let order_id = parcel.order_id.clone();
        let next = next(known.as_ref().map(|known| known.status), Fact::HandedOver);
        Ok(match (next, known) {
            (Next::Publish(status), Some(known)) => {
                Decision::emit(DeliveryWasDelivered { order_id })
                    .with(replace(known, &known.value.now(status)))
            }
            (Next::Wrong(reason), _) => {
                let reason = reason.to_owned();
                Decision::emit(ErrorDeliveryWasDelivered { order_id, reason })
            }
            (Next::Become(_, why) | Next::Nothing(why), _) => Decision::nothing(why),
            (Next::Publish(_), None) => Decision::nothing("there is nothing to confirm"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::delivery::{change, sample};
    use chorus_events::logistics::Delivered;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(stored: &Stored) -> Decision<ConfirmDeliveryOutput> {
        decide(&ConfirmDelivery, Delivered::sample(), stored).unwrap()
    }

    #[test]
    fn a_parcel_that_was_handed_over_is_delivered() {
        let decision = decided(&Stored::default().with(1, &sample(Status::Started)));
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::DeliveryWasDelivered(_)]));
        let delivered = sample(Status::Delivered);
        assert_eq!(decision.changes(), [change(Status::Started, &delivered)]);
    }

    #[test]
    fn a_late_delivered_does_not_overwrite_a_cancellation() {
        let decision = decided(&Stored::default().with(2, &sample(Status::Canceled)));
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::ErrorDeliveryWasDelivered(_)]));
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn a_parcel_of_an_unknown_order_is_reported() {
        let decision = decided(&Stored::default());
        assert!(matches!(decision.events(), [ConfirmDeliveryOutput::ErrorDeliveryWasDelivered(_)]));
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn a_parcel_is_delivered_once() {
        let decision = decided(&Stored::default().with(2, &sample(Status::Delivered)));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}

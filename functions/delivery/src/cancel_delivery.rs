//! Cancels a delivery because the carrier gave up, says nothing or could not be reached, or because
//! the order was canceled; where none was planned yet, none will be.

use chorus_events::OrderId;
use chorus_events::delivery::{CanceledBy, DeliveryWasCanceled, ErrorDeliveryWasCanceled};
use chorus_events::table::rows::{self, CancelDeliveryInput, CancelDeliveryOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, save};

use crate::carrier_wait::{ParcelStatus, word};
use crate::transitions::{Fact, Next, next};
use crate::{CarrierWait, Delivery};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct CancelDelivery;

impl Action for CancelDelivery {
    type Row = rows::CancelDelivery;

    fn reads(&self, input: &CancelDeliveryInput) -> Vec<Read> {
        let order_id = Cause::of(input).order_id;
        vec![
            Read::entity::<Delivery>(order_id),
            Read::entity::<CarrierWait>(CarrierWait::handle(order_id)),
        ]
    }

    fn decide(
        &self,
        given: &Given<'_, CancelDeliveryInput>,
        loaded: &Loaded,
    ) -> Result<Decision<CancelDeliveryOutput>, Refusal> {
        let Cause { order_id, fact, canceled_by, reason } = Cause::of(given.input);
        let known = loaded.entity::<Delivery>(order_id)?;
        let waiting = loaded.entity::<CarrierWait>(CarrierWait::handle(order_id))?;
        if fact == Fact::CarrierSilent && waiting.as_ref().is_some_and(|wait| !wait.is_open()) {
            return Ok(Decision::nothing("the carrier has said something after all"));
        }
        let canceled = known.as_ref().map_or_else(
            || Delivery::tombstone(order_id.clone(), reason),
            |known| known.canceled(reason),
        );
        let (order_id, reason) = (order_id.clone(), reason.to_owned());
        let decision = match next(known.as_ref().map(|known| known.status), fact) {
            Next::Say(_) => Decision::emit(DeliveryWasCanceled { order_id, canceled_by, reason }),
            Next::Become(_, why) => Decision::nothing(why),
            Next::Nothing(why) => return Ok(Decision::nothing(why)),
            Next::Wrong(reason) => {
                let reason = reason.to_owned();
                return Ok(Decision::emit(ErrorDeliveryWasCanceled { order_id, reason }));
            }
        };
        let decision = decision.with(save(known.as_ref(), &canceled));
        // Nobody is to wait for the carrier's word any more; what it says later comes too late.
        let open = waiting.filter(|wait| wait.is_open());
        Ok(match open.map(|wait| CarrierWait::take(&wait, word(ParcelStatus::Canceled, None))) {
            Some((change, signal)) => decision.with(change).signal(signal),
            None => decision,
        })
    }
}

/// Why a delivery is to be canceled.
struct Cause<'a> {
    order_id: &'a OrderId,
    fact: Fact,
    canceled_by: CanceledBy,
    reason: &'a str,
}

impl<'a> Cause<'a> {
    fn of(input: &'a CancelDeliveryInput) -> Self {
        match input {
            CancelDeliveryInput::DeliveryCanceled(parcel) => Self {
                order_id: &parcel.order_id,
                fact: Fact::CarrierGaveUp,
                canceled_by: CanceledBy::Carrier,
                reason: &parcel.reason,
            },
            CancelDeliveryInput::OrderCanceled(order) => Self {
                order_id: &order.order_id,
                fact: Fact::OrderCanceled,
                canceled_by: CanceledBy::Order,
                reason: "the order was canceled",
            },
            CancelDeliveryInput::DeliveryMarkedAsStarted(parcel) => Self {
                order_id: &parcel.order_id,
                fact: Fact::CarrierUnreachable,
                canceled_by: CanceledBy::Unreachable,
                reason: "the carrier could not be reached",
            },
            CancelDeliveryInput::ItemRemoved(order) => Self {
                order_id: &order.order_id,
                fact: Fact::CarrierSilent,
                canceled_by: CanceledBy::Unreachable,
                reason: "the carrier never said what became of the parcel",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::delivery::sample;
    use chorus_events::delivery::DeliveryMarkedAsStarted;
    use chorus_events::inventory::ItemRemoved;
    use chorus_events::logistics::DeliveryCanceled;
    use chorus_events::order::OrderCanceled;
    use chorus_events::samples;
    use chorus_kernel::testing::decide;
    use chorus_kernel::{Versioned, Write};
    use chorus_table::Event;

    fn on(
        input: impl Into<CancelDeliveryInput>,
        status: Option<Status>,
    ) -> Decision<CancelDeliveryOutput> {
        let loaded = Loaded::default();
        let loaded = match status {
            Some(status) => loaded.with(1, &sample(status)),
            None => loaded,
        };
        decide(&CancelDelivery, input, &loaded).unwrap()
    }

    fn dead_letter() -> CancelDeliveryInput {
        CancelDeliveryInput::DeliveryMarkedAsStarted(DeliveryMarkedAsStarted::sample())
    }

    fn canceled_by(decision: &Decision<CancelDeliveryOutput>) -> Option<CanceledBy> {
        match decision.events() {
            [CancelDeliveryOutput::DeliveryWasCanceled(event)] => Some(event.canceled_by),
            _ => None,
        }
    }

    fn is_error(decision: &Decision<CancelDeliveryOutput>) -> bool {
        matches!(decision.events(), [CancelDeliveryOutput::ErrorDeliveryWasCanceled(_)])
            && decision.changes().is_empty()
    }

    #[test]
    fn a_started_delivery_is_canceled_by_whoever_ends_it() {
        let started = Some(Status::Started);
        for (decision, expected) in [
            (on(DeliveryCanceled::sample(), started), CanceledBy::Carrier),
            (on(OrderCanceled::sample(), started), CanceledBy::Order),
            (on(dead_letter(), started), CanceledBy::Unreachable),
        ] {
            assert_eq!(canceled_by(&decision), Some(expected));
            assert_eq!(decision.changes().len(), 1);
        }
    }

    #[test]
    fn an_order_canceled_before_its_delivery_was_started_leaves_a_silent_tombstone() {
        for status in [None, Some(Status::Estimated)] {
            let decision = on(OrderCanceled::sample(), status);
            assert!(decision.events().is_empty());
            assert_eq!(decision.changes().len(), 1);
        }
    }

    #[test]
    fn what_was_delivered_cannot_be_canceled() {
        let delivered = Some(Status::Delivered);
        assert!(is_error(&on(DeliveryCanceled::sample(), delivered)));
        assert!(is_error(&on(OrderCanceled::sample(), delivered)));
        assert!(on(dead_letter(), delivered).events().is_empty());
    }

    #[test]
    fn what_the_shop_never_started_the_carrier_cannot_cancel() {
        assert!(is_error(&on(DeliveryCanceled::sample(), None)));
        assert!(is_error(&on(DeliveryCanceled::sample(), Some(Status::Estimated))));
    }

    #[test]
    fn a_carrier_that_says_nothing_is_waited_for_no_more() {
        let waiting = CarrierWait::of(samples::order_id(), "a-token");
        let started = Loaded::default().with(1, &sample(Status::Started)).with(1, &waiting);
        let decision = decide(&CancelDelivery, ItemRemoved::sample(), &started).unwrap();
        assert_eq!(canceled_by(&decision), Some(CanceledBy::Unreachable));
        assert_eq!(decision.changes().len(), 2);
    }

    #[test]
    fn a_word_that_came_at_the_last_moment_counts() {
        let read = Versioned { version: 1, value: CarrierWait::of(samples::order_id(), "token") };
        let (change, _) = CarrierWait::take(&read, word(ParcelStatus::Delivered, None));
        let Write::Put { item, .. } = change else { panic!("{change:?}") };
        let answered: CarrierWait = serde_dynamo::from_item(item).unwrap();
        let loaded = Loaded::default().with(1, &sample(Status::Started)).with(2, &answered);
        let decision = decide(&CancelDelivery, ItemRemoved::sample(), &loaded).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn nothing_is_canceled_twice() {
        let canceled = Some(Status::Canceled);
        for decision in [
            on(DeliveryCanceled::sample(), canceled),
            on(OrderCanceled::sample(), canceled),
            on(dead_letter(), canceled),
        ] {
            assert!(decision.events().is_empty() && decision.changes().is_empty());
        }
    }
}

//! Cancels a delivery because the carrier gave up, sent no callback or could not be reached, or
//! because the order was canceled. If no delivery is planned yet, the action stores a tombstone, so
//! that no delivery is planned later.

use chorus_events::OrderId;
use chorus_events::delivery::{CanceledBy, DeliveryWasCanceled, ErrorDeliveryWasCanceled};
use chorus_events::table::rows::{self, CancelDeliveryInput, CancelDeliveryOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, save, state};

use crate::carrier_callback::{ParcelStatus, answer};
use crate::transitions::{Fact, Next, next};
use crate::{CarrierCallback, Delivery};

state! {
    pub(crate) struct Cancelable read by CancelableKeys {
        delivery: Found<Delivery>,
        wait: Found<CarrierCallback>,
    }
}

#[derive(Debug)]
pub(crate) struct CancelDelivery;

impl Action for CancelDelivery {
    type Row = rows::CancelDelivery;
    type State = Cancelable;

    fn keys(&self, input: &CancelDeliveryInput) -> CancelableKeys {
        let order_id = Cause::of(input).order_id;
        CancelableKeys { delivery: order_id.clone(), wait: CarrierCallback::handle(order_id) }
    }

    fn decide(
        &self,
        input: &CancelDeliveryInput,
        Cancelable { delivery, wait }: &Cancelable,
        _: &Context<'_>,
    ) -> Result<Decision<CancelDeliveryOutput>, ActionError> {
        let Cause { order_id, fact, canceled_by, reason } = Cause::of(input);
        let known = delivery.as_ref();
        if fact == Fact::CarrierSilent && wait.as_ref().is_some_and(|it| !it.is_open()) {
            return Ok(Decision::nothing("the carrier has sent a callback in the meantime"));
        }
        let canceled = known.map_or_else(
            || Delivery::tombstone(order_id.clone(), reason),
            |known| known.canceled(reason),
        );
        let (order_id, reason) = (order_id.clone(), reason.to_owned());
        let decision = match next(known.map(|known| known.status), fact) {
            Next::Publish(_) => {
                Decision::emit(DeliveryWasCanceled { order_id, canceled_by, reason })
            }
            Next::Become(_, why) => Decision::nothing(why),
            Next::Nothing(why) => return Ok(Decision::nothing(why)),
            Next::Wrong(reason) => {
                let reason = reason.to_owned();
                return Ok(Decision::emit(ErrorDeliveryWasCanceled { order_id, reason }));
            }
        };
        let decision = decision.with(save(known, &canceled));
        // If the state machine's task still waits for the carrier, complete the task. Later
        // callbacks then publish no event of the carrier.
        let open = wait.as_ref().filter(|wait| wait.is_open());
        Ok(
            match open
                .map(|wait| CarrierCallback::resolve(wait, answer(ParcelStatus::Canceled, None)))
            {
                Some((change, signal)) => decision.with(change).signal(signal),
                None => decision,
            },
        )
    }
}

/// The cause of a cancellation: `fact` selects the delivery's transition, and the other fields go
/// into the published event.
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
                reason: "the carrier did not report in time what became of the parcel",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use crate::carrier_callback::answered;
    use crate::delivery::{change, sample};
    use chorus_events::delivery::DeliveryMarkedAsStarted;
    use chorus_events::inventory::ItemRemoved;
    use chorus_events::logistics::DeliveryCanceled;
    use chorus_events::order::OrderCanceled;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Signal, Versioned, create, replace};
    use chorus_table::Event;

    fn on(
        input: impl Into<CancelDeliveryInput>,
        status: Option<Status>,
    ) -> Decision<CancelDeliveryOutput> {
        let stored = Stored::default();
        let stored = match status {
            Some(status) => stored.with(1, &sample(status)),
            None => stored,
        };
        decide(&CancelDelivery, input, &stored).unwrap()
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
        let unreachable = "the carrier could not be reached";
        let reason = DeliveryCanceled::sample().reason;
        for (decision, expected, reason) in [
            (on(DeliveryCanceled::sample(), started), CanceledBy::Carrier, reason.as_str()),
            (on(OrderCanceled::sample(), started), CanceledBy::Order, "the order was canceled"),
            (on(dead_letter(), started), CanceledBy::Unreachable, unreachable),
        ] {
            assert_eq!(canceled_by(&decision), Some(expected));
            let canceled = sample(Status::Started).canceled(reason);
            assert_eq!(decision.changes(), [change(Status::Started, &canceled)]);
        }
    }

    #[test]
    fn an_order_canceled_before_its_delivery_was_started_leaves_a_silent_tombstone() {
        let reason = "the order was canceled";
        let tombstone = create(&Delivery::tombstone(samples::order_id(), reason));
        let canceled = change(Status::Estimated, &sample(Status::Estimated).canceled(reason));
        for (status, expected) in [(None, tombstone), (Some(Status::Estimated), canceled)] {
            let decision = on(OrderCanceled::sample(), status);
            assert!(decision.events().is_empty());
            assert_eq!(decision.changes(), [expected]);
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
    fn a_carrier_that_does_not_answer_is_waited_for_no_more() {
        let wait = CarrierCallback::of(samples::order_id(), "a-token");
        let started = Stored::default().with(1, &sample(Status::Started)).with(1, &wait);
        let decision = decide(&CancelDelivery, ItemRemoved::sample(), &started).unwrap();
        assert_eq!(canceled_by(&decision), Some(CanceledBy::Unreachable));
        let output = answer(ParcelStatus::Canceled, None);
        let canceled = sample(Status::Started)
            .canceled("the carrier did not report in time what became of the parcel");
        let closed = answered(&wait, &output);
        let read = Versioned { version: 1, value: wait };
        assert_eq!(
            decision.changes(),
            [change(Status::Started, &canceled), replace(&read, &closed)]
        );
        assert_eq!(decision.signals(), [Signal::Answer { token: "a-token".to_owned(), output }]);
    }

    #[test]
    fn a_callback_that_came_at_the_last_moment_counts() {
        let wait = CarrierCallback::of(samples::order_id(), "a-token");
        let answered = answered(&wait, &answer(ParcelStatus::Delivered, None));
        let stored = Stored::default().with(1, &sample(Status::Started)).with(2, &answered);
        let decision = decide(&CancelDelivery, ItemRemoved::sample(), &stored).unwrap();
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

//! Takes the reserved items out of the stock, once the order is paid or the bank holds its amount.

use chorus_events::inventory::{ErrorItemRemoved, ItemRemoved};
use chorus_events::table::rows::{self, RemoveItemInput, RemoveItemOutput};
use chorus_events::{Capture, OrderId};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, replace};

use crate::{Item, Reservation, Status};

pub(crate) struct RemoveItem;

impl Action for RemoveItem {
    type Row = rows::RemoveItem;
    type State = Found<Reservation>;

    fn keys(&self, input: &RemoveItemInput) -> OrderId {
        match input {
            RemoveItemInput::PaymentMade(payment) => payment.order_id.clone(),
            RemoveItemInput::PaymentAuthorized(payment) => payment.order_id.clone(),
        }
    }

    fn decide(
        &self,
        input: &RemoveItemInput,
        reservation: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<RemoveItemOutput>, ActionError> {
        let order_id = self.keys(input);
        let held = matches!(input, RemoveItemInput::PaymentAuthorized(_));
        let capture = held.then_some(Capture::Due);
        let Some(reserved) = reservation else {
            let reason = "nothing is reserved for this order".to_owned();
            return Ok(Decision::emit(ErrorItemRemoved { order_id, reason }));
        };
        Ok(match reserved.status {
            Status::Reserved => {
                Decision::emit(ItemRemoved { order_id, lines: reserved.lines.clone(), capture })
                    .with(replace(reserved, &reserved.now(Status::Removed)))
                    .with_all(reserved.move_pieces(Item::RESERVED, Item::SOLD))
            }
            Status::Removed => Decision::nothing("the items were removed before"),
            Status::Released => Decision::nothing("the order was canceled before"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::payment::{PaymentAuthorized, PaymentMade};
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Versioned, add};
    use chorus_table::Event;

    fn reservation(status: Status) -> Reservation {
        Reservation { order_id: samples::order_id(), status, lines: samples::lines() }
    }

    fn decided(stored: &Stored) -> Decision<RemoveItemOutput> {
        decide(&RemoveItem, PaymentMade::sample(), stored).unwrap()
    }

    #[test]
    fn reserved_items_are_sold_once_the_order_is_paid() {
        let known = Versioned { version: 1, value: reservation(Status::Reserved) };
        let decision = decided(&Stored::default().with(1, &known.value));
        assert!(matches!(decision.events(), [RemoveItemOutput::ItemRemoved(_)]));
        let removed = replace(&known, &reservation(Status::Removed));
        let moved = add(&samples::sku(), &[(Item::RESERVED, -3), (Item::SOLD, 3)]);
        assert_eq!(decision.changes(), [removed, moved]);
    }

    #[test]
    fn items_of_an_order_that_is_not_charged_yet_say_so() {
        let stored = Stored::default().with(1, &reservation(Status::Reserved));
        let capture = |decision: Decision<RemoveItemOutput>| match decision.events() {
            [RemoveItemOutput::ItemRemoved(removed)] => removed.capture,
            other => panic!("{other:?}"),
        };
        let held = decide(&RemoveItem, PaymentAuthorized::sample(), &stored).unwrap();
        assert_eq!(capture(held), Some(Capture::Due));
        assert_eq!(capture(decided(&stored)), None);
    }

    #[test]
    fn items_given_back_or_removed_before_are_never_sold_again() {
        for status in [Status::Released, Status::Removed] {
            let decision = decided(&Stored::default().with(2, &reservation(status)));
            assert!(decision.events().is_empty() && decision.changes().is_empty());
        }
    }

    #[test]
    fn a_payment_without_a_reservation_fails_the_order() {
        let decision = decided(&Stored::default());
        assert!(matches!(decision.events(), [RemoveItemOutput::ErrorItemRemoved(_)]));
        assert!(decision.changes().is_empty());
    }
}

//! Takes the reserved items out of the stock, once the order is paid.

use chorus_events::OrderId;
use chorus_events::inventory::{ErrorItemRemoved, ItemRemoved};
use chorus_events::table::rows::{self, RemoveItemInput, RemoveItemOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, replace};

use crate::{Item, Reservation, Status};

pub(crate) struct RemoveItem;

impl Action for RemoveItem {
    type Row = rows::RemoveItem;
    type State = Found<Reservation>;

    fn keys(&self, RemoveItemInput::PaymentMade(payment): &RemoveItemInput) -> OrderId {
        payment.order_id.clone()
    }

    fn decide(
        &self,
        RemoveItemInput::PaymentMade(payment): &RemoveItemInput,
        reservation: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<RemoveItemOutput>, ActionError> {
        let order_id = payment.order_id.clone();
        let Some(reserved) = reservation else {
            let reason = "nothing is reserved for this order".to_owned();
            return Ok(Decision::emit(ErrorItemRemoved { order_id, reason }));
        };
        Ok(match reserved.status {
            Status::Reserved => {
                Decision::emit(ItemRemoved { order_id, lines: reserved.lines.clone() })
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
    use chorus_events::payment::PaymentMade;
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

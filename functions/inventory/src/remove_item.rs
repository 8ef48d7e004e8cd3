//! Takes the reserved items out of the stock, once the order is paid.

use chorus_events::inventory::{ErrorItemRemoved, ItemRemoved};
use chorus_events::table::rows::{self, RemoveItemInput, RemoveItemOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, replace};

use crate::{Reservation, Status};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct RemoveItem;

impl Action for RemoveItem {
    type Row = rows::RemoveItem;

    fn reads(&self, RemoveItemInput::PaymentMade(payment): &RemoveItemInput) -> Vec<Read> {
        vec![Read::entity::<Reservation>(&payment.order_id)]
    }

    fn decide(
        &self,
        given: &Given<'_, RemoveItemInput>,
        loaded: &Loaded,
    ) -> Result<Decision<RemoveItemOutput>, Refusal> {
        let RemoveItemInput::PaymentMade(payment) = given.input;
        let order_id = payment.order_id.clone();
        let reservation = loaded.entity::<Reservation>(&order_id)?;
        let Some(reserved) = reservation else {
            let reason = "nothing is reserved for this order".to_owned();
            return Ok(Decision::emit(ErrorItemRemoved { order_id, reason }));
        };
        Ok(match reserved.status {
            Status::Reserved => {
                Decision::emit(ItemRemoved { order_id, lines: reserved.lines.clone() })
                    .with(replace(&reserved, &reserved.now(Status::Removed)))
                    .with_all(reserved.move_pieces("reserved", "sold"))
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
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn with(status: Status) -> Loaded {
        let (order_id, lines) = (samples::order_id(), samples::lines());
        Loaded::default().with(1, &Reservation { order_id, status, lines })
    }

    #[test]
    fn reserved_items_are_sold_once_the_order_is_paid() {
        let decision = decide(&RemoveItem, PaymentMade::sample(), &with(Status::Reserved)).unwrap();
        assert!(matches!(decision.events(), [RemoveItemOutput::ItemRemoved(_)]));
    }

    #[test]
    fn items_given_back_are_never_sold() {
        let decision = decide(&RemoveItem, PaymentMade::sample(), &with(Status::Released)).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }

    #[test]
    fn a_payment_without_a_reservation_fails_the_order() {
        let decision = decide(&RemoveItem, PaymentMade::sample(), &Loaded::default()).unwrap();
        assert!(matches!(decision.events(), [RemoveItemOutput::ErrorItemRemoved(_)]));
    }
}

//! Returns the pieces of a canceled order to the stock, whether they are still reserved or already
//! removed.
//!
//! One action handles both cases, because `RemoveItem` may run at any moment. If each case had an
//! action of its own, `RemoveItem` could run between the two actions. The action for removed pieces
//! would come too early: nothing is removed yet. The action for reserved pieces would come too
//! late: nothing is reserved any more. So nothing would be returned.

use chorus_events::inventory::{
    ErrorItemReturned, ErrorItemUnreserved, ItemReturned, ItemUnreserved,
};
use chorus_events::table::rows::{self, UnreserveOrReturnItemInput, UnreserveOrReturnItemOutput};
use chorus_kernel::{
    Action, ActionError, Context, Decision, Each, Write, create, replace, unchanged,
};

use crate::reservation::{Pieces, ReservationAndItems, ReservationAndItemsKeys};
use crate::{Item, Reservation, Status};

pub(crate) struct UnreserveOrReturnItem;

impl Action for UnreserveOrReturnItem {
    type Row = rows::UnreserveOrReturnItem;
    type State = ReservationAndItems;

    fn keys(
        &self,
        UnreserveOrReturnItemInput::OrderCanceled(order): &UnreserveOrReturnItemInput,
    ) -> ReservationAndItemsKeys {
        ReservationAndItemsKeys::of(&order.order_id, &order.lines)
    }

    fn decide(
        &self,
        UnreserveOrReturnItemInput::OrderCanceled(order): &UnreserveOrReturnItemInput,
        state: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<UnreserveOrReturnItemOutput>, ActionError> {
        let order_id = order.order_id.clone();
        let Some(kept) = &state.reservation else {
            let status = Status::Released;
            let tombstone = Reservation { order_id, status, lines: Vec::new() };
            return Ok(Decision::nothing("no items were reserved, and none will be")
                .with(create(&tombstone)));
        };
        let lines = kept.lines.clone();
        Ok(match (kept.status, shortfall(kept.status, &state.items)) {
            (Status::Released, _) => Decision::nothing("all pieces were returned to stock before"),
            (Status::Reserved, None) => Decision::emit(ItemUnreserved { order_id, lines })
                .with_all(kept.move_pieces(Item::RESERVED, Item::AVAILABLE))
                .with(replace(kept, &kept.now(Status::Released))),
            (Status::Removed, None) => Decision::emit(ItemReturned { order_id, lines })
                .with_all(kept.move_pieces(Item::SOLD, Item::AVAILABLE))
                .with(replace(kept, &kept.now(Status::Released))),
            // The shortfall is real only if the reservation and the item have not changed since
            // they were read, so the commit fails if either has changed.
            (Status::Reserved, Some(Shortfall { reason, unchanged })) => {
                Decision::emit(ErrorItemUnreserved { order_id, reason })
                    .with(replace(kept, &kept.value))
                    .with(unchanged)
            }
            (Status::Removed, Some(Shortfall { reason, unchanged })) => {
                Decision::emit(ErrorItemReturned { order_id, reason })
                    .with(replace(kept, &kept.value))
                    .with(unchanged)
            }
        })
    }
}

/// Why pieces cannot be returned to the stock: an item does not exist, or its count of reserved or
/// sold pieces is smaller than the number of pieces in the order.
struct Shortfall {
    reason: String,
    /// A write that fails if the item has changed since it was read.
    unchanged: Write,
}

fn shortfall(status: Status, items: &Each<Item, Pieces>) -> Option<Shortfall> {
    items.iter().find_map(|(Pieces { sku, count }, item)| {
        let reason = match item {
            None => Some(format!("no item is called {sku}")),
            Some(item) => {
                let held = if status == Status::Removed { item.sold } else { item.reserved };
                (i64::from(held) < *count)
                    .then(|| format!("only {held} of {count} pieces of {sku} are reserved or sold"))
            }
        };
        reason.map(|reason| Shortfall { reason, unchanged: unchanged(sku, item) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::OrderCanceled;
    use chorus_events::samples;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Versioned, add};
    use chorus_table::Event;

    fn reservation(status: Status) -> Versioned<Reservation> {
        let (order_id, lines) = (samples::order_id(), samples::lines());
        Versioned { version: 4, value: Reservation { order_id, status, lines } }
    }

    fn with(status: Status) -> Stored {
        let item = Item { reserved: 3, sold: 3, ..crate::item::sample(0) };
        Stored::default().with(4, &reservation(status).value).with(1, &item)
    }

    fn decided(stored: &Stored) -> Decision<UnreserveOrReturnItemOutput> {
        decide(&UnreserveOrReturnItem, OrderCanceled::sample(), stored).unwrap()
    }

    /// The writes that return three pieces to the stock, for an order whose reservation has this
    /// status.
    fn given_back(status: Status) -> [Write; 2] {
        let from = if status == Status::Removed { Item::SOLD } else { Item::RESERVED };
        let (known, released) = (reservation(status), reservation(Status::Released).value);
        let moved = add(&samples::sku(), &[(from, -3), (Item::AVAILABLE, 3)]);
        [moved, replace(&known, &released)]
    }

    #[test]
    fn what_was_reserved_is_unreserved() {
        let decision = decided(&with(Status::Reserved));
        assert!(matches!(decision.events(), [UnreserveOrReturnItemOutput::ItemUnreserved(_)]));
        assert_eq!(decision.changes(), given_back(Status::Reserved));
    }

    #[test]
    fn what_was_removed_is_returned() {
        let decision = decided(&with(Status::Removed));
        assert!(matches!(decision.events(), [UnreserveOrReturnItemOutput::ItemReturned(_)]));
        assert_eq!(decision.changes(), given_back(Status::Removed));
    }

    #[test]
    fn counts_that_do_not_add_up_are_reported_and_left_alone() {
        for status in [Status::Reserved, Status::Removed] {
            let item = Versioned { version: 2, value: crate::item::sample(0) };
            let decision = decided(&with(status).with(2, &item.value));
            let known = reservation(status);
            let as_read = [replace(&known, &known.value), unchanged(&samples::sku(), Some(&item))];
            assert_eq!(decision.changes(), as_read);
            match (status, decision.events()) {
                (Status::Reserved, [UnreserveOrReturnItemOutput::ErrorItemUnreserved(_)])
                | (Status::Removed, [UnreserveOrReturnItemOutput::ErrorItemReturned(_)]) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_cancellation_that_comes_first_leaves_a_tombstone() {
        let decision = decided(&Stored::default());
        assert!(decision.events().is_empty());
        let (order_id, status) = (samples::order_id(), Status::Released);
        let tombstone = Reservation { order_id, status, lines: Vec::new() };
        assert_eq!(decision.changes(), [create(&tombstone)]);
    }

    #[test]
    fn nothing_is_given_back_twice() {
        assert!(decided(&with(Status::Released)).changes().is_empty());
    }
}

//! Makes available again what was reserved for, or removed for, a canceled order.
//!
//! One decision for both, because the two exclude each other: were they two actions, a removal
//! between them could find that neither was meant.

use chorus_events::inventory::{
    ErrorItemReturned, ErrorItemUnreserved, ItemReturned, ItemUnreserved,
};
use chorus_events::table::rows::{self, UnreserveOrReturnItemInput, UnreserveOrReturnItemOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, create, replace};

use crate::reservation::pieces;
use crate::{Item, Reservation, Status};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct UnreserveOrReturnItem;

impl Action for UnreserveOrReturnItem {
    type Row = rows::UnreserveOrReturnItem;

    fn reads(&self, input: &UnreserveOrReturnItemInput) -> Vec<Read> {
        let UnreserveOrReturnItemInput::OrderCanceled(order) = input;
        let items = pieces(&order.lines).into_keys().map(Read::entity::<Item>);
        std::iter::once(Read::entity::<Reservation>(&order.order_id)).chain(items).collect()
    }

    fn decide(
        &self,
        given: &Given<'_, UnreserveOrReturnItemInput>,
        loaded: &Loaded,
    ) -> Result<Decision<UnreserveOrReturnItemOutput>, Refusal> {
        let UnreserveOrReturnItemInput::OrderCanceled(order) = given.input;
        let order_id = order.order_id.clone();
        let Some(kept) = loaded.entity::<Reservation>(&order_id)? else {
            let status = Status::Released;
            let tombstone = Reservation { order_id, status, lines: Vec::new() };
            return Ok(Decision::nothing("nothing was reserved, and nothing will be")
                .with(create(&tombstone)));
        };
        let lines = kept.lines.clone();
        Ok(match (kept.status, amiss(&kept, loaded)?) {
            (Status::Released, _) => Decision::nothing("everything was given back before"),
            (Status::Reserved, None) => Decision::emit(ItemUnreserved { order_id, lines })
                .with_all(kept.move_pieces("reserved", "available"))
                .with(replace(&kept, &kept.now(Status::Released))),
            (Status::Removed, None) => Decision::emit(ItemReturned { order_id, lines })
                .with_all(kept.move_pieces("sold", "available"))
                .with(replace(&kept, &kept.now(Status::Released))),
            // The items were read after the reservation. Only where that is still as it was read
            // are their counts amiss: so it is written anew, unchanged.
            (Status::Reserved, Some(reason)) => {
                Decision::emit(ErrorItemUnreserved { order_id, reason })
                    .with(replace(&kept, &kept.value))
            }
            (Status::Removed, Some(reason)) => {
                Decision::emit(ErrorItemReturned { order_id, reason })
                    .with(replace(&kept, &kept.value))
            }
        })
    }
}

/// Why the pieces cannot be moved back: the item's counts do not hold them.
fn amiss(kept: &Reservation, loaded: &Loaded) -> Result<Option<String>, Refusal> {
    for (sku, pieces) in pieces(&kept.lines) {
        let Some(item) = loaded.entity::<Item>(sku)? else {
            return Ok(Some(format!("no item is called {sku}")));
        };
        let held = if kept.status == Status::Removed { item.sold } else { item.reserved };
        if i64::from(held) < pieces {
            return Ok(Some(format!("{pieces} of {sku} should be there, and {held} are")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::order::OrderCanceled;
    use chorus_events::samples;
    use chorus_kernel::Write;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    fn with(status: Status) -> Loaded {
        let (order_id, lines) = (samples::order_id(), samples::lines());
        let item = Item { reserved: 3, sold: 3, ..crate::item::sample(0) };
        Loaded::default().with(1, &Reservation { order_id, status, lines }).with(1, &item)
    }

    fn decided(loaded: &Loaded) -> Decision<UnreserveOrReturnItemOutput> {
        decide(&UnreserveOrReturnItem, OrderCanceled::sample(), loaded).unwrap()
    }

    #[test]
    fn what_was_reserved_is_unreserved() {
        let decision = decided(&with(Status::Reserved));
        assert!(matches!(decision.events(), [UnreserveOrReturnItemOutput::ItemUnreserved(_)]));
    }

    #[test]
    fn what_was_removed_is_returned() {
        let decision = decided(&with(Status::Removed));
        assert!(matches!(decision.events(), [UnreserveOrReturnItemOutput::ItemReturned(_)]));
    }

    #[test]
    fn counts_that_do_not_add_up_are_said_so_and_left_alone() {
        let loaded = with(Status::Removed).with(2, &Item { sold: 2, ..crate::item::sample(0) });
        let decision = decided(&loaded);
        assert!(matches!(decision.events(), [UnreserveOrReturnItemOutput::ErrorItemReturned(_)]));
        let [Write::Put { key, condition: Some(condition), .. }] = decision.changes() else {
            panic!("the reservation alone, as it was read: {decision:?}")
        };
        assert_eq!((key.sk.as_str(), condition.text.as_str()), ("order", "version = :read"));
    }

    #[test]
    fn a_cancellation_that_comes_first_leaves_a_tombstone() {
        let decision = decided(&Loaded::default());
        assert!(decision.events().is_empty());
        assert_eq!(decision.changes().len(), 1);
    }

    #[test]
    fn nothing_is_given_back_twice() {
        assert!(decided(&with(Status::Released)).changes().is_empty());
    }
}

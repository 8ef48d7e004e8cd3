//! Adds received pieces to an item's stock, or subtracts lost pieces.

use chorus_events::Sku;
use chorus_events::table::rows::{self, ReceiveStockInput, ReceiveStockOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, add};

use crate::Item;
use crate::put_item::MAX_STOCK;

/// The most pieces that one command adds or subtracts.
pub(crate) const MAX_RECEIVED: i32 = 1_000_000;

pub(crate) struct ReceiveStock;

impl Action for ReceiveStock {
    type Row = rows::ReceiveStock;
    type State = Found<Item>;

    fn keys(&self, ReceiveStockInput::ReceiveStock(command): &ReceiveStockInput) -> Sku {
        command.sku.clone()
    }

    fn decide(
        &self,
        ReceiveStockInput::ReceiveStock(command): &ReceiveStockInput,
        known: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<ReceiveStockOutput>, ActionError> {
        let refused = |rule: String| ActionError::invalid("/received", rule);
        let received = command.received;
        if received == 0 || !(-MAX_RECEIVED..=MAX_RECEIVED).contains(&received) {
            return Err(refused(format!(
                "must be a whole number from -{MAX_RECEIVED} to {MAX_RECEIVED}, and not 0"
            )));
        }
        let Some(item) = known else {
            return Err(ActionError::NotFound(format!("no item is called {}", command.sku)));
        };
        if item.available.checked_add_signed(received).is_none() {
            let why = format!("/received must be at least -{0}: {0} are available", item.available);
            return Err(ActionError::Conflict(why));
        }
        if item.received().saturating_add_signed(received.into()) > MAX_STOCK.into() {
            let why = format!("/received must leave at most {MAX_STOCK} pieces in all");
            return Err(ActionError::Conflict(why));
        }
        // Orders may change the stock before this decision is written, so the write checks again
        // that enough pieces are available.
        let added = add(&command.sku, &[(Item::AVAILABLE, received.into())]);
        Ok(Decision::nothing("the stock is counted").with(added))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_events::commands::ReceiveStock as Command;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(
        received: i32,
        stored: &Stored,
    ) -> Result<Decision<ReceiveStockOutput>, ActionError> {
        decide(&ReceiveStock, Command { received, ..Command::sample() }, stored)
    }

    #[test]
    fn pieces_are_added_and_lost_ones_are_taken_away() {
        let stored = Stored::default().with(7, &sample(3));
        for received in [10, -3] {
            let decision = decided(received, &stored).unwrap();
            let added = add(&sample(3).sku, &[(Item::AVAILABLE, received.into())]);
            assert_eq!(decision.changes(), [added]);
        }
    }

    #[test]
    fn what_cannot_be_in_the_stock_is_refused() {
        let most = Item { sold: MAX_STOCK - 5, ..sample(3) };
        for received in [0, MAX_RECEIVED + 1, i32::MIN] {
            let refusal = decided(received, &Stored::default().with(7, &sample(3))).unwrap_err();
            assert!(refusal.to_string().starts_with("/received must "), "{received}: {refusal}");
        }
        for (received, item) in [(-4, &sample(3)), (3, &most)] {
            let refusal = decided(received, &Stored::default().with(7, item)).unwrap_err();
            assert!(matches!(refusal, ActionError::Conflict(_)), "{received}: {refusal}");
        }
        decided(2, &Stored::default().with(7, &most)).unwrap();
    }

    #[test]
    fn an_item_that_was_never_listed_has_no_stock() {
        let refusal = decided(10, &Stored::default()).unwrap_err();
        assert!(matches!(refusal, ActionError::NotFound(_)), "{refusal}");
    }
}

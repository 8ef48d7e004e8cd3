//! Stores an item's price from an `ItemListed`. These events may arrive in any order: the price of
//! the newest listing is kept.

use chorus_events::table::rows::{self, LearnPriceInput, LearnPriceOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, put_if_newer};

use crate::Price;

pub(crate) struct LearnPrice;

impl Action for LearnPrice {
    type Row = rows::LearnPrice;
    type State = ();

    fn keys(&self, _: &LearnPriceInput) {}

    fn decide(
        &self,
        LearnPriceInput::ItemListed(item): &LearnPriceInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<LearnPriceOutput>, ActionError> {
        let price = Price { sku: item.sku.clone(), price: item.price };
        Ok(Decision::once(put_if_newer(&price, item.listing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_events::inventory::ItemListed;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    #[test]
    fn only_a_newer_listing_replaces_a_price() {
        let listed = ItemListed { listing: 7, ..ItemListed::sample() };
        let price = Price { sku: listed.sku.clone(), price: listed.price };
        let decision = decide(&LearnPrice, listed, &Stored::default()).unwrap();
        assert_eq!(decision, Decision::once(put_if_newer(&price, 7)));
    }
}

//! Learns an item's price. Listings may arrive in any order: the newest wins.

use chorus_events::table::rows::{self, LearnPriceInput, LearnPriceOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, newest};

use crate::Price;

/// The row, in code.
#[derive(Debug)]
pub(crate) struct LearnPrice;

impl Action for LearnPrice {
    type Row = rows::LearnPrice;

    fn reads(&self, _: &LearnPriceInput) -> Vec<Read> {
        Vec::new()
    }

    fn decide(
        &self,
        given: &Given<'_, LearnPriceInput>,
        _: &Loaded,
    ) -> Result<Decision<LearnPriceOutput>, Refusal> {
        let LearnPriceInput::ItemListed(item) = given.input;
        let price = Price { sku: item.sku.clone(), price: item.price };
        Ok(Decision::once(newest(&price, item.listing)))
    }
}

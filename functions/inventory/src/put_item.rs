//! Adds or changes an item of the shop: its name, its price, whether it is discontinued, and how
//! many of its pieces the shop has received in all.

use chorus_events::inventory::ItemListed;
use chorus_events::table::rows::{self, PutItemInput, PutItemOutput};
use chorus_events::{Sku, is_plain_text};
use chorus_kernel::{Action, ActionError, Context, Decision, Found, save};

use crate::Item;
use crate::item::{Counts, Listing};

/// The longest name, in characters.
pub(crate) const MAX_NAME: usize = 200;

/// The largest number of pieces of an item that the shop may have received in all.
pub(crate) const MAX_STOCK: u32 = 1_000_000_000;

pub(crate) struct PutItem;

impl Action for PutItem {
    type Row = rows::PutItem;
    type State = Found<Item>;

    fn keys(&self, PutItemInput::PutItem(command): &PutItemInput) -> Sku {
        command.sku.clone()
    }

    fn decide(
        &self,
        PutItemInput::PutItem(command): &PutItemInput,
        known: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<PutItemOutput>, ActionError> {
        if command.price <= chorus_events::Money::ZERO {
            return Err(ActionError::invalid("/price", "must be more than 0"));
        }
        if !is_plain_text(&command.name, MAX_NAME) {
            let rule = format!("must be 1 to {MAX_NAME} characters of plain text");
            return Err(ActionError::invalid("/name", rule));
        }
        if command.stock > MAX_STOCK {
            return Err(ActionError::invalid("/stock", format!("must be at most {MAX_STOCK}")));
        }
        let there = known.as_ref().map_or(0, |item| item.version);
        if command.replaces.is_some_and(|wanted| wanted != there) {
            let why = "the request must replace the item's current version: read the item again";
            return Err(ActionError::Outdated(why.to_owned()));
        }
        let (reserved, sold) = known.as_ref().map_or((0, 0), |item| (item.reserved, item.sold));
        let gone = reserved.saturating_add(sold);
        let available = command.stock.checked_sub(gone).ok_or_else(|| {
            let why =
                format!("/stock must be at least {gone}: that many pieces are reserved or sold");
            ActionError::Conflict(why)
        })?;
        let listing = Listing {
            sku: command.sku.clone(),
            name: command.name.clone(),
            price: command.price,
            discontinued: command.discontinued,
        };
        let number = known.as_ref().map_or(1, |item| item.listing + 1);
        let item = Item::listed(listing, Counts { available, reserved, sold }, number);
        if known
            .as_ref()
            .is_some_and(|known| Item { listing: known.listing, ..item.clone() } == known.value)
        {
            return Ok(Decision::nothing("the item is listed with these details already"));
        }
        Ok(Decision::emit(ItemListed {
            sku: item.sku.clone(),
            name: item.name.clone(),
            price: item.price,
            listing: item.listing,
        })
        .with(save(known.as_ref(), &item)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_events::commands::PutItem as Command;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_kernel::{Versioned, create, replace};
    use chorus_table::Event;

    #[test]
    fn a_new_item_is_listed_and_a_changed_one_is_listed_anew() {
        let decision = decide(&PutItem, Command::sample(), &Stored::default()).unwrap();
        assert_eq!(decision.changes(), [create(&sample(39))]);
        let known = Item { reserved: 4, sold: 5, listing: 2, ..sample(11) };
        let known = Versioned { version: 7, value: known };
        let stored = Stored::default().with(7, &known.value);
        let decision = decide(&PutItem, Command::sample(), &stored).unwrap();
        let next = Item { available: 30, listing: 3, ..known.value.clone() };
        assert_eq!(decision.changes(), [replace(&known, &next)]);
    }

    #[test]
    fn stock_counts_what_was_received_so_listing_twice_changes_nothing() {
        let known = Item { available: 30, reserved: 4, sold: 5, ..sample(0) };
        let stored = Stored::default().with(7, &known);
        let again = decide(&PutItem, Command::sample(), &stored).unwrap();
        assert!(again.changes().is_empty(), "39 were received, and 39 are accounted for");
    }

    #[test]
    fn a_version_that_is_to_be_replaced_must_be_the_one_that_is_there() {
        let wanted = |replaces| Command { replaces: Some(replaces), ..Command::sample() };
        let stored = Stored::default()
            .with(7, &Item { price: chorus_events::Money::from_minor(1), ..sample(39) });
        for (there, version) in [(&stored, 7), (&Stored::default(), 0)] {
            let decision = decide(&PutItem, wanted(version), there).unwrap();
            assert_eq!(decision.events().len(), 1, "{version}");
        }
        for (there, version) in [(&stored, 6), (&stored, 0), (&Stored::default(), 7)] {
            let refusal = decide(&PutItem, wanted(version), there).unwrap_err();
            assert!(matches!(refusal, ActionError::Outdated(_)), "{version}: {refusal}");
        }
    }

    #[test]
    fn a_name_is_never_blank_or_endless() {
        for name in ["", " ", "a\0b", &"ü".repeat(MAX_NAME + 1)] {
            let command = Command { name: name.to_owned(), ..Command::sample() };
            let refusal = decide(&PutItem, command, &Stored::default()).unwrap_err();
            assert!(refusal.to_string().starts_with("/name must be"), "{name:?}: {refusal}");
        }
    }

    #[test]
    fn stock_below_what_is_gone_is_refused_with_the_rule() {
        let stored = Stored::default().with(7, &Item { reserved: 30, sold: 10, ..sample(0) });
        let refusal = decide(&PutItem, Command::sample(), &stored).unwrap_err();
        assert!(refusal.to_string().starts_with("/stock must be at least 40"), "{refusal}");
    }
}

//! An item that the shop sells.

use chorus_events::{Money, Sku};
use chorus_kernel::{Counter, Index, entity};
use serde::{Deserialize, Serialize};

/// The index of items by lower-case name. One partition contains the items that are for sale; the
/// other partition contains the discontinued items. The index contains only keys. An order changes
/// no key, so an order causes no write to the index.
pub(crate) const BY_NAME: Index =
    Index { name: "by-name", pk: "assortment", sk: "place", whole_items: false };

/// Separates an item's name from its SKU in a sort key. A tab sorts before every character of a
/// name, so that `chai` sorts before `chai latte`.
const BETWEEN: char = '\t';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assortment {
    Sold,
    Discontinued,
}

impl Assortment {
    /// Returns the partition key in [`BY_NAME`].
    pub(crate) const fn partition(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::Discontinued => "discontinued",
        }
    }
}

/// An item, and how many of its pieces are available, reserved and sold. The sum of these three
/// numbers is the number of pieces that the shop received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    pub sku: Sku,
    pub name: String,
    /// The price of one piece.
    pub price: Money,
    /// Whether the item is no longer sold.
    pub discontinued: bool,
    /// Pieces that can be ordered.
    pub available: u32,
    /// Pieces set aside for orders under way.
    pub reserved: u32,
    /// Pieces that left the stock.
    pub sold: u32,
    /// The number of the item's latest listing, from 1.
    pub listing: u64,
    /// The item's partition key in the index `by-name`. Absent in an item that an earlier release
    /// stored, until that item is listed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assortment: Option<String>,
    /// The item's sort key in the index `by-name`; absent if `assortment` is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<String>,
}

/// The fields that a listing sets on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) sku: Sku,
    pub(crate) name: String,
    pub(crate) price: Money,
    pub(crate) discontinued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) available: u32,
    pub(crate) reserved: u32,
    pub(crate) sold: u32,
}

impl Item {
    pub const AVAILABLE: Counter<Self> = Counter::of("available");
    pub const RESERVED: Counter<Self> = Counter::of("reserved");
    pub const SOLD: Counter<Self> = Counter::of("sold");

    /// Returns the item after its `number`th listing.
    pub(crate) fn listed(listing: Listing, counts: Counts, number: u64) -> Self {
        let Listing { sku, name, price, discontinued } = listing;
        let Counts { available, reserved, sold } = counts;
        let assortment = if discontinued { Assortment::Discontinued } else { Assortment::Sold };
        let item = Self {
            sku,
            name,
            price,
            discontinued,
            available,
            reserved,
            sold,
            listing: number,
            assortment: Some(assortment.partition().to_owned()),
            place: None,
        };
        Self { place: Some(item.place()), ..item }
    }

    /// Returns the item's sort key in the index `by-name`.
    pub(crate) fn place(&self) -> String {
        format!("{}{BETWEEN}{}", self.name.to_lowercase(), self.sku)
    }

    /// Reads the lower-case name and the SKU from a sort key.
    pub(crate) fn name_and_sku(place: &str) -> Option<(&str, Sku)> {
        let (name, sku) = place.split_once(BETWEEN)?;
        Some((name, sku.parse().ok()?))
    }

    /// How many pieces the shop received in all.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.available as u64 + self.reserved as u64 + self.sold as u64
    }
}

entity!(Item: "item" in super::TABLE, by sku: Sku);

#[cfg(test)]
pub(crate) fn sample(available: u32) -> Item {
    let listing = Listing {
        sku: chorus_events::samples::sku(),
        name: "Chai".to_owned(),
        price: chorus_events::samples::unit_price(),
        discontinued: false,
    };
    Item::listed(listing, Counts { available, reserved: 0, sold: 0 }, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_stands_by_its_name_and_a_longer_name_behind_it() {
        let named = |name: &str| Item { name: name.to_owned(), ..sample(1) }.place();
        let mut places = [named("Chai Latte"), named("chai"), named("Chai!")];
        places.sort();
        assert_eq!(places, [named("CHAI"), named("chai latte"), named("chai!")]);
        let (name, sku) = Item::name_and_sku(&places[1]).unwrap();
        assert_eq!((name, sku), ("chai latte", sample(1).sku));
    }

    #[test]
    fn every_counter_is_a_field_of_the_item() {
        let fields = serde_json::to_value(sample(1)).unwrap();
        for counter in [Item::AVAILABLE, Item::RESERVED, Item::SOLD] {
            assert!(fields[counter.attribute()].is_u64(), "{counter:?}");
        }
    }
}

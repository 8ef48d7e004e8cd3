//! An item that the shop sells.

use chorus_events::{Money, Sku};
use chorus_kernel::{Counter, entity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An item and where its pieces are. `available + reserved + sold` is what the shop received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// The item's stock-keeping unit.
    pub sku: Sku,
    /// What it is called.
    pub name: String,
    /// What one piece costs.
    pub price: Money,
    /// Whether it is not sold any more.
    pub discontinued: bool,
    /// Pieces that can be ordered.
    pub available: u32,
    /// Pieces set aside for orders under way.
    pub reserved: u32,
    /// Pieces that left the stock.
    pub sold: u32,
    /// Counts the item's listings, from 1.
    pub listing: u64,
}

impl Item {
    /// Counts `available`.
    pub const AVAILABLE: Counter<Self> = Counter::of("available");
    /// Counts `reserved`.
    pub const RESERVED: Counter<Self> = Counter::of("reserved");
    /// Counts `sold`.
    pub const SOLD: Counter<Self> = Counter::of("sold");

    /// Pieces that the shop received in all.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.available as u64 + self.reserved as u64 + self.sold as u64
    }
}

entity!(Item: "item" in super::TABLE, by sku: Sku);

#[cfg(test)]
pub(crate) fn sample(available: u32) -> Item {
    Item {
        sku: chorus_events::samples::sku(),
        name: "Chai".to_owned(),
        price: chorus_events::samples::unit_price(),
        discontinued: false,
        available,
        reserved: 0,
        sold: 0,
        listing: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_a_field_of_the_item() {
        let fields = serde_json::to_value(sample(1)).unwrap();
        for counter in [Item::AVAILABLE, Item::RESERVED, Item::SOLD] {
            assert!(fields[counter.attribute()].is_u64(), "{counter:?}");
        }
    }
}

//! One of the items over which the counts are spread.
//!
//! If all orders were counted in one item, every order would write it, and transactions on one item
//! make each other fail. So each order is counted in one of several items, and a reader adds these
//! up.

use chorus_events::OrderId;
use chorus_kernel::{Counter, entity};
use serde::{Deserialize, Serialize};

/// How many parts there are. The number must not shrink: a reader would miss the parts beyond it.
const PARTS: u32 = 16;

/// How many orders there are, and their totals in minor units (cents), as numbers that the store
/// can add to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Count {
    /// Empty if the item was created by adding to a part that did not exist.
    pub part: String,
    pub placed: i64,
    pub placed_worth: i64,
    pub canceled: i64,
    pub canceled_worth: i64,
    pub delivered: i64,
    pub delivered_worth: i64,
}

impl Count {
    pub(crate) const PLACED: Counter<Self> = Counter::of("placed");
    pub(crate) const PLACED_WORTH: Counter<Self> = Counter::of("placed-worth");
    pub(crate) const CANCELED: Counter<Self> = Counter::of("canceled");
    pub(crate) const CANCELED_WORTH: Counter<Self> = Counter::of("canceled-worth");
    pub(crate) const DELIVERED: Counter<Self> = Counter::of("delivered");
    pub(crate) const DELIVERED_WORTH: Counter<Self> = Counter::of("delivered-worth");

    /// The names of all parts.
    pub fn parts() -> impl Iterator<Item = String> {
        (0..PARTS).map(|part| part.to_string())
    }

    /// Returns the part in which an order is counted, always the same one.
    #[must_use]
    pub fn part_of(order_id: &OrderId) -> String {
        let mix = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
        (order_id.as_str().bytes().fold(0, mix) % PARTS).to_string()
    }
}

entity!(Count: "count" in super::TABLE, by part: String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_spread_over_all_parts() {
        let part = |number: u32| Count::part_of(&number.to_string().parse().unwrap());
        let used: std::collections::BTreeSet<String> = (10_248..10_348).map(part).collect();
        assert_eq!(used, Count::parts().collect());
    }
}

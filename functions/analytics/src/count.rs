//! The counts of orders, spread over several DynamoDB items.
//!
//! If one item held all counts, every order would write that item, and concurrent transactions on
//! one item make each other fail. So each order is counted in one of several items, and a reader
//! adds up all items.

use chorus_events::OrderId;
use chorus_kernel::{Counter, entity};
use serde::{Deserialize, Serialize};

/// The number of items over which the counts are spread. The number must not shrink: a reader adds
/// up `PARTS` items, and would miss the counts in the others.
const PARTS: u32 = 16;

/// One part of the counts: numbers of orders, and sums of their totals in minor units (cents).
/// Every field except `part` is an integer, so that a write can add to it without reading the item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Count {
    /// The name of this part of the counts. No write stores the field, so it is empty in every
    /// `Count` that is read from the store.
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

    /// Returns the part in which an order is counted. The part depends only on the order's id.
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

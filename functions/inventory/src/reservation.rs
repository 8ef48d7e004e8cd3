//! What was done for an order: the memory that lets news arrive in any order.

use std::collections::BTreeMap;

use chorus_events::{Line, OrderId, Sku};
use chorus_kernel::{Adjust, Entity, Write};
use serde::{Deserialize, Serialize};

use crate::Item;

/// Where an order's items are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Set aside.
    Reserved,
    /// Out of the stock.
    Removed,
    /// Given back, or never to be taken: a tombstone.
    Released,
}

/// An order's items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reservation {
    /// Whose they are.
    pub order_id: OrderId,
    /// Where they are.
    pub status: Status,
    /// What they are; empty where nothing was ever reserved.
    pub lines: Vec<Line>,
}

impl Reservation {
    /// The same items somewhere else.
    #[must_use]
    pub fn now(&self, status: Status) -> Self {
        Self { status, ..self.clone() }
    }

    /// Moves the pieces of every line from one of the item's counts to another; an item that
    /// stands in several lines is moved once.
    #[must_use]
    pub fn move_pieces(&self, from: &str, to: &str) -> Vec<Write> {
        let moved = |(sku, pieces): (&Sku, i64)| {
            Adjust::of::<Item>(sku.as_str()).add(from, -pieces).add(to, pieces).write()
        };
        pieces(&self.lines).into_iter().map(moved).collect()
    }
}

/// How many pieces of each item the lines ask for.
#[must_use]
pub(crate) fn pieces(lines: &[Line]) -> BTreeMap<&Sku, i64> {
    let mut sum = BTreeMap::new();
    for line in lines {
        *sum.entry(&line.sku).or_default() += i64::from(line.quantity.get());
    }
    sum
}

impl Entity for Reservation {
    const TABLE: &'static str = super::TABLE.name;
    const KIND: &'static str = "order";

    fn id(&self) -> &str {
        self.order_id.as_str()
    }
}

//! The reservation of an order's items. It is stored so that the order's events may arrive in any
//! sequence.

use std::collections::BTreeMap;

use chorus_events::{Line, OrderId, Sku};
use chorus_kernel::{Counter, Each, EachKeys, Found, Write, add, entity, state};
use serde::{Deserialize, Serialize};

use crate::Item;

/// The state of an order's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Reserved,
    Removed,
    /// The pieces were returned to the stock, or the order was canceled before anything was
    /// reserved (a tombstone).
    Released,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reservation {
    pub order_id: OrderId,
    pub status: Status,
    /// The items; empty if nothing was ever reserved.
    pub lines: Vec<Line>,
}

impl Reservation {
    /// Returns a copy of the reservation whose status is `status`.
    #[must_use]
    pub fn now(&self, status: Status) -> Self {
        Self { status, ..self.clone() }
    }

    /// Returns the writes that move the pieces of every line: each item's counter `from` falls, and
    /// its counter `to` rises. An item in several lines is written once.
    #[must_use]
    pub fn move_pieces(&self, from: Counter<Item>, to: Counter<Item>) -> Vec<Write> {
        let moved = |Pieces { sku, count }| add(&sku, &[(from, -count), (to, count)]);
        pieces(&self.lines).into_iter().map(moved).collect()
    }
}

state! {
    /// An order's reservation, and the items in its lines.
    pub(crate) struct ReservationAndItems read by ReservationAndItemsKeys {
        pub(crate) reservation: Found<Reservation>,
        pub(crate) items: Each<Item, Pieces>,
    }
}

impl ReservationAndItemsKeys {
    /// Returns the keys of the order's reservation and of every item in its lines.
    pub(crate) fn of(order_id: &OrderId, lines: &[Line]) -> Self {
        let items = EachKeys::of(&pieces(lines), |pieces| pieces.sku.clone());
        Self { reservation: order_id.clone(), items }
    }
}

/// How many pieces of one item an order has, summed over all its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pieces {
    pub(crate) sku: Sku,
    pub(crate) count: i64,
}

fn pieces(lines: &[Line]) -> Vec<Pieces> {
    let mut sums: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in lines {
        *sums.entry(&line.sku).or_default() += i64::from(line.quantity.get());
    }
    sums.into_iter().map(|(sku, count)| Pieces { sku: sku.clone(), count }).collect()
}

entity!(Reservation: "order" in super::TABLE, by order_id: OrderId);

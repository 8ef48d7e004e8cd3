//! The price of an item, stored so that an order's total needs no call to Inventory.

use chorus_events::{Money, Sku};
use chorus_kernel::entity;
use serde::{Deserialize, Serialize};

/// An item's price, from the newest `ItemListed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Price {
    pub sku: Sku,
    /// The price of one piece.
    pub price: Money,
}

entity!(Price: "price" in super::TABLE, by sku: Sku);

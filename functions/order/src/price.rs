//! What the service has learned of an item: enough to know an order's total without a call.

use chorus_events::{Money, Sku};
use chorus_kernel::entity;
use serde::{Deserialize, Serialize};

/// An item's price, as last heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Price {
    pub sku: Sku,
    /// The price of one piece.
    pub price: Money,
}

entity!(Price: "price" in super::TABLE, by sku: Sku);

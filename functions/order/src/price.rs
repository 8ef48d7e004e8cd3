//! What the service has learned of an item: enough to know an order's total without a call.

use chorus_events::{Money, Sku};
use chorus_kernel::Entity;
use serde::{Deserialize, Serialize};

/// An item's price, as last heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Price {
    pub sku: Sku,
    /// The price of one piece.
    pub price: Money,
}

impl Entity for Price {
    type Id = Sku;
    const TABLE: &'static str = super::TABLE.name;
    const KIND: &'static str = "price";

    fn id(&self) -> &Self::Id {
        &self.sku
    }
}

//! What customs is told of an order.

use chorus_events::{Line, Money, OrderId};
use chorus_kernel::Entity;
use serde::{Deserialize, Serialize};

/// A declaration: what leaves the country, where it goes, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Declaration {
    pub order_id: OrderId,
    pub country: String,
    pub value: Money,
    pub lines: Vec<Line>,
}

impl Entity for Declaration {
    type Id = OrderId;
    const TABLE: &'static str = super::TABLE.name;
    const KIND: &'static str = "declaration";

    fn id(&self) -> &Self::Id {
        &self.order_id
    }
}

//! The customs declaration of an order.

use chorus_events::{Line, Money, OrderId};
use chorus_kernel::entity;
use serde::{Deserialize, Serialize};

/// A customs declaration: the goods that leave the country, their destination, and the order's
/// total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Declaration {
    pub order_id: OrderId,
    pub country: String,
    pub value: Money,
    pub lines: Vec<Line>,
}

entity!(Declaration: "declaration" in super::TABLE, by order_id: OrderId);

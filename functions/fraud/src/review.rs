//! The review of an order of high value.

use chorus_events::commands::Verdict;
use chorus_events::order::OrderCreated;
use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::Entity;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The partition of the index in which every pending review is.
pub(crate) const PENDING: &str = "yes";

/// A review: pending, or decided once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Review {
    /// Whose it is.
    pub order_id: OrderId,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// What the order is worth.
    pub total: Money,
    /// When it was ordered.
    pub placed_at: Timestamp,
    /// `yes`, until somebody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Review {
    /// A review that waits for a decision.
    #[must_use]
    pub fn of(order: &OrderCreated) -> Self {
        Self {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            total: order.total,
            placed_at: order.placed_at,
            pending: Some(PENDING.to_owned()),
            verdict: None,
            reviewer: None,
            reason: None,
        }
    }
}

impl Entity for Review {
    const TABLE: &'static str = super::TABLE.name;
    const KIND: &'static str = "review";

    fn id(&self) -> &str {
        self.order_id.as_str()
    }
}

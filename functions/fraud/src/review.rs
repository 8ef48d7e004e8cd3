//! The review of an order of high value.

use chorus_events::commands::Verdict;
use chorus_events::order::{OrderCanceled, OrderCreated};
use chorus_events::payment::ReviewRequested;
use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::entity;
use chorus_table::Handle;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The partition of the index in which every pending review is.
pub(crate) const PENDING: &str = "yes";

/// A review: pending, or decided once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Review {
    /// The order that is reviewed.
    pub order_id: OrderId,
    /// The customer who placed it.
    pub customer_id: CustomerId,
    /// The order's total.
    pub total: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// `yes` while the review is pending; absent after the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// The handle of the payment task that waits for the verdict, once there is one; a verdict has
    /// to name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// Whether the order was canceled, so that the review needs no decision.
    #[serde(default)]
    pub closed: bool,
    /// The verdict; absent while the review is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The reviewer who decided, or who last took the review up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// The reviewer's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Review {
    /// Returns a pending review of the order.
    #[must_use]
    pub fn of(order: &OrderCreated) -> Self {
        let about = (order.order_id.clone(), order.customer_id.clone());
        Self::open(about, order.total, order.placed_at)
    }

    /// Returns the pending review that a payment waits for, when the order's `OrderCreated` has not
    /// arrived yet.
    #[must_use]
    pub fn asked(request: &ReviewRequested, at: Timestamp) -> Self {
        let about = (request.order_id.clone(), request.customer_id.clone());
        Self { handle: Some(request.handle.clone()), ..Self::open(about, request.total, at) }
    }

    /// Returns a review that is closed from the start: the order was canceled, maybe before its
    /// `OrderCreated` arrived.
    #[must_use]
    pub fn never(order: &OrderCanceled) -> Self {
        let about = (order.order_id.clone(), order.customer_id.clone());
        let open = Self::open(about, order.total, order.placed_at);
        Self { pending: None, closed: true, ..open }
    }

    fn open((order_id, customer_id): (OrderId, CustomerId), total: Money, at: Timestamp) -> Self {
        Self {
            order_id,
            customer_id,
            total,
            placed_at: at,
            pending: Some(PENDING.to_owned()),
            handle: None,
            closed: false,
            verdict: None,
            reviewer: None,
            reason: None,
        }
    }
}

entity!(Review: "review" in super::TABLE, by order_id: OrderId);

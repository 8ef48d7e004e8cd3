//! The review of an order of high value.

use chorus_events::callers::LOCAL;
use chorus_events::commands::Verdict;
use chorus_events::order::{OrderCanceled, OrderCreated};
use chorus_events::payment::ReviewRequested;
use chorus_events::{CustomerId, Money, OrderId};
use chorus_kernel::entity;
use chorus_table::Handle;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The partition key of all pending reviews in the index `pending`. One key, so that one query
/// lists all of them.
pub(crate) const PENDING: &str = "yes";

/// A review, which is pending, decided or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Review {
    /// The order that is reviewed.
    pub order_id: OrderId,
    /// The customer whose order is reviewed.
    pub customer_id: CustomerId,
    /// The order's total.
    pub total: Money,
    /// When the order was placed. If the review was requested before the order's `OrderCreated`
    /// arrived: when the review was requested.
    pub placed_at: Timestamp,
    /// The name of the person who placed the order: the customer, or somebody for the customer.
    /// Absent if the name is not known. This person may not decide the review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_by: Option<String>,
    /// Whether the order's `OrderCreated` has not arrived yet. That event says who placed the
    /// order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_order: bool,
    /// `yes` while the review is pending; absent once it is decided or closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// The handle (an opaque id) of the payment's task that waits for the verdict; absent until a
    /// task waits. A reviewer's command has to contain this handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// Whether the order was canceled, so that the review needs no decision.
    #[serde(default)]
    pub closed: bool,
    /// The verdict; absent while the review is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The reviewer who decided. Before the decision: who last took the review, to work on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// The reviewer's reason for the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Review {
    /// Returns a pending review of the order.
    #[must_use]
    pub fn of(order: &OrderCreated) -> Self {
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        Self::open(order_id, customer_id, order.total, order.placed_at)
    }

    /// Returns the pending review that a payment requested before the order's `OrderCreated`
    /// arrived.
    #[must_use]
    pub fn asked(request: &ReviewRequested, at: Timestamp) -> Self {
        let (order_id, customer_id) = (request.order_id.clone(), request.customer_id.clone());
        let open = Self::open(order_id, customer_id, request.total, at);
        Self { handle: Some(request.handle.clone()), awaits_order: true, ..open }
    }

    /// Returns the review with the name of the person who placed the order: the actor of the
    /// order's `OrderCreated`.
    #[must_use]
    pub fn placed_by(self, actor: Option<&str>) -> Self {
        Self { placed_by: actor.map(ToOwned::to_owned), awaits_order: false, ..self }
    }

    /// Returns the review as a reviewer gets it. The handle is left out until `OrderCreated` has
    /// arrived, because no verdict is accepted before that.
    #[must_use]
    pub(crate) fn shown(self) -> Self {
        let handle = self.handle.filter(|_| !self.awaits_order);
        Self { handle, ..self }
    }

    /// Whether `name` is the order's customer or the person who placed the order. The actor
    /// [`LOCAL`] is not compared, because no person has that name.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        let same = |other: &str| other.to_lowercase() == name.to_lowercase();
        let placed_by = self.placed_by.as_deref().filter(|actor| *actor != LOCAL);
        same(self.customer_id.as_str()) || placed_by.is_some_and(same)
    }

    /// Returns a review that is closed from the start: the order was canceled, maybe before its
    /// `OrderCreated` arrived.
    #[must_use]
    pub fn of_canceled(order: &OrderCanceled) -> Self {
        let (order_id, customer_id) = (order.order_id.clone(), order.customer_id.clone());
        let open = Self::open(order_id, customer_id, order.total, order.placed_at);
        Self { pending: None, closed: true, ..open }
    }

    fn open(order_id: OrderId, customer_id: CustomerId, total: Money, at: Timestamp) -> Self {
        Self {
            order_id,
            customer_id,
            total,
            placed_at: at,
            placed_by: None,
            awaits_order: false,
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

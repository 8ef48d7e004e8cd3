//! An order's payment as it is stored.

use chorus_events::{ConfirmationUrl, CustomerId, Money, OrderId, PaymentMethod};
use chorus_kernel::{Versioned, entity};
use serde::{Deserialize, Serialize};

use crate::IntentId;

/// The state of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "PaymentStatus")]
pub enum Status {
    /// No event about the payment has arrived. Such a payment is never stored.
    New,
    /// The order is of high value. A reviewer was asked, and the order is charged after the
    /// approval.
    WaitingForApproval,
    /// A reviewer approved the order.
    Approved,
    /// The provider is being asked to charge. Only the message whose idempotency key is in
    /// `charged-by` may continue the charge.
    Charging,
    /// The customer's bank asks the customer to confirm the charge, and the payment waits for the
    /// result.
    WaitingForCustomer,
    /// The bank holds the amount. The provider charges the amount when the parcel leaves.
    Authorized,
    /// The provider charged the order.
    Charged,
    /// The amount that the bank held could not be charged when the parcel left, or the bank stopped
    /// holding the amount before that.
    CaptureFailed,
    /// The provider declined the charge or could not be reached, or nobody reviewed the order in
    /// time: nothing was charged.
    Failed,
    /// The order was canceled: nothing was charged, and nothing will be (a tombstone).
    Canceled,
    /// The order was canceled, and the provider is being asked to refund the charge.
    Refunding,
    /// The order was canceled, and the charge is refunded.
    Refunded,
    /// The order was canceled, and the provider refuses the refund: an operator has to decide what
    /// to do.
    RefundRefused,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Payment {
    pub order_id: OrderId,
    pub status: Status,
    /// The customer who pays; absent until `DeliveryEstimated` has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// What the order costs; absent until `DeliveryEstimated` has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// How the customer pays; absent if the order names no payment method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<PaymentMethod>,
    /// The idempotency key of the only message that may charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_by: Option<String>,
    /// The provider's id of the payment intent. The id is stored before the charge is confirmed, so
    /// that a cancellation can cancel the intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// The page on which the customer confirms the charge; absent if the bank asked for no
    /// confirmation, or has no page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_at: Option<ConfirmationUrl>,
    /// The provider's id of the charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<String>,
    /// How much is known to have been charged.
    pub charged: Money,
    /// How much is known to have been refunded.
    pub refunded: Money,
    /// How many times an operator requested a refused refund again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refund_retries: u32,
    /// Why the provider declined the charge or refused the refund, or why the payment was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Payment {
    /// Returns an order's payment as it is before any event about the payment has arrived.
    #[must_use]
    pub fn new(order_id: OrderId) -> Self {
        Self {
            order_id,
            status: Status::New,
            customer_id: None,
            amount: None,
            payment_method: None,
            charged_by: None,
            intent: None,
            confirm_at: None,
            charge_id: None,
            charged: Money::ZERO,
            refunded: Money::ZERO,
            refund_retries: 0,
            reason: None,
        }
    }

    /// Returns the stored payment, or [`Payment::new`] if there is none.
    pub(crate) fn known(order_id: &OrderId, read: Option<&Versioned<Self>>) -> Self {
        read.map_or_else(|| Self::new(order_id.clone()), |read| read.value.clone())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

entity!(Payment: "order" in super::TABLE, by order_id: OrderId);

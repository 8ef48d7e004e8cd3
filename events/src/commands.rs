//! Commands, named in the imperative: the messages that a route of the synchronous API passes to an
//! action of a service.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use chorus_table::{Handle, Owner, Sealed, event};

use crate::{
    CustomerId, Money, OrderId, PaymentMethod, Quantity, ShippingAddress, Sku, Tracking, samples,
    services,
};

/// One line of a request for an order: an item and the number of pieces. The shop sets the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderedLine {
    /// The id of the item.
    pub sku: Sku,
    /// The number of pieces.
    pub quantity: Quantity,
}

/// A reviewer's decision about an order, or the notice that a reviewer has begun the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The order may be charged.
    Approve,
    /// The order must be canceled.
    Decline,
    /// A reviewer has begun the review: the payment continues to wait for the decision.
    Take,
}

/// What a notice (a signed webhook) from the payment provider reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentReport {
    /// The charge was made or declined, or the customer's bank holds the amount of the charge.
    Concluded,
    /// The customer disputes the charge.
    Disputed,
    /// A refund that had been accepted did not reach the customer.
    RefundFailed,
    /// The provider confirms that the payment intent is canceled. If the bank held an amount, the
    /// amount is released.
    Canceled,
}

/// The parcel's status in a callback from the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogisticsStatus {
    /// The parcel was picked up.
    DeliveryStarted,
    /// The parcel was handed over to its recipient.
    Delivered,
    /// The parcel will not arrive.
    DeliveryCanceled,
}

event! {
    /// Place an order of these lines for this customer.
    CreateOrder: Owner::Service(services::ORDER), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        lines: Vec<OrderedLine> = samples::ordered_lines(),
        shipping_address: ShippingAddress = samples::address(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
    }
}

event! {
    /// Cancel this order, if it is still open.
    CancelOrder: Owner::Service(services::ORDER), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "ordered by mistake".to_owned(),
    }
}

event! {
    /// Create or change this item: its name, its price, and the total number of pieces that the
    /// shop has received.
    PutItem: Owner::Service(services::INVENTORY), Command, about sku, {
        sku: Sku = samples::sku(),
        name: String = "Chai".to_owned(),
        price: Money = samples::unit_price(),
        stock: u32 = 39,
        #[serde(default)] discontinued: bool = false,
        /// The version that the stored item must have; 0 if no such item may be stored. If this
        /// field is absent, any version may be replaced.
        #[serde(default, skip_serializing_if = "Option::is_none")] replaces: Option<u64> = None,
    }
}

event! {
    /// Add received pieces to an item's stock, or subtract lost pieces.
    ReceiveStock: Owner::Service(services::INVENTORY), Command, about sku, {
        sku: Sku = samples::sku(),
        received: i32 = 10,
    }
}

event! {
    /// Create or change this customer.
    PutCustomer: Owner::Service(services::CUSTOMER), Command, about customer_id, {
        customer_id: CustomerId = samples::customer_id(),
        name: Sealed = samples::customer_name(),
        email: Sealed = samples::email(),
        #[serde(default)] blocked: bool = false,
        /// The id of the key under which the name and the email address are encrypted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_id: Option<String> = Some(samples::key_id()),
    }
}

event! {
    /// Forget this customer: make all personal data about them unreadable.
    ForgetCustomer: Owner::Service(services::ORDER), Command, about customer_id, {
        customer_id: CustomerId = samples::customer_id(),
    }
}

event! {
    /// Decide the pending review of this order, or report that a reviewer has begun the review.
    DecideReview: Owner::Service(services::FRAUD), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        verdict: Verdict = Verdict::Approve,
        reviewer: String = "maria".to_owned(),
        handle: Handle = samples::handle(),
        #[serde(default)] reason: Option<String> = None,
    }
}

event! {
    /// Ask the payment provider again to refund this order's charge, after the provider refused.
    RetryRefund: Owner::Service(services::PAYMENT), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
    }
}

event! {
    /// Process a notice from the payment provider about this order's charge.
    PaymentNotice: Owner::Service(services::PAYMENT), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        /// The provider's id of the payment intent for the charge.
        intent: String = "pi_3Pgc71B7WZ01zgkW1a2b3c4d".to_owned(),
        report: PaymentReport = PaymentReport::Concluded,
        /// The amount that the customer disputes.
        #[serde(default, skip_serializing_if = "Option::is_none")] amount: Option<Money> = None,
        /// The reason of the dispute, or of the failed refund.
        #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String> = None,
        /// The deadline for the shop's response to a dispute.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respond_by: Option<Timestamp> = None,
    }
}

event! {
    /// Return the address of this order's parcel to the carrier.
    ShowAddress: Owner::Service(services::DELIVERY), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        handle: Handle = samples::handle(),
    }
}

event! {
    /// Process a callback from the carrier.
    LogisticsUpdate: Owner::Service(services::DELIVERY), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        status: LogisticsStatus = LogisticsStatus::Delivered,
        handle: Handle = samples::handle(),
        #[serde(default)] reason: Option<String> = None,
        /// How to track the parcel; stored when the parcel is picked up.
        #[serde(default, skip_serializing_if = "Option::is_none")] tracking: Option<Tracking> = None,
    }
}

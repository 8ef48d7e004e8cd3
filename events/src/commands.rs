//! Requests, in the imperative: the messages that the synchronous API passes to an action.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use chorus_table::{Handle, Owner, Sealed, event};

use crate::{
    CustomerId, Money, OrderId, PaymentMethod, Quantity, ShippingAddress, Sku, Tracking, samples,
    services,
};

/// One line of a request: an item and how many of it. The shop sets the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderedLine {
    /// The item.
    pub sku: Sku,
    /// The number of pieces.
    pub quantity: Quantity,
}

/// A reviewer's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The order may be charged.
    Approve,
    /// The order is to be canceled.
    Decline,
    /// A reviewer is at work: the payment continues to wait.
    Take,
}

/// What a notice of the payment provider is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentReport {
    /// The charge was made or declined.
    Concluded,
    /// The customer disputes the charge.
    Disputed,
    /// A refund that had been accepted did not reach the customer.
    RefundFailed,
    /// The intent is canceled, as the provider confirms: if the bank held an amount, it no longer does.
    Canceled,
}

/// The parcel's status in a callback of the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogisticsStatus {
    /// The parcel was picked up.
    DeliveryStarted,
    /// The parcel was handed over.
    Delivered,
    /// The parcel will not arrive.
    DeliveryCanceled,
}

event! {
    /// Order these lines for this customer.
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
    /// Cancel this order, if it has not ended.
    CancelOrder: Owner::Service(services::ORDER), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "ordered by mistake".to_owned(),
    }
}

event! {
    /// List this item: its name, its price, and how many pieces the shop received of it in all.
    PutItem: Owner::Service(services::INVENTORY), Command, about sku, {
        sku: Sku = samples::sku(),
        name: String = "Chai".to_owned(),
        price: Money = samples::unit_price(),
        stock: u32 = 39,
        #[serde(default)] discontinued: bool = false,
        /// The version of the item to replace; 0 if the item must not exist yet.
        #[serde(default, skip_serializing_if = "Option::is_none")] replaces: Option<u64> = None,
    }
}

event! {
    /// Add these pieces to an item's stock, or take away those that were lost.
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
        /// The id of the key under which name and address are encrypted.
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
    /// Decide the pending review of this order.
    DecideReview: Owner::Service(services::FRAUD), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        verdict: Verdict = Verdict::Approve,
        reviewer: String = "maria".to_owned(),
        handle: Handle = samples::handle(),
        #[serde(default)] reason: Option<String> = None,
    }
}

event! {
    /// Ask the payment provider again for the refund of this order, which it refused.
    RetryRefund: Owner::Service(services::PAYMENT), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
    }
}

event! {
    /// Process a notice of the payment provider about this order's charge.
    PaymentNotice: Owner::Service(services::PAYMENT), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        /// The provider's id of the charge.
        intent: String = "pi_3Pgc71B7WZ01zgkW1a2b3c4d".to_owned(),
        report: PaymentReport = PaymentReport::Concluded,
        /// What is disputed.
        #[serde(default, skip_serializing_if = "Option::is_none")] amount: Option<Money> = None,
        /// Why it is disputed, or was not refunded.
        #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<String> = None,
        /// Until when a dispute is to be answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respond_by: Option<Timestamp> = None,
    }
}

event! {
    /// Show the carrier where this parcel goes.
    ShowAddress: Owner::Service(services::DELIVERY), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        handle: Handle = samples::handle(),
    }
}

event! {
    /// Process a callback of the carrier.
    LogisticsUpdate: Owner::Service(services::DELIVERY), Command, about order_id, {
        order_id: OrderId = samples::order_id(),
        status: LogisticsStatus = LogisticsStatus::Delivered,
        handle: Handle = samples::handle(),
        #[serde(default)] reason: Option<String> = None,
        /// How to track the parcel; stored when the parcel is picked up.
        #[serde(default, skip_serializing_if = "Option::is_none")] tracking: Option<Tracking> = None,
    }
}

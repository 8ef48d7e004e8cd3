//! Events of the Payment service.

use chorus_table::{Handle, Owner, event};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::page_url::page_url;
use crate::{CustomerId, Money, OrderId, Terms, samples, services};

const PAYMENT: Owner = Owner::Service(services::PAYMENT);

/// Whether the amount of an order is still to be charged. If the order was charged at once, its
/// events do not have a field of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// The customer's bank holds the amount: it is charged when the parcel leaves.
    Due,
}

event! {
    /// A payment of high value waits for a reviewer. The reviewer's decision contains the event's
    /// `handle`.
    ReviewRequested: PAYMENT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        total: Money = samples::high_total(),
        handle: Handle = samples::handle(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::high_total()),
    } also [{ total: samples::total(), terms: samples::terms(samples::total()) }]
}

page_url! {
    /// The address of the page on which a customer confirms a payment. The address is shown as a
    /// link, so it has to be an `https` URL.
    ConfirmationUrl, of at most 2000 characters
}

event! {
    /// The customer's bank asks the customer to confirm a payment, for example by 3-D Secure. The
    /// payment waits for the confirmation until a deadline.
    ConfirmationRequired: PAYMENT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        amount: Money = samples::total(),
        /// The page on which the customer confirms the payment; absent if only the bank's own app
        /// asks for the confirmation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confirm_at: Option<ConfirmationUrl> = Some(samples::confirmation_url()),
        /// The deadline. If the customer has not confirmed the payment by then, the payment fails.
        until: Timestamp = samples::estimated_arrival(),
    } also [{ confirm_at: None }]
}

event! {
    /// The customer's bank holds the amount of an order. The amount is charged when the parcel
    /// leaves (`PaymentMade`), and released if the order is canceled before.
    PaymentAuthorized: PAYMENT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        amount: Money = samples::total(),
        charge_id: String = "ch-5f0a".to_owned(),
    }
}

event! {
    /// An order was charged.
    PaymentMade: PAYMENT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        amount: Money = samples::total(),
        charge_id: String = "ch-5f0a".to_owned(),
    }
}

event! {
    /// A payment was declined or given up. If the charge nevertheless succeeds, `CancelPayment`
    /// refunds it.
    PaymentFailed: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        reason: String = "card declined".to_owned(),
    }
}

event! {
    /// The amount that the bank held cannot be charged: the bank refused when the parcel left, or
    /// the authorization has lapsed. The order is canceled, and the carrier is asked to return the
    /// parcel.
    CaptureFailed: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the authorization has lapsed".to_owned(),
    }
}

event! {
    /// The charge of a canceled order was refunded.
    PaymentCanceled: PAYMENT, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        refunded: Money = samples::total(),
    }
}

event! {
    /// A refund was refused, or failed after it was accepted; an operator has to retry the refund.
    ErrorPaymentCanceled: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the provider refuses to refund this charge".to_owned(),
    }
}

event! {
    /// A customer disputes a charge at the bank; an operator must respond to the dispute by a
    /// deadline.
    ErrorPaymentDisputed: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        amount: Money = samples::total(),
        reason: String = "product_not_received".to_owned(),
        /// Until when the payment provider accepts evidence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respond_by: Option<Timestamp> = Some(samples::estimated_arrival()),
    }
}

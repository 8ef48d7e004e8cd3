//! Events of the Order service.

use jiff::Timestamp;

use chorus_table::{Owner, event};

use crate::{
    CustomerId, Line, Money, OrderId, PaymentMethod, ShippingAddress, Terms, samples, services,
};

const ORDER: Owner = Owner::Service(services::ORDER);

event! {
    /// An order was accepted, at these prices.
    OrderCreated: ORDER, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        status: String = "Open".to_owned(),
        lines: Vec<Line> = samples::lines(),
        total: Money = samples::total(),
        country: String = samples::address().country,
        shipping_address: ShippingAddress = samples::address(),
        placed_at: Timestamp = samples::moment(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    } also [
        {
            total: samples::high_total(),
            lines: samples::high_lines(),
            terms: samples::terms(samples::high_total()),
        },
        {
            country: samples::home_address().country,
            shipping_address: samples::home_address(),
            terms: samples::home_terms(),
        },
    ]
}

event! {
    /// An order was canceled: each service undoes its own steps for the order.
    OrderCanceled: ORDER, End, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        lines: Vec<Line> = samples::lines(),
        total: Money = samples::total(),
        reason: String = "the payment failed: card declined".to_owned(),
        placed_at: Timestamp = samples::moment(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    } also [{
        total: samples::high_total(),
        lines: samples::high_lines(),
        terms: samples::terms(samples::high_total()),
    }]
}

event! {
    /// An order has reached its customer.
    OrderDelivered: ORDER, End, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        total: Money = samples::total(),
        placed_at: Timestamp = samples::moment(),
    }
}

event! {
    /// A customer was forgotten: their personal data can no longer be read.
    CustomerForgotten: ORDER, Step, about customer_id, {
        customer_id: CustomerId = samples::customer_id(),
        forgotten_at: Timestamp = samples::moment(),
        /// The id of the customer's encryption key, which was destroyed. Absent if the customer had
        /// no key, and in events of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_id: Option<String> = Some(samples::key_id()),
    }
}

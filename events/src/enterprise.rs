//! The public events, to which other AWS accounts may subscribe. They contain little data, and none
//! about people. Their versions do not depend on those of the shop's internal events.
//! `cargo design --check` applies stricter rules to the public events than to the internal ones.

use jiff::Timestamp;

use chorus_table::{Owner, event};

use crate::{Currency, Money, OrderId, samples, services};

const ENTERPRISE: Owner = Owner::Service(services::ENTERPRISE);

event! {
    /// An order has reached its customer.
    ShopOrderDelivered: ENTERPRISE, Step, about order_id, {
        /// The order's number, which its customer knows.
        order_id: OrderId = samples::order_id(),
        /// When the order was placed.
        placed_at: Timestamp = samples::moment(),
        /// The amount that was charged.
        total: Money = samples::total(),
        /// The currency of the total: a code of ISO 4217.
        currency: Currency = Currency::EUR,
    }
}

event! {
    /// An order was canceled: nothing is charged for it, or the charge is refunded.
    ShopOrderCanceled: ENTERPRISE, Step, about order_id, {
        /// The order's number, which its customer knows.
        order_id: OrderId = samples::order_id(),
        /// When the order was placed.
        placed_at: Timestamp = samples::moment(),
        /// The order's total. It was refunded, or was never charged.
        total: Money = samples::total(),
        /// The currency of the total: a code of ISO 4217.
        currency: Currency = Currency::EUR,
    }
}

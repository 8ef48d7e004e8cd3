//! Events of the Payment service.

use chorus_table::{Handle, Owner, event};

use crate::{CustomerId, Money, OrderId, Terms, samples, services};

const PAYMENT: Owner = Owner::Service(services::PAYMENT);

event! {
    /// A payment of high value waits for a reviewer, who answers with its handle.
    ReviewRequested: PAYMENT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        total: Money = samples::high_total(),
        handle: Handle = samples::handle(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::high_total()),
    } also [{ total: samples::total(), terms: samples::terms(samples::total()) }]
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
    /// Payment was declined or given up. `CancelPayment` refunds a charge that succeeded anyway.
    PaymentFailed: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        reason: String = "card declined".to_owned(),
    }
}

event! {
    /// What was charged for a canceled order was refunded.
    PaymentCanceled: PAYMENT, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        refunded: Money = samples::total(),
    }
}

event! {
    /// A refund was refused; an operator must look.
    ErrorPaymentCanceled: PAYMENT, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the provider refuses to refund this charge".to_owned(),
    }
}

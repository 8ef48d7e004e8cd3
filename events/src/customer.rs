//! Events of the Customer service.

use crate::inventory::DescribedLine;
use chorus_table::{Owner, Sealed, event};

use crate::{CustomerId, Money, OrderId, PaymentMethod, ShippingAddress, Terms, samples, services};

const CUSTOMER: Owner = Owner::Service(services::CUSTOMER);

event! {
    /// A customer is new or has changed; `revision` counts the changes of one customer, from 1.
    CustomerUpdated: CUSTOMER, Step, about customer_id, {
        customer_id: CustomerId = samples::customer_id(),
        name: Sealed = samples::customer_name(),
        email: Sealed = samples::email(),
        revision: u64 = 1,
    }
}

event! {
    /// The customer of an order is known, and may order.
    CustomerDescribed: CUSTOMER, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        /// Empty in new events, because no consumer reads the name. In events of earlier releases:
        /// the customer's name.
        customer_name: Sealed = Sealed::default(),
        lines: Vec<DescribedLine> = samples::described_lines(),
        total: Money = samples::total(),
        shipping_address: ShippingAddress = samples::address(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    }
}

event! {
    /// The customer of an order is unknown, or may not order.
    ErrorCustomerDescribed: CUSTOMER, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "no customer is called 456".to_owned(),
    }
}

event! {
    /// The name and the email address of a customer were erased; the erasure counts as a revision.
    CustomerErased: CUSTOMER, Step, about customer_id, {
        customer_id: CustomerId = samples::customer_id(),
        revision: u64 = 2,
    }
}

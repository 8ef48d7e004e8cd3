//! Events of the Delivery service.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::inventory::DescribedLine;
use chorus_table::{Handle, Owner, event};

use crate::{CustomerId, Money, OrderId, PaymentMethod, ShippingAddress, Terms, samples, services};

const DELIVERY: Owner = Owner::Service(services::DELIVERY);

/// Why a delivery was canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CanceledBy {
    /// The carrier reported that the parcel will not arrive.
    Carrier,
    /// The carrier could not be reached.
    Unreachable,
    /// The order was canceled.
    Order,
}

event! {
    /// The delivery of an order is planned: the parcel should arrive by `deliver-by`.
    DeliveryEstimated: DELIVERY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        total: Money = samples::total(),
        deliver_by: Timestamp = samples::estimated_arrival(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    }
}

event! {
    /// The carrier does not deliver to the order's country.
    ErrorDeliveryEstimated: DELIVERY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the carrier does not deliver to AQ".to_owned(),
    }
}

event! {
    /// A parcel is ready for the carrier; the bus's rule on this event calls the carrier. The
    /// carrier's callbacks contain the event's `handle`.
    DeliveryMarkedAsStarted: DELIVERY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        lines: Vec<DescribedLine> = samples::described_lines(),
        shipping_address: ShippingAddress = samples::address(),
        deliver_by: Timestamp = samples::estimated_arrival(),
        #[serde(default)] handle: Option<Handle> = Some(samples::handle()),
    }
}

event! {
    /// A delivery could not be started, because none was estimated for the order.
    ErrorMarkDeliveryAsStarted: DELIVERY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "no delivery was estimated for this order".to_owned(),
    }
}

event! {
    /// A parcel has reached its customer.
    DeliveryWasDelivered: DELIVERY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
    }
}

event! {
    /// The carrier delivered a parcel that should not have been on its way; an operator has to find
    /// out why.
    ErrorDeliveryWasDelivered: DELIVERY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the delivery had been canceled".to_owned(),
    }
}

event! {
    /// A delivery was canceled: the parcel will not arrive.
    DeliveryWasCanceled: DELIVERY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        canceled_by: CanceledBy = CanceledBy::Order,
        reason: String = "the order was canceled".to_owned(),
    } also [
        { canceled_by: CanceledBy::Unreachable },
        { canceled_by: CanceledBy::Carrier },
    ]
}

event! {
    /// A delivery could not be canceled; an operator has to find out why, and decide what follows.
    ErrorDeliveryWasCanceled: DELIVERY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the parcel had already been delivered".to_owned(),
    }
}

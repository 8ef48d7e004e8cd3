//! The carrier's events. The Delivery service publishes an event when the carrier's webhook reports
//! it.

use chorus_table::{Owner, event};

use crate::{Capture, OrderId, Tracking, partners, samples};

const LOGISTICS: Owner = Owner::Partner(partners::CARRIER);

event! {
    /// The carrier has picked up a parcel.
    DeliveryStarted: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tracking: Option<Tracking> = Some(samples::tracking()),
        /// Whether the order is charged when the parcel leaves. The Delivery service adds this
        /// field; the carrier does not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture> = None,
    } also [{ capture: Some(Capture::Due) }]
}

event! {
    /// The carrier has delivered a parcel.
    Delivered: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        /// Whether the order is charged when the parcel leaves. The Delivery service adds this
        /// field; the carrier does not report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture> = None,
    } also [{ capture: Some(Capture::Due) }]
}

event! {
    /// The carrier gave up the delivery of a parcel, which will not arrive.
    DeliveryCanceled: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the parcel was damaged".to_owned(),
    }
}

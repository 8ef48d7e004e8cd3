//! The carrier's events, received by the webhook. No action of the shop decides them.

use chorus_table::{Owner, event};

use crate::{Capture, OrderId, Tracking, partners, samples};

const LOGISTICS: Owner = Owner::Partner(partners::CARRIER);

event! {
    /// The carrier has picked a parcel up.
    DeliveryStarted: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tracking: Option<Tracking> = Some(samples::tracking()),
        /// Added by Delivery: the carrier does not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture> = None,
    } also [{ capture: Some(Capture::Due) }]
}

event! {
    /// The carrier has delivered a parcel.
    Delivered: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        /// Added by Delivery: the carrier does not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture> = None,
    } also [{ capture: Some(Capture::Due) }]
}

event! {
    /// The carrier gave up on a parcel.
    DeliveryCanceled: LOGISTICS, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the parcel was damaged".to_owned(),
    }
}

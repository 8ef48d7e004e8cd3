//! What the carrier says, through our webhook. Nothing in the shop decides these.

use crate::event::event;
use crate::{OrderId, Owner, samples};

event! {
    /// The carrier has picked a parcel up.
    DeliveryStarted: Owner::Logistics, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
    }
}

event! {
    /// The carrier has handed a parcel over.
    Delivered: Owner::Logistics, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
    }
}

event! {
    /// The carrier gave up on a parcel.
    DeliveryCanceled: Owner::Logistics, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "the parcel was damaged".to_owned(),
    }
}

//! Events of the Fraud service.

use chorus_table::{Handle, Owner, event};

use crate::{OrderId, samples, services};

const FRAUD: Owner = Owner::Service(services::FRAUD);

event! {
    /// A reviewer approved a high-value order: it may be charged.
    OrderApproved: FRAUD, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        reviewer: String = "maria".to_owned(),
        #[serde(default)] handle: Option<Handle> = Some(samples::handle()),
    }
}

event! {
    /// A reviewer has begun to review a high-value order: its payment continues to wait for the
    /// decision.
    ReviewTaken: FRAUD, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        reviewer: String = "maria".to_owned(),
        handle: Handle = samples::handle(),
    }
}

event! {
    /// A reviewer declined a high-value order.
    OrderDeclined: FRAUD, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reviewer: String = "maria".to_owned(),
        reason: String = "the address is a parcel locker".to_owned(),
        #[serde(default)] handle: Option<Handle> = Some(samples::handle()),
    }
}

//! What the Customs service says.

use crate::event::event;
use crate::{Money, OrderId, Owner, Service, samples};

const CUSTOMS: Owner = Owner::Ours(Service::Customs);

event! {
    /// A declaration for an order that leaves the country is ready.
    CustomsDeclared: CUSTOMS, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        country: String = samples::address().country,
        value: Money = samples::total(),
    }
}

//! Events of the Customs service.

use chorus_table::{Owner, event};

use crate::{Money, OrderId, samples, services};

const CUSTOMS: Owner = Owner::Service(services::CUSTOMS);

event! {
    /// The customs declaration of an order that is shipped abroad is ready.
    CustomsDeclared: CUSTOMS, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        country: String = samples::address().country,
        value: Money = samples::total(),
    }
}

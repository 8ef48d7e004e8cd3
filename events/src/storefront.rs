//! Events of the Storefront service.

use chorus_table::{Owner, event};

use crate::{OrderId, samples, services};

const STOREFRONT: Owner = Owner::Service(services::STOREFRONT);

event! {
    /// The progress of an order, for the shop's front end: `signed-update` is a JSON Web Token that
    /// contains no personal data.
    OrderUpdated: STOREFRONT, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        signed_update: String = samples::signed_update(),
    }
}

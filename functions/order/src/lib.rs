//! Order: accepts orders, and cancels or completes them. An order's state is the fold of its own
//! events; the list that customers see is a projection of the events that the bus delivers.

mod answers;
mod api;
mod cancel_order;
mod complete_order;
mod create_order;
mod follow_order;
mod forget_customer;
mod forgetting;
mod history;
mod id_secret;
mod learn_price;
mod list;
mod order;
mod price;
mod progress;
mod project_order;
mod requests;
mod view;

pub use api::{EVENTS_PATH, MAX_WAIT, WAIT};
pub use history::{HistoryError, any_before, by_type, rebuild};
pub use id_secret::{IdSecret, IdSecretTooShort};
pub use order::{Order, Placed, Status};
pub use price::Price;
pub use view::OrderView;

use std::sync::Arc;

use chorus_events::{Settings, services};
use chorus_http::HttpFunction;
use chorus_kernel::{Function, Index, Secret, TableSpec};

/// The index of stored events by type and time.
pub const BY_TYPE: Index = Index { name: "by-type", pk: "event-type", sk: "at", whole_items: true };

/// The orders' events, how far each order's payment and delivery are, and the prices of items.
pub const TABLE: TableSpec = TableSpec { name: "order", indexes: &[BY_TYPE], ttl: None };

/// The index of the order list. A partition contains the orders that have one status and were
/// placed in one month.
pub(crate) const BY_STATUS: Index =
    Index { name: "by-status", pk: "status-month", sk: "sk", whole_items: true };

/// The list of orders that customers see. The table can be deleted and rebuilt from the orders'
/// events.
pub const VIEW_TABLE: TableSpec =
    TableSpec { name: "order-view", indexes: &[BY_STATUS], ttl: None };

/// Builds the service. The ids of new orders are derived with `id_secret`; `settings` are the
/// shop's settings.
#[must_use]
pub fn function(id_secret: Arc<dyn Secret<IdSecret>>, settings: Settings) -> HttpFunction {
    let currency = settings.currency;
    let function = Function::of(services::ORDER)
        .table(TABLE)
        .table(VIEW_TABLE)
        .action(create_order::CreateOrder(settings))
        .action(cancel_order::CancelOrder)
        .action(complete_order::CompleteOrder)
        .action(learn_price::LearnPrice)
        .action(follow_order::FollowOrder)
        .action(forget_customer::ForgetCustomer)
        .action(project_order::ProjectOrder);
    HttpFunction::new(
        function,
        [
            api::create_order(id_secret, settings),
            api::list_orders(currency),
            api::get_order(currency),
            api::list_order_events(currency),
            api::cancel_order(currency),
            forgetting::forget_customer(),
            forgetting::export_customer(currency),
        ],
    )
}

//! Event log: stores every event permanently, and lists the events of an order.
//!
//! An item's key consists of the event's correlation id, such as an order's id, and of the event's
//! own id. The key contains no time, so that a duplicate has the same key. No error is ignored: an
//! event that cannot be stored becomes a dead letter.

mod api;
mod causal_order;
mod logged_event;
mod record_event;

pub use api::story;
pub use causal_order::causal_order;
pub use logged_event::{LoggedEvent, published};

use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_kernel::{Function, TableSpec};

/// One partition for each order, SKU or customer; in it, one item for each event.
pub const TABLE: TableSpec = TableSpec { name: "event-log", indexes: &[], ttl: None };

#[must_use]
pub fn function() -> HttpFunction {
    let function = Function::of(services::EVENT_LOG).table(TABLE).action(record_event::RecordEvent);
    HttpFunction::new(function, [api::list_events()])
}

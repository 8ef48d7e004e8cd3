//! Event log: stores every event permanently, and lists an order's.
//!
//! It is keyed by what an event is about and by the event's own id, never by a clock, so that a
//! duplicate is the same item. It swallows no error: an event that cannot be kept becomes a dead
//! letter.

mod api;
mod causal_order;
mod logged_event;
mod record_event;

pub use api::story;
pub use causal_order::causal_order;
pub use logged_event::LoggedEvent;

use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_kernel::{Function, TableSpec};

/// One partition for each order (or item, or customer), in it one item for each event.
pub const TABLE: TableSpec = TableSpec { name: "event-log", indexes: &[], ttl: None };

#[must_use]
pub fn function() -> HttpFunction {
    let function = Function::of(services::EVENT_LOG).table(TABLE).action(record_event::RecordEvent);
    HttpFunction::new(function, [api::list_events()])
}

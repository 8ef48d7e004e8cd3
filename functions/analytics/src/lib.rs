//! Analytics: how many orders were placed, canceled and delivered, and what they are worth.

mod api;
mod count;
mod count_order;

pub use count::Count;

use chorus_events::Service;
use chorus_kernel::{Function, TableSpec};

/// The counts, spread over a few items.
pub const TABLE: TableSpec = TableSpec { name: "analytics", indexes: &[], ttl: None };

/// The service.
#[must_use]
pub fn function() -> Function {
    Function::of(Service::Analytics)
        .table(TABLE)
        .action(count_order::CountOrder)
        .route(api::get_analytics())
}

//! Analytics: how many orders were placed, canceled and delivered, and their totals.

mod api;
mod count;
mod count_order;

pub use count::Count;

use chorus_events::{Currency, services};
use chorus_http::HttpFunction;
use chorus_kernel::{Function, TableSpec};

/// The counts of orders, spread over several DynamoDB items.
pub const TABLE: TableSpec = TableSpec { name: "analytics", indexes: &[], ttl: None };

#[must_use]
pub fn function(currency: Currency) -> HttpFunction {
    let function = Function::of(services::ANALYTICS).table(TABLE).action(count_order::CountOrder);
    HttpFunction::new(function, [api::get_analytics(currency)])
}

//! Customer: who orders, and who may not.

mod api;
mod customer;
mod describe_customer;
mod put_customer;

pub use customer::Customer;

use chorus_events::Service;
use chorus_kernel::{Function, TableSpec};

/// Customers.
pub const TABLE: TableSpec = TableSpec { name: "customer", indexes: &[], ttl: None };

/// The service.
#[must_use]
pub fn function() -> Function {
    Function::of(Service::Customer)
        .table(TABLE)
        .action(put_customer::PutCustomer)
        .action(describe_customer::DescribeCustomer)
        .route(api::put_customer())
        .route(api::get_customer())
}

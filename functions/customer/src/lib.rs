//! Customer: stores the shop's customers, and which customers may not order.

mod api;
mod customer;
mod describe_customer;
mod details;
mod erase_customer;
mod put_customer;

pub use customer::Customer;

use chorus_events::services;
use chorus_http::HttpFunction;
use chorus_kernel::{Function, TableSpec};

pub const TABLE: TableSpec = TableSpec { name: "customer", indexes: &[], ttl: None };

#[must_use]
pub fn function() -> HttpFunction {
    let function = Function::of(services::CUSTOMER)
        .table(TABLE)
        .action(put_customer::PutCustomer)
        .action(describe_customer::DescribeCustomer)
        .action(erase_customer::EraseCustomer);
    HttpFunction::new(function, [api::put_customer(), api::get_customer()])
}

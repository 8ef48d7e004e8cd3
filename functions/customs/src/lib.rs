//! Customs: declares what leaves the country. The rule of its row selects the orders.

mod declaration;
mod prepare_declaration;

pub use declaration::Declaration;

use chorus_events::services;
use chorus_kernel::{Function, TableSpec};

/// One declaration for each order that leaves the country.
pub const TABLE: TableSpec = TableSpec { name: "customs", indexes: &[], ttl: None };

#[must_use]
pub fn function() -> Function {
    Function::of(services::CUSTOMS).table(TABLE).action(prepare_declaration::PrepareDeclaration)
}

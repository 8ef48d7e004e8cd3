//! Customs: declares the orders that leave the country. In the design table, the condition `when`
//! of the row `PrepareDeclaration` selects these orders.

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

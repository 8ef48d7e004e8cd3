//! Customs: declares the orders that leave the country. The row's `when` selects them.

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

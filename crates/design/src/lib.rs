//! Checks of a design table, and the documents and files that derive from it.

mod asyncapi;
mod check;
mod compatibility;
mod compensation;
mod event_page;
mod files;
mod finding;
mod flow;
mod lifetimes;
mod markdown;
mod patterns;
mod picture;
mod print;
mod public;
mod wiring;

pub use asyncapi::{asyncapi, public_asyncapi};
pub use check::check;
pub use compatibility::{
    Contract, Direction, Incompatibility, PUBLISHED, PublishedError, Readers, Version, compare,
    publish, published, published_at, readers,
};
pub use files::{GeneratedFile, files};
pub use finding::Finding;
pub use flow::Flow;
pub use markdown::markdown;
pub use picture::mermaid;
pub use print::{action_table, event_table};
pub use wiring::wiring;

/// Reports gaps in the flow of `table`, and differences between the table and `functions`.
#[must_use]
pub fn prove(table: &chorus_table::Table, functions: &[chorus_kernel::Function]) -> Vec<Finding> {
    let mut findings = check(table.rows, &table.messages());
    findings.extend(wiring(table, functions));
    findings
}

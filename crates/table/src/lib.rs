//! The types of a design table ([`Event`], [`Row`], [`Service`] and [`Partner`]), the envelope of
//! messages, and the rules that derive from the rows. A design table has a row for each action of
//! an application: the messages that start the action, and the events that it emits.
//!
//! An application declares its services with [`services!`], its events with [`event!`] and its rows
//! with [`design_table!`]; rules, IAM policies, templates and documents derive from the resulting
//! [`Table`]. This crate does not depend on an application, a store, a bus, a clock or AWS.

#![warn(missing_docs)]

mod breaker;
mod callers;
mod content;
mod envelope;
mod event;
mod identifier;
mod message;
pub mod policy;
mod reader;
mod row;
mod rules;
mod sealed;
mod service;
mod table;

pub use breaker::{Breaker, PartnerState};
pub use callers::{CallerRole, Callers, Customers};
pub use content::Content;
pub use envelope::{Category, Detail, Entry, Metadata, TENANT_PATH, WireEvent};
pub use event::{
    AnyEvent, Earlier, EarlierData, Event, EventSpec, Inputs, Outputs, ReadError, Role,
};
pub use identifier::{Handle, IDENTIFIER, IdentifierError, PUBLISHED_IDENTIFIER, is_identifier};
pub use message::{EarlierMessage, Message, sample_time};
pub use reader::Reader;
pub use row::{Budget, Effect, KeyUse, Replay, Row, RowSpec, Trigger, Via};
pub use rules::{Rule, rules};
pub use sealed::Sealed;
pub use service::{CallBody, OutsideBus, Owner, Partner, Sender, Service};
pub use table::Table;

#[doc(hidden)]
pub use event::{copies, in_earliest, schema_of};
#[doc(hidden)]
pub use pastey;

/// Returns the first of `values`. A macro with an optional argument passes `[argument, default]`,
/// or only `[default]` if the argument is missing.
#[doc(hidden)]
#[must_use]
pub const fn first_of<T: Copy>(values: &[T]) -> T {
    values[0]
}

//! The contract: the only crate that two services share. It holds the envelope, every event and
//! command as a type, and the [design table](table) from which rules, schemas, docs, the template
//! and the local run derive. It knows nothing of stores, buses, clocks or AWS.

mod envelope;
mod event;
mod money;
mod order_line;
mod row;
mod words;

pub mod catalog;
pub mod commands;
pub mod customer;
pub mod customs;
pub mod delivery;
pub mod fraud;
pub mod inventory;
pub mod logistics;
pub mod notification;
pub mod order;
pub mod payment;
pub mod rules;
pub mod samples;
pub mod table;

pub use envelope::{Category, Detail, Entry, Metadata, WireEvent};
pub use event::{AnyEvent, Event, EventSpec, Inputs, Never, Outputs, Owner, ReadError, Role};
pub use money::{Money, MoneyError};
pub use order_line::{Line, MAX_LINES, ShippingAddress, total};
pub use row::{Effect, Replay, Row, RowSpec, Service, Trigger, Via};
pub use words::{CustomerId, Handle, OrderId, PLAIN_TEXT, Quantity, Sku, WordError, is_plain_text};

/// The country that the shop ships from; orders to any other need a customs declaration.
pub const HOME_COUNTRY: &str = "Germany";

/// From this total on, an order is charged only once a reviewer approved it.
pub const HIGH_VALUE: Money = Money::from_minor(100_000);

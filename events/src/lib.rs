//! The contract of the shop: every event and command as a type, and the [design table](table), from
//! which rules, schemas, docs, the template and the local run derive. This is the only crate of the
//! shop that two services share. The crate does not depend on a store, a bus, a clock or AWS.

mod country;
mod currency;
mod money;
mod order_line;
mod page_url;
mod settings;
mod tracking;
mod values;

pub mod callers;
pub mod commands;
pub mod customer;
pub mod customs;
pub mod delivery;
pub mod enterprise;
pub mod facts;
pub mod fraud;
pub mod inventory;
pub mod logistics;
pub mod notification;
pub mod order;
pub mod outages;
pub mod partners;
pub mod payment;
pub mod samples;
pub mod services;
pub mod storefront;
pub mod table;

pub use country::{Country, CountryError};
pub use currency::{Currency, CurrencyError, Priced};
pub use money::{Money, MoneyError};
pub use order_line::{Line, MAX_LINES, PostalAddress, ShippingAddress, total};
pub use page_url::PageUrlError;
pub use payment::{Capture, ConfirmationUrl};
pub use settings::{PaymentCapture, Settings, Terms, UnknownCapture};
pub use tracking::{Tracking, TrackingNumber, TrackingUrl};
pub use values::{
    CustomerId, OrderId, PLAIN_TEXT, PaymentMethod, Quantity, QuantityError, Sku, is_plain_text,
};

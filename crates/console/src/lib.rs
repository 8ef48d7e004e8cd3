//! The console of a shop: pages on which people see the flow, the history of an order, what waits
//! for a person, and the accounts, and from which they act.
//!
//! Pages read and act through the shop's API ([`ShopApi`]), so that the same pages serve a shop on
//! a laptop and a deployed one. Updates are passed to [`Live`], which sends them to open pages by
//! server-sent events. Pages can be read without a script; with it, they are updated live.

mod api;
mod assets;
mod console;
mod flow;
mod form;
mod live;
mod page;
mod pages;
mod show;

pub use api::{Answer, ApiRequest, ShopApi, Unreachable};
pub use console::Console;
pub use live::{Live, Update};

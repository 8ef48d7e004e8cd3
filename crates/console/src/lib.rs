//! The console of a shop. Its pages show the flow, the history of an order, the work that waits for
//! a person, and the accounts; people can act from them.
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

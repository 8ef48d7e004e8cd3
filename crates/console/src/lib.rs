//! The console of a shop. Its pages show the flow of events, the history of an order, the work that
//! waits for a person, and whether all stock and money add up. Forms on the pages let a person act.
//!
//! Pages read and act through the shop's API ([`ShopApi`]), so that the same pages serve a shop on
//! a laptop and a deployed shop. Updates are passed to [`Live`], which sends them to open pages by
//! server-sent events. Pages can be read without JavaScript; with JavaScript, they are updated
//! live.

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

//! The console of a shop: pages on which people see the flow, an order's journey, what waits for
//! somebody, and the books, and from which they act.
//!
//! Everything is read and done through the shop's API ([`ShopApi`]), so that the same pages show a
//! shop on a laptop and a deployed one. Events meanwhile are given to [`Live`], which pages follow
//! by server-sent events. Pages need no script to be read; with it, they are updated live.

mod api;
mod assets;
mod console;
mod flow;
mod form;
mod live;
mod page;
mod pages;
mod show;

pub use api::{Answer, Ask, ShopApi, Unreachable};
pub use console::Console;
pub use live::{Happened, Live};

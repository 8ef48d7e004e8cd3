//! The console's pages; each reads its content from the shop's API.

pub(crate) mod books;
pub(crate) mod flow;
pub(crate) mod order;
pub(crate) mod orders;
pub(crate) mod session;
pub(crate) mod try_it;
pub(crate) mod work;

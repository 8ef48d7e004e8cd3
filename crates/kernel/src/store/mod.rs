//! Items, writes, and the interface that every store implements. Also a store in memory, for tests
//! and simulations.

mod expression;
mod item;
mod memory;
mod port;
mod write;

pub use expression::Expressions;
pub use item::{Item, Key, number, text};
pub use memory::MemoryStore;
pub use port::{
    Index, MOST_READ_AT_ONCE, Page, Query, Reason, Store, StoreError, TableSpec, query_all,
};
pub use write::{Condition, Update, Write};

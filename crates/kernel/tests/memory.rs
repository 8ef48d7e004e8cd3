//! The store in memory does what the kernel requires of every [`Store`](chorus_kernel::Store).
#![allow(clippy::unwrap_used)]

use chorus_kernel::MemoryStore;
use chorus_kernel::testing::expect_ready;
use chorus_kernel::testing::port_suite::{TABLES, run};

#[test]
fn the_store_in_memory_holds_the_port() {
    expect_ready(run(&MemoryStore::new(&TABLES), "memory"));
}

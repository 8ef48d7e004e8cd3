//! The map holds what the kernel's port promises, so that fast runs can be trusted.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chorus_local::port_suite::{TABLES, run};
use chorus_simulation::MapStore;

#[test]
fn the_map_holds_the_port() {
    let store = MapStore::new(&TABLES);
    let mut suite = pin!(run(&store, "map"));
    let polled = suite.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(()), "the map never waits");
}

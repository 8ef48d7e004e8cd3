//! The embedded store passes the tests of the kernel's port `Store`, in memory and in a file.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use chorus_kernel::testing::port_suite::{TABLES, run};
use chorus_kernel::{Condition, Key, Store, Write};
use chorus_local::{DynoxideStore, Operation, VirtualClock};
use jiff::Timestamp;
use serde_dynamo::AttributeValue;

fn memory() -> (DynoxideStore, VirtualClock) {
    let clock = VirtualClock::at(Timestamp::from_second(1_000).unwrap());
    (DynoxideStore::memory(Arc::new(clock.clone()), &TABLES).unwrap(), clock)
}

fn file(directory: &Path) -> DynoxideStore {
    DynoxideStore::open(&directory.join("store.db"), &TABLES).unwrap()
}

fn put(pk: &str, attribute: &str, value: AttributeValue) -> Write {
    let key = Key { table: TABLES[0].name, pk: pk.to_owned(), sk: "-".to_owned() };
    let mut item = key.to_item();
    item.insert(attribute.to_owned(), value);
    Write::Put { key, item, condition: Some(Condition::Absent) }
}

#[tokio::test]
async fn the_store_in_memory_holds_the_port() {
    run(&memory().0, "memory").await;
}

#[tokio::test]
async fn the_store_on_a_file_holds_the_port_also_when_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    run(&file(directory.path()), "first").await;
    run(&file(directory.path()), "second").await;
}

#[tokio::test]
async fn the_meter_counts_what_dynamodb_would_bill() {
    let (store, _) = memory();
    let one = AttributeValue::N("1".to_owned());
    store.write(&[put("a", "count", one.clone())]).await.unwrap();
    store.write(&[put("b", "count", one.clone()), put("c", "count", one.clone())]).await.unwrap();
    assert!(store.write(&[put("a", "count", one)]).await.is_err());
    let key = Key { table: TABLES[0].name, pk: "a".to_owned(), sk: "-".to_owned() };
    store.get(&key).await.unwrap();
    let puts = store.meter().of(Operation::Put);
    assert_eq!((puts.requests, puts.write_units), (2, 2.0), "a refusal is billed, too");
    let transactions = store.meter().of(Operation::Transact);
    assert_eq!((transactions.requests, transactions.write_units), (1, 4.0));
    let total = store.meter().total();
    assert_eq!((total.requests, total.read_units, total.write_units), (4, 1.0, 6.0));
}

#[tokio::test]
async fn a_sweep_deletes_what_has_expired_by_our_clock() {
    let (store, clock) = memory();
    for (pk, at) in [("soon", "1010"), ("late", "9000")] {
        let at = AttributeValue::N(at.to_owned());
        store.write(&[put(pk, "expires-at", at)]).await.unwrap();
    }
    assert_eq!(store.sweep_expired().unwrap(), 0);
    clock.set(Timestamp::from_second(2_000).unwrap());
    assert_eq!(store.sweep_expired().unwrap(), 1);
    let page = store.scan(TABLES[0].name, None, None).unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(store.clear(TABLES[0].name).unwrap(), 1);
    assert_eq!(store.scan(TABLES[0].name, Some(10), None).unwrap().items, []);
}

//! Checks that a store behaves as the [`Store`] trait requires. The same suite runs on the embedded
//! store and on DynamoDB, so a test that passes on the embedded store is valid for DynamoDB, too.
//!
//! Create the tables of [`TABLES`], then call [`run`]. The checks use different partitions, whose
//! keys begin with the run's name. So the suite can be run again on the same tables with another
//! name.

mod batches;
mod queries;
mod transactions;
mod writes;

use crate::{
    Index, Item, Key, Page, Query, Reason, Store, StoreError, TableSpec, Write, number, text,
};
use serde_dynamo::AttributeValue;

/// A sparse index whose queries return whole items.
pub const BY_GROUP: Index = Index { name: "by-group", pk: "group", sk: "rank", whole_items: true };

/// A sparse index whose queries return only the keys of items.
pub const BY_MARK: Index = Index { name: "by-mark", pk: "mark", sk: "rank", whole_items: false };

/// The tables that the suite works on.
pub const TABLES: [TableSpec; 2] = [
    TableSpec { name: "port-suite", indexes: &[BY_GROUP, BY_MARK], ttl: Some("expires-at") },
    TableSpec { name: "port-suite-other", indexes: &[], ttl: None },
];

/// Runs all checks, in partitions whose keys begin with `name`.
///
/// # Panics
/// If the store does not behave as the [`Store`] trait requires.
pub async fn run(store: &dyn Store, name: &str) {
    let harness = Harness { store, name };
    writes::check(&harness).await;
    batches::check(&harness).await;
    transactions::check(&harness).await;
    queries::check(&harness).await;
}

/// The store under test, and the prefix of the partitions to use.
struct Harness<'a> {
    store: &'a dyn Store,
    name: &'a str,
}

impl Harness<'_> {
    fn key(&self, pk: &str, sk: &str) -> Key {
        Key { table: TABLES[0].name, pk: format!("{}-{pk}", self.name), sk: sk.to_owned() }
    }

    async fn get(&self, key: &Key) -> Option<Item> {
        self.store.get(key).await.expect("a read of one item succeeds")
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.store.write(writes).await
    }

    async fn put(&self, key: &Key, attributes: &[(&str, AttributeValue)]) {
        let put = Write::Put { key: key.clone(), item: item(key, attributes), condition: None };
        self.write(&[put]).await.expect("an unconditional put succeeds");
    }

    async fn query(&self, query: &Query) -> Page {
        self.store.query(query).await.expect("a query succeeds")
    }

    /// Returns the reasons that the store gives when it refuses `writes`.
    async fn refused(&self, writes: &[Write]) -> Vec<Reason> {
        match self.write(writes).await {
            Err(StoreError::Refused(reasons)) => reasons,
            other => panic!("the store must refuse the writes, not return {other:?}"),
        }
    }
}

fn item(key: &Key, attributes: &[(&str, AttributeValue)]) -> Item {
    let mut item = key.to_item();
    for (name, value) in attributes {
        item.insert((*name).to_owned(), value.clone());
    }
    item
}

fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn sort_keys(page: &Page) -> Vec<&str> {
    page.items.iter().filter_map(|item| text(item, "sk")).collect()
}

/// The `count` in the old item that the store returns when it refuses a write.
fn old_count(reason: &Reason) -> Option<i64> {
    match reason {
        Reason::Condition(Some(old)) => number(old, "count"),
        other => panic!("the refusal must return the old item, not {other:?}"),
    }
}

//! The stores of runs: the embedded engine's store, or the kernel's store in memory, which is much
//! faster. Both pass the test suite of the `Store` port, and a test asserts that both give the same
//! traces.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_kernel::{
    Clock, Item, Key, MemoryStore, Page, Query, Store, StoreError, TableSpec, Write, number,
};
use chorus_local::DynoxideStore;
use serde::{Deserialize, Serialize};

/// The store that keeps a run's items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backing {
    #[default]
    Map,
    /// `dynoxide`, as in `chorus up`, but in memory. It is slower than `Map`.
    Dynoxide,
}

/// A run's store, with operations on whole tables, which the `Store` port does not have.
pub(crate) enum BackingStore {
    Map(MemoryStore),
    Dynoxide(Box<DynoxideStore>),
}

impl BackingStore {
    pub(crate) fn new(
        backing: Backing,
        clock: Arc<dyn Clock>,
        tables: &[TableSpec],
    ) -> Result<Self, StoreError> {
        Ok(match backing {
            Backing::Map => Self::Map(MemoryStore::new(tables)),
            Backing::Dynoxide => Self::Dynoxide(Box::new(DynoxideStore::memory(clock, tables)?)),
        })
    }

    /// Every item of a table, in the order of the keys.
    pub(crate) fn all(&self, table: &'static str) -> Vec<Item> {
        match self {
            Self::Map(map) => map.all(table),
            Self::Dynoxide(store) => {
                let mut items = store.all(table).unwrap_or_default();
                let text = |item: &Item, name| chorus_kernel::text(item, name).map(str::to_owned);
                items.sort_by_key(|item| (text(item, "pk"), text(item, "sk")));
                items
            }
        }
    }

    /// Deletes the items that expired at least `late(item)` seconds ago. DynamoDB, too, deletes
    /// expired items late.
    pub(crate) async fn expire(
        &self,
        table: &TableSpec,
        now: i64,
        late: impl Fn(&Item) -> i64,
    ) -> Result<(), StoreError> {
        let Some(ttl) = table.ttl else { return Ok(()) };
        for item in self.all(table.name) {
            let expires = number(&item, ttl).unwrap_or(i64::MAX);
            if expires.saturating_add(late(&item)) <= now
                && let Some(key) = Key::of(table.name, &item)
            {
                self.write(&[Write::Delete { key }]).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn clear(&self, table: &'static str) {
        match self {
            Self::Map(map) => map.clear(table),
            Self::Dynoxide(store) => {
                if let Err(error) = store.clear(table) {
                    tracing::error!(%error, "{table} cannot be cleared");
                }
            }
        }
    }
}

#[async_trait]
impl Store for BackingStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        match self {
            Self::Map(map) => map.get(key).await,
            Self::Dynoxide(store) => store.get(key).await,
        }
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        match self {
            Self::Map(map) => map.query(query).await,
            Self::Dynoxide(store) => store.query(query).await,
        }
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        match self {
            Self::Map(map) => map.write(writes).await,
            Self::Dynoxide(store) => store.write(writes).await,
        }
    }
}

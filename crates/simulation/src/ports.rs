//! The kernel's ports, each call of which is a point where the world may strike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{
    Clock, Failure, Item, Key, Page, Publisher, Query, Reason, Rejected, Store, StoreError, Write,
    number,
};
use chorus_local::Bus;
use chorus_table::Entry;
use jiff::Timestamp;

use crate::draw::Draw;
use crate::fault::{Fault, Port};
use crate::store::Shelf;
use crate::world::{Running, World};

/// The store.
pub(crate) struct StruckStore {
    pub(crate) world: Arc<World>,
    pub(crate) shelf: Arc<Shelf>,
    /// What every item's pieces must add up to.
    pub(crate) stock: Arc<HashMap<String, i64>>,
    stale: Mutex<HashMap<(&'static str, String), Page>>,
}

impl StruckStore {
    pub(crate) fn new(
        world: Arc<World>,
        shelf: Arc<Shelf>,
        stock: Arc<HashMap<String, i64>>,
    ) -> Self {
        Self { world, shelf, stock, stale: Mutex::default() }
    }

    /// At every step: no item is short of a piece, or has one too many.
    async fn check_stock(&self, writes: &[Write]) {
        for write in writes {
            let key = write.key();
            if key.table != chorus_inventory::TABLE.name || key.sk != "item" {
                continue;
            }
            let Ok(Some(item)) = self.shelf.get(key).await else { continue };
            let count = |name| number(&item, name).unwrap_or(i64::MIN / 8);
            let counts = [count("available"), count("reserved"), count("sold")];
            let sum: i64 = counts.iter().sum();
            let sku = chorus_kernel::text(&item, "sku").unwrap_or_default();
            if counts.iter().any(|it| *it < 0) || self.stock.get(sku).is_some_and(|it| *it != sum) {
                self.world.violated(format!(
                    "stock: {sku} has {} available, {} reserved, {} sold",
                    counts[0], counts[1], counts[2]
                ));
            }
        }
    }
}

fn throttled() -> StoreError {
    StoreError::Throttled("too much at once".to_owned())
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("no answer".to_owned())
}

#[async_trait]
impl Store for StruckStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        match self.world.call(Port::Read).await {
            Some(Fault::Throttled) => Err(throttled()),
            _ => self.shelf.get(key).await,
        }
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let Some(index) = query.index else {
            return match self.world.call(Port::Read).await {
                Some(Fault::Throttled) => Err(throttled()),
                _ => self.shelf.query(query).await,
            };
        };
        let fault = self.world.call(Port::IndexRead).await;
        let name = (index.name, format!("{} {:?}", query.pk, query.start.is_some()));
        if fault == Some(Fault::Throttled) {
            return Err(throttled());
        }
        if fault == Some(Fault::Stale) {
            let stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(stale.get(&name).cloned().unwrap_or_default());
        }
        let page = self.shelf.query(query).await?;
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        stale.insert(name, page.clone());
        Ok(page)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let fault = self.world.call(Port::Write).await;
        match fault {
            Some(Fault::Throttled) => return Err(throttled()),
            Some(Fault::Unavailable) => return Err(unavailable()),
            Some(Fault::Conflict) => {
                return Err(StoreError::Refused(vec![Reason::Conflict; writes.len()]));
            }
            _ => {}
        }
        let written = self.shelf.write(writes).await;
        if written.is_ok() {
            self.check_stock(writes).await;
        }
        if self.world.answer(fault).await { Err(unavailable()) } else { written }
    }
}

/// The bus, as publishers see it.
pub(crate) struct StruckBus {
    pub(crate) world: Arc<World>,
    pub(crate) bus: Arc<Bus>,
}

#[async_trait]
impl Publisher for StruckBus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let newer: Vec<Entry>;
        let entries = if self.world.state().versions {
            newer = entries.iter().map(|entry| newer_version(&self.world, entry)).collect();
            &newer
        } else {
            entries
        };
        let fault = self.world.call(Port::Publish).await;
        match fault {
            Some(Fault::Unavailable) => return Err(Failure::later("InternalFailure", "no answer")),
            Some(Fault::Partial) => {
                // Every second entry is taken; of one alone, none.
                let taken: Vec<Entry> = entries.iter().skip(1).step_by(2).cloned().collect();
                if !taken.is_empty() {
                    self.bus.put_events(&taken).await?;
                }
                let rejected = |(index, _)| Rejected {
                    index,
                    code: "ThrottlingException".to_owned(),
                    message: "too much at once".to_owned(),
                };
                return Ok(entries.iter().enumerate().step_by(2).map(rejected).collect());
            }
            _ => {}
        }
        let taken = self.bus.put_events(entries).await;
        if self.world.answer(fault).await {
            return Err(Failure::later("InternalFailure", "no answer"));
        }
        taken
    }
}

/// Half of all events come from newer senders, who add a field; which, their ids say, so that an
/// event that is said again is said in the same way.
fn newer_version(world: &World, entry: &Entry) -> Entry {
    let id = entry.detail.split_once(r#""event-id":""#).and_then(|(_, rest)| rest.get(..36));
    let newer = Draw::of(world.seed, id.unwrap_or_default()).percent(50);
    let mut entry = entry.clone();
    if newer {
        let known = r#""data":{"#;
        entry.detail = entry.detail.replacen(known, r#""data":{"added-later":{"by":1},"#, 1);
    }
    entry
}

/// The clock of whoever runs: off by some minutes, each invocation's by another amount.
pub(crate) struct SkewedClock {
    pub(crate) world: Arc<World>,
}

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let now = self.world.now();
        let skew = self.world.state().running.as_ref().map(Running::skewed);
        skew.map_or(now, |skew| now.checked_add(skew).unwrap_or(now))
    }

    async fn sleep(&self, duration: Duration) {
        self.world.sleep(duration).await;
    }
}

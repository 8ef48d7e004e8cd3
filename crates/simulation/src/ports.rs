//! The kernel's ports, with faults injected into their calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{
    Clock, Failure, Item, Key, MemoryStore, Page, Publisher, Query, REGIONS_TABLE, Reason,
    Rejected, Store, StoreError, Write,
};
use chorus_local::Bus;
use chorus_table::Entry;
use jiff::Timestamp;

use crate::application::Watch;
use crate::draw::Draw;
use crate::environment::{Environment, Running};
use crate::fault::{Fault, Port};
use crate::region::Link;
use crate::store::BackingStore;

pub(crate) struct FaultyStore {
    pub(crate) environment: Arc<Environment>,
    pub(crate) backing: Arc<BackingStore>,
    watches: Arc<Vec<Watch>>,
    /// The table that names the active region; the two regions of a run share this table. `None` in
    /// a run with one region.
    regions: Option<Arc<MemoryStore>>,
    link: Option<Arc<Link>>,
    stale: Mutex<HashMap<(&'static str, String), Page>>,
}

impl FaultyStore {
    pub(crate) fn new(
        environment: Arc<Environment>,
        backing: Arc<BackingStore>,
        watches: &Arc<Vec<Watch>>,
    ) -> Self {
        let (watches, regions, link) = (Arc::clone(watches), None, None);
        Self { environment, backing, watches, regions, link, stale: Mutex::default() }
    }

    /// Sets what the store needs in a run with two regions; both arguments are `None` in a run with
    /// one region.
    pub(crate) fn in_region(
        self,
        regions: Option<Arc<MemoryStore>>,
        link: Option<Arc<Link>>,
    ) -> Self {
        Self { regions, link, ..self }
    }

    async fn item(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        match &self.regions {
            Some(regions) if key.table == REGIONS_TABLE.name => regions.get(key).await,
            _ => self.backing.get(key).await,
        }
    }

    /// Sends the written items to the other region.
    async fn replicate(&self, writes: &[Write]) -> Result<(), StoreError> {
        let Some(link) = &self.link else { return Ok(()) };
        for write in writes.iter().filter(|write| !matches!(write, Write::Check { .. })) {
            let item = self.backing.get(write.key()).await?;
            link.wrote(self.environment.now(), write.key(), item);
        }
        Ok(())
    }

    /// Checks the invariants of the written items after every write.
    async fn check(&self, writes: &[Write]) -> Result<(), StoreError> {
        for key in writes.iter().map(Write::key) {
            for watch in self.watches.iter().filter(|watch| watch.table == key.table) {
                let item = self.backing.get(key).await?;
                if let Some(broken) = item.as_ref().and_then(&watch.broken) {
                    self.environment.violated(broken);
                }
            }
        }
        Ok(())
    }
}

fn throttled() -> StoreError {
    StoreError::Throttled("too much at once".to_owned())
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("no answer".to_owned())
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        match self.environment.call(Port::READ).await {
            Some(Fault::Throttled) => Err(throttled()),
            _ => self.item(key).await,
        }
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        if let Some(Fault::Throttled) = self.environment.call(Port::READ).await {
            return Err(throttled());
        }
        // The items are read in a random order, and other tasks may write between two reads.
        let mut found = vec![None; keys.len()];
        for place in self.environment.shuffled(keys.len()) {
            found[place] = self.item(&keys[place]).await?;
            self.environment.pause_a_moment().await;
        }
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let Some(index) = query.index else {
            return match self.environment.call(Port::READ).await {
                Some(Fault::Throttled) => Err(throttled()),
                _ => self.backing.query(query).await,
            };
        };
        let fault = self.environment.call(Port::INDEX_READ).await;
        let name = (index.name, format!("{} {:?}", query.pk, query.start.is_some()));
        if fault == Some(Fault::Throttled) {
            return Err(throttled());
        }
        if fault == Some(Fault::Stale) {
            let stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(stale.get(&name).cloned().unwrap_or_default());
        }
        let page = self.backing.query(query).await?;
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        stale.insert(name, page.clone());
        Ok(page)
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let fault = self.environment.call(Port::WRITE).await;
        match fault {
            Some(Fault::Throttled) => return Err(throttled()),
            Some(Fault::Unavailable) => return Err(unavailable()),
            Some(Fault::Conflict) => {
                return Err(StoreError::Refused(vec![Reason::Conflict; writes.len()]));
            }
            _ => {}
        }
        let written = self.backing.write(writes).await;
        if written.is_ok() {
            self.check(writes).await?;
            self.replicate(writes).await?;
        }
        if self.environment.answer(fault).await { Err(unavailable()) } else { written }
    }
}

/// The bus's interface for publishers, with faults injected into its calls.
pub(crate) struct FaultyBus {
    pub(crate) environment: Arc<Environment>,
    pub(crate) bus: Arc<Bus>,
}

#[async_trait]
impl Publisher for FaultyBus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let Some(published) = self.as_released(entries) else { return self.put(entries).await };
        let (places, entries): (Vec<usize>, Vec<Entry>) = published.into_iter().unzip();
        let rejected = self.put(&entries).await?.into_iter();
        Ok(rejected.map(|it| Rejected { index: places[it.index], ..it }).collect())
    }
}

impl FaultyBus {
    /// Returns each entry in the form in which its sender's release publishes it, with the entry's
    /// index in `entries`. Leaves out the entries that the sender's release does not publish. Adds
    /// a field of a later release to half of them. Returns `None` if all services run the same
    /// release.
    fn as_released(&self, entries: &[Entry]) -> Option<Vec<(usize, Entry)>> {
        let state = self.environment.state();
        let releases = state.releases.as_ref()?;
        let published = entries.iter().enumerate().filter_map(|(place, entry)| {
            Some((place, with_later_field(self.environment.seed, releases.published(entry)?)))
        });
        Some(published.collect())
    }

    async fn put(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let fault = self.environment.call(Port::PUBLISH).await;
        match fault {
            Some(Fault::Unavailable) => return Err(Failure::later("InternalFailure", "no answer")),
            Some(Fault::Partial) => {
                // The bus rejects the first entry, the third, the fifth and so on, and accepts the
                // others. So it rejects a request with only one entry.
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
        if self.environment.answer(fault).await {
            return Err(Failure::later("InternalFailure", "no answer"));
        }
        taken
    }
}

/// Adds an unknown field to half of all events, as if their senders ran a later release. The
/// event's id determines whether it gets the field, so that an event that is published again stays
/// the same.
fn with_later_field(seed: u64, mut entry: Entry) -> Entry {
    let id = entry.detail.split_once(r#""event-id":""#).and_then(|(_, rest)| rest.get(..36));
    if Draw::of(seed, id.unwrap_or_default()).percent(50) {
        let known = r#""data":{"#;
        entry.detail = entry.detail.replacen(known, r#""data":{"added-later":{"by":1},"#, 1);
    }
    entry
}

/// The clock of the running task. It is wrong by up to five minutes. For each invocation, the
/// simulation draws by how much.
pub(crate) struct SkewedClock {
    pub(crate) environment: Arc<Environment>,
}

#[async_trait]
impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        let now = self.environment.now();
        let skew = self.environment.state().running.as_ref().map(Running::skewed);
        skew.map_or(now, |skew| now.checked_add(skew).unwrap_or(now))
    }

    async fn sleep(&self, duration: Duration) {
        self.environment.sleep(duration).await;
    }
}

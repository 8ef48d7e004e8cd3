//! Records, in order, the requests to the stores of a shop and of its partners. Repeats these
//! requests on new stores, without the engine, the kernel and JSON, to measure what the store
//! operations alone cost.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use async_trait::async_trait;
use chorus_kernel::{Item, Key, Page, Query, Store, StoreError, TableSpec, Write};
use chorus_local::{DynoxideStore, SystemClock};
use cpu_time::ProcessTime;

/// The index of the shop's own store; the partners' store has index 0.
const SHOP: usize = 1;

enum Request {
    Get(Key),
    GetAll(Vec<Key>),
    Query(Query),
    Write(Vec<Write>),
}

/// A request to the partners' store or the shop's store, and whether the request succeeded.
struct Asked {
    store: usize,
    request: Request,
    went: bool,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// Records the requests of a run.
#[derive(Default)]
pub(crate) struct RequestRecorder {
    /// The tables of the partners' store, and those of the shop's store.
    pub(crate) tables: [Vec<TableSpec>; 2],
    log: Log,
    watched: usize,
    start: usize,
}

impl RequestRecorder {
    /// Records the requests to `store` from now on. Call this function for the partners' store
    /// first, then for the shop's store.
    pub(crate) fn watch(&mut self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let (index, log) = (self.watched, Arc::clone(&self.log));
        self.watched += 1;
        Arc::new(Watched { store, index, log })
    }

    /// Marks the start of the measured part: the requests from now on.
    pub(crate) fn mark(&mut self) {
        self.start = lock(&self.log).len();
    }

    pub(crate) fn stop(self) -> Recording {
        let asked = std::mem::take(&mut *lock(&self.log));
        Recording { tables: self.tables, asked, start: self.start }
    }
}

fn lock(log: &Mutex<Vec<Asked>>) -> MutexGuard<'_, Vec<Asked>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Watched {
    store: Arc<dyn Store>,
    index: usize,
    log: Log,
}

impl Watched {
    fn keep(&self, request: Request, went: bool) {
        lock(&self.log).push(Asked { store: self.index, request, went });
    }
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let answer = self.store.get(key).await;
        self.keep(Request::Get(key.clone()), answer.is_ok());
        answer
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let answer = self.store.get_all(keys).await;
        self.keep(Request::GetAll(keys.to_vec()), answer.is_ok());
        answer
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let answer = self.store.query(query).await;
        self.keep(Request::Query(query.clone()), answer.is_ok());
        answer
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let answer = self.store.write(writes).await;
        self.keep(Request::Write(writes.to_vec()), answer.is_ok());
        answer
    }
}

/// All requests of a run, in order.
pub(crate) struct Recording {
    tables: [Vec<TableSpec>; 2],
    asked: Vec<Asked>,
    /// The index in `asked` of the first request whose CPU time is measured.
    start: usize,
}

impl Recording {
    /// Returns how many of the measured requests go to the shop's store.
    pub(crate) fn requests(&self) -> usize {
        self.asked[self.start..].iter().filter(|asked| asked.store == SHOP).count()
    }

    /// Repeats all requests on new stores; returns the CPU time of the measured requests.
    pub(crate) async fn replay(&self, data: Option<&Path>) -> anyhow::Result<Duration> {
        let [partners, shop] = &self.tables;
        let stores = [open(data, "partners.db", partners)?, open(data, "store.db", shop)?];
        let (before, measured) = self.asked.split_at(self.start);
        ask(before, &stores).await?;
        let cpu = ProcessTime::now();
        ask(measured, &stores).await?;
        Ok(cpu.elapsed())
    }
}

fn open(
    data: Option<&Path>,
    name: &str,
    tables: &[TableSpec],
) -> Result<DynoxideStore, StoreError> {
    match data {
        Some(data) => DynoxideStore::open(&data.join(name), tables),
        None => DynoxideStore::memory(Arc::new(SystemClock), tables),
    }
}

async fn ask(asked: &[Asked], stores: &[DynoxideStore; 2]) -> anyhow::Result<()> {
    for Asked { store, request, went } in asked {
        let store = &stores[*store];
        let goes = match request {
            Request::Get(key) => store.get(key).await.is_ok(),
            Request::GetAll(keys) => store.get_all(keys).await.is_ok(),
            Request::Query(query) => store.query(query).await.is_ok(),
            Request::Write(writes) => store.write(writes).await.is_ok(),
        };
        ensure!(
            goes == *went,
            "a replayed request did not succeed or fail as it did when it was recorded"
        );
    }
    Ok(())
}

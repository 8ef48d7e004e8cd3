//! Attributes the consumption of billed resources, such as requests and invocations, to the row of
//! the design table whose action is running. The measured shop does one step after another. So two
//! actions run at once only if one is a state machine and the other is the machine's task.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chorus_kernel::{
    ActionError, Failure, Handled, Handler, Item, Kernel, Key, Message, Page, Publisher, Query,
    Rejected, Store, StoreError, Write,
};
use chorus_local::{DynoxideStore, EXECUTIONS_TABLE, Reading};
use chorus_table::{Entry, RowSpec};

use super::Consumption;
use crate::shop::lock;

/// The total consumption of a row of the design table, and the most requests and write units that
/// one message took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowRecord {
    pub(super) total: Consumption,
    pub(super) most_requests: u64,
    pub(super) most_write_units: f64,
}

#[derive(Debug)]
struct AtWork {
    action: String,
    messages: usize,
    used: Consumption,
}

#[derive(Debug, Default)]
pub(super) struct Recorder {
    rows: Mutex<BTreeMap<String, RowRecord>>,
    /// The rows whose actions are running: a single row, or the row of a state machine and then the
    /// row of its task.
    at_work: Mutex<Vec<AtWork>>,
}

impl Recorder {
    /// Records that the action starts to work on `messages` messages. `used` is the consumption of
    /// the start itself, such as an invocation.
    pub(super) fn enter(&self, action: &str, messages: usize, used: Consumption) {
        lock(&self.at_work).push(AtWork { action: action.to_owned(), messages, used });
    }

    pub(super) fn leave(&self) {
        let Some(AtWork { action, messages, used }) = lock(&self.at_work).pop() else { return };
        let messages = u32::try_from(messages.max(1)).unwrap_or(u32::MAX);
        let mut rows = lock(&self.rows);
        let row = rows.entry(action).or_default();
        row.total += used;
        row.most_requests = row.most_requests.max(used.requests.div_ceil(u64::from(messages)));
        row.most_write_units = row.most_write_units.max(used.write_units / f64::from(messages));
    }

    /// Adds `used` to the row whose action is running. If no action is running, `used` is ignored,
    /// because it is not part of an order's cost.
    fn add(&self, used: Consumption) {
        if let Some(row) = lock(&self.at_work).last_mut() {
            row.used += used;
        }
    }

    /// Adds `used` to the row of the action `action`, which need not be running.
    pub(super) fn add_to(&self, action: &str, used: Consumption) {
        lock(&self.rows).entry(action.to_owned()).or_default().total += used;
    }

    /// Returns the consumption that was recorded since the last call.
    pub(super) fn take(&self) -> BTreeMap<String, RowRecord> {
        std::mem::take(&mut *lock(&self.rows))
    }
}

/// Records what the store's meter reports for each request. Requests to the table of state
/// machines' executions are not counted: on AWS, Step Functions stores the executions itself.
pub(super) struct RecordedStore {
    pub(super) store: Arc<DynoxideStore>,
    pub(super) recorder: Arc<Recorder>,
}

impl RecordedStore {
    fn record(&self, table: Option<&str>, before: Reading) {
        if table == Some(EXECUTIONS_TABLE.name) {
            return;
        }
        let Reading { requests, read_units, write_units } = self.store.meter().total() - before;
        let used = Consumption { requests, read_units, write_units, ..Consumption::default() };
        self.recorder.add(used);
    }
}

#[async_trait]
impl Store for RecordedStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let before = self.store.meter().total();
        let found = self.store.get(key).await;
        self.record(Some(key.table), before);
        found
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let before = self.store.meter().total();
        let found = self.store.get_all(keys).await;
        self.record(keys.first().map(|key| key.table), before);
        found
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let before = self.store.meter().total();
        let found = self.store.query(query).await;
        self.record(Some(query.table), before);
        found
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let before = self.store.meter().total();
        let written = self.store.write(writes).await;
        self.record(writes.first().map(|write| write.key().table), before);
        written
    }
}

/// Records how many events the bus accepted.
pub(super) struct RecordedBus {
    pub(super) bus: Arc<dyn Publisher>,
    pub(super) recorder: Arc<Recorder>,
}

#[async_trait]
impl Publisher for RecordedBus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let rejected = self.bus.put_events(entries).await?;
        let events = (entries.len() - rejected.len()) as u64;
        self.recorder.add(Consumption { events, ..Consumption::default() });
        Ok(rejected)
    }
}

/// An action that a state machine's task invokes. While the action runs, consumption is attributed
/// to the action's row, not to the machine's row.
pub(super) struct RecordedTask {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) recorder: Arc<Recorder>,
}

#[async_trait]
impl Handler for RecordedTask {
    fn row(&self) -> RowSpec {
        self.handler.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.handler.reads(detail_type)
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        if message.task.is_none() {
            return self.handler.handle(kernel, message).await;
        }
        self.recorder.enter(self.row().action, 1, Consumption::INVOCATION);
        let handled = self.handler.handle(kernel, message).await;
        self.recorder.leave();
        handled
    }
}

//! A shop in memory, for tests: a store that knows the few expressions that are used, a clock
//! that jumps, and a bus that keeps what it is given.

#![allow(clippy::unwrap_used, dead_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::samples;
use chorus_kernel::{
    Clock, Condition, Failure, Function, Heard, Item, Kernel, Key, Machines, Page, Publisher,
    Query, Reason, Rejected, Signal, Store, StoreError, Write, number,
};
use chorus_table::{Entry, Event};
use jiff::Timestamp;
use serde_dynamo::AttributeValue;
use serde_json::Value;

/// Items in memory.
#[derive(Default)]
pub(crate) struct MemoryStore(Mutex<BTreeMap<Key, Item>>);

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        assert!(query.index.is_none() && !query.descending, "this fake reads partitions only");
        let items = self.0.lock().unwrap();
        let found = items.iter().filter(|(key, _)| {
            (key.table, &key.pk) == (query.table, &query.pk)
                && query.from.as_ref().is_none_or(|from| key.sk >= *from)
                && query.to.as_ref().is_none_or(|to| key.sk <= *to)
        });
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let items = found.take(limit).map(|(_, item)| item.clone()).collect();
        Ok(Page { items, next: None })
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut items = self.0.lock().unwrap();
        let reasons: Vec<Reason> = writes.iter().map(|write| reason(&items, write)).collect();
        if reasons.iter().any(|reason| *reason != Reason::Passed) {
            return Err(StoreError::Refused(reasons));
        }
        for write in writes {
            apply(&mut items, write);
        }
        Ok(())
    }
}

fn reason(items: &BTreeMap<Key, Item>, write: &Write) -> Reason {
    let there = items.get(write.key());
    let holds = match write {
        Write::Put { condition, .. } => {
            condition.as_ref().is_none_or(|condition| holds(condition, there))
        }
        Write::Update { condition, .. } => {
            condition.as_ref().is_none_or(|text| holds(&Condition::new(text.clone()), there))
        }
        Write::Delete { .. } => true,
        Write::Check { condition, .. } => holds(condition, there),
    };
    if holds { Reason::Passed } else { Reason::Condition(there.cloned().map(Box::new)) }
}

fn holds(condition: &Condition, there: Option<&Item>) -> bool {
    match condition.text.as_str() {
        "attribute_exists(pk)" => there.is_some(),
        // No test here waits until a record has expired.
        "attribute_not_exists(pk)" | "attribute_not_exists(pk) OR #expires < :now" => {
            there.is_none()
        }
        "version = :read" => {
            there.is_some_and(|item| item.get("version") == condition.values.get(":read"))
        }
        other => panic!("this fake knows no condition `{other}`"),
    }
}

fn apply(items: &mut BTreeMap<Key, Item>, write: &Write) {
    match write {
        Write::Put { key, item, .. } => {
            items.insert(key.clone(), item.clone());
        }
        Write::Delete { key } => {
            items.remove(key);
        }
        Write::Check { .. } => {}
        Write::Update { key, update, .. } => {
            let mut item = items.remove(key).unwrap_or_else(|| key.to_item()).into_inner();
            match update.text.as_str() {
                "REMOVE unpublished" => {
                    item.remove("unpublished");
                }
                "ADD asks :one" => {
                    let asks = number(&item.clone().into(), "asks").unwrap_or_default() + 1;
                    item.insert("asks".to_owned(), AttributeValue::N(asks.to_string()));
                }
                other => panic!("this fake knows no update `{other}`"),
            }
            items.insert(key.clone(), item.into());
        }
    }
}

/// A clock that jumps ahead whenever somebody sleeps.
pub(crate) struct JumpingClock(Mutex<Timestamp>);

impl Default for JumpingClock {
    fn default() -> Self {
        Self(Mutex::new(samples::moment()))
    }
}

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// A bus that keeps what it is given.
#[derive(Default)]
pub(crate) struct RecordingBus(Mutex<Vec<Entry>>);

impl RecordingBus {
    /// The data of every event of this type, those published again but once.
    pub(crate) fn said<E: Event>(&self) -> Vec<E> {
        let mut once: Vec<Entry> = Vec::new();
        for entry in self.0.lock().unwrap().iter() {
            if entry.detail_type == E::SPEC.detail_type && !once.contains(entry) {
                once.push(entry.clone());
            }
        }
        let data = |entry: &Entry| {
            serde_json::from_str::<chorus_table::Detail<E>>(&entry.detail).unwrap().data
        };
        once.iter().map(data).collect()
    }
}

#[async_trait]
impl Publisher for RecordingBus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        self.0.lock().unwrap().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

/// State machines that keep what they are told.
#[derive(Default)]
pub(crate) struct RecordingMachines(pub(crate) Mutex<Vec<Signal>>);

#[async_trait]
impl Machines for RecordingMachines {
    async fn signal(&self, signal: &Signal) -> Result<Heard, Failure> {
        self.0.lock().unwrap().push(signal.clone());
        Ok(Heard::Now)
    }
}

/// A shop.
#[derive(Default)]
pub(crate) struct Shop {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) bus: Arc<RecordingBus>,
    pub(crate) machines: Arc<RecordingMachines>,
    pub(crate) clock: Arc<JumpingClock>,
}

impl Shop {
    pub(crate) fn kernel(&self) -> Kernel {
        Kernel {
            store: self.store.clone(),
            bus: self.bus.clone(),
            machines: self.machines.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Shop {
    /// Does what a state machine does with a task: hands it over, and says what follows.
    pub(crate) fn task(&self, function: &Function, payload: &str) -> Result<(), Failure> {
        let kernel = self.kernel();
        let said = now(function.handle_task(&kernel, payload))?;
        now(say(&*self.bus, &said["event"]))
    }
}

/// Says the event that a task came to, if there is one.
pub(crate) async fn say(bus: &dyn Publisher, event: &Value) -> Result<(), Failure> {
    let text = |name: &str| event[name].as_str().map(ToOwned::to_owned);
    let (Some(source), Some(detail_type)) = (text("source"), text("detail-type")) else {
        return Ok(());
    };
    let entry = Entry { source, detail_type, detail: event["detail"].to_string() };
    bus.put_events(&[entry]).await.map(|_| ())
}

/// What a state machine hands to `action`: this event and, where it waits, a token.
pub(crate) fn payload(action: &str, event: &str, token: Option<&str>) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    serde_json::json!({ "action": action, "event": event, "token": token }).to_string()
}

/// An event as the bus delivers it, with this idempotency key.
pub(crate) fn wire<E: Event>(data: &E, key: &str) -> String {
    let metadata = chorus_table::Metadata {
        idempotency_key: key.to_owned(),
        ..chorus_kernel::testing::metadata()
    };
    serde_json::json!({
        "id": key,
        "detail-type": E::SPEC.detail_type,
        "source": E::SPEC.owner.source(),
        "time": samples::moment(),
        "detail": { "metadata": metadata, "data": data },
    })
    .to_string()
}

/// Runs a future to its end; nothing in these tests ever waits for anything else.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..10_000 {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the future waits for something that never comes")
}

//! A shop in memory, for tests: a clock that jumps, and a bus that records the published events.

#![allow(clippy::unwrap_used, dead_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_events::samples;
use chorus_kernel::testing::{expect_ready, keyring};
use chorus_kernel::{
    Breakers, Clock, Failure, Function, IDEMPOTENCY_TABLE, Kernel, Machines, MemoryStore,
    Publisher, Rejected, Signal, SignalOutcome, TableSpec,
};
use chorus_table::{Entry, Event};
use jiff::Timestamp;
use serde_json::Value;

/// A clock that jumps ahead whenever a task sleeps.
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

/// A bus that records the published events.
#[derive(Default)]
pub(crate) struct RecordingBus(Mutex<Vec<Entry>>);

impl RecordingBus {
    /// Returns the data of every event of this type; an event that was published twice counts once.
    pub(crate) fn published<E: Event>(&self) -> Vec<E> {
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

/// State machines that record the signals they get.
#[derive(Default)]
pub(crate) struct RecordingMachines(pub(crate) Mutex<Vec<Signal>>);

#[async_trait]
impl Machines for RecordingMachines {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        self.0.lock().unwrap().push(signal.clone());
        Ok(SignalOutcome::Delivered)
    }
}

pub(crate) struct Shop {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) bus: Arc<RecordingBus>,
    pub(crate) machines: Arc<RecordingMachines>,
    pub(crate) clock: Arc<JumpingClock>,
}

impl Shop {
    /// Returns a shop with these tables and the idempotency table.
    pub(crate) fn over(tables: &[TableSpec]) -> Self {
        Self {
            store: Arc::new(MemoryStore::new(&[tables, &[IDEMPOTENCY_TABLE]].concat())),
            bus: Arc::default(),
            machines: Arc::default(),
            clock: Arc::default(),
        }
    }

    pub(crate) fn kernel(&self) -> Kernel {
        Kernel {
            store: self.store.clone(),
            bus: self.bus.clone(),
            machines: self.machines.clone(),
            clock: self.clock.clone(),
            breakers: Breakers::default(),
            keyring: keyring(),
            region: None,
        }
    }

    /// Runs a task as a state machine does: calls the function, and publishes the event in the
    /// function's response.
    pub(crate) fn task(&self, function: &Function, payload: &str) -> Result<(), Failure> {
        let kernel = self.kernel();
        let published = expect_ready(function.handle_task(&kernel, payload))?;
        expect_ready(publish(&*self.bus, &published["event"]))
    }
}

/// Publishes the event in the response to a task, if the response has an event.
pub(crate) async fn publish(bus: &dyn Publisher, event: &Value) -> Result<(), Failure> {
    let text = |name: &str| event[name].as_str().map(ToOwned::to_owned);
    let (Some(source), Some(detail_type)) = (text("source"), text("detail-type")) else {
        return Ok(());
    };
    let entry = Entry { source, detail_type, detail: event["detail"].to_string() };
    bus.put_events(&[entry]).await.map(|_| ())
}

/// Returns the payload that a state machine passes to `action`: this event and, if the machine
/// waits, a token.
pub(crate) fn payload(action: &str, event: &str, token: Option<&str>) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    serde_json::json!({ "action": action, "event": event, "token": token }).to_string()
}

/// Returns an event as the bus delivers it, with this idempotency key.
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

/// The secrets with which a provider signs its notices to the shop.
pub(crate) fn secrets() -> Arc<chorus_webhook_signature::WebhookSecrets> {
    let secret: chorus_webhook_signature::WebhookSecret =
        "a secret of the tests' provider".parse().unwrap();
    Arc::new(secret.into())
}

//! Fixtures for tests: services that record what they receive, and entries to publish.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chorus_kernel::{ActionError, Function, Handled, Handler, Kernel, Message, Outcome};
use chorus_table::{Entry, RowSpec};
use chorus_table::{Rule, rules};
use chorus_test_table::TABLE;
use uuid::Uuid;

/// The events that a service handled successfully, in order: each event's correlation id and
/// number.
pub type Seen = Arc<Mutex<Vec<(String, u64)>>>;

type Answers = Box<dyn Fn(&Message, usize) -> Result<(), ActionError> + Send + Sync>;

/// A service's action that returns the result that `answers` gives, and records the messages that
/// it handled successfully.
pub struct RecordingHandler {
    row: RowSpec,
    seen: Seen,
    attempts: Mutex<HashMap<String, usize>>,
    answers: Answers,
}

#[async_trait]
impl Handler for RecordingHandler {
    fn row(&self) -> RowSpec {
        self.row
    }

    fn reads(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, _: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let key = message.metadata.event_id.to_string();
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            let attempt = attempts.entry(key).or_default();
            *attempt += 1;
            *attempt
        };
        tokio::task::yield_now().await;
        (self.answers)(message, attempt)?;
        let seen = (message.metadata.correlation_id.clone(), number_of(message));
        self.seen.lock().unwrap().push(seen);
        Ok(Handled { outcome: Outcome::Decided, entries: Vec::new(), note: None })
    }
}

pub fn number_of(message: &Message) -> u64 {
    let data: serde_json::Value = serde_json::from_str(message.data.get()).unwrap();
    data["number"].as_u64().unwrap()
}

pub fn row(action: &str) -> RowSpec {
    *TABLE.row(action).unwrap()
}

pub fn rules_of(actions: &[&str]) -> Vec<Rule> {
    let rows: Vec<RowSpec> = actions.iter().map(|action| row(action)).collect();
    rules(&rows)
}

/// Returns a function with one action, and the list of messages that the action handled
/// successfully. `answers` gets a message and the number of the attempt, and returns the action's
/// result.
pub fn function(
    action: &str,
    answers: impl Fn(&Message, usize) -> Result<(), ActionError> + Send + Sync + 'static,
) -> (Function, Seen) {
    let seen = Seen::default();
    let row = row(action);
    let mut function = Function::of(row.service);
    function.handlers.push(Arc::new(RecordingHandler {
        row,
        seen: Arc::clone(&seen),
        attempts: Mutex::default(),
        answers: Box::new(answers),
    }));
    (function, seen)
}

pub fn always(_: &Message, _: usize) -> Result<(), ActionError> {
    Ok(())
}

/// An event as [`entry`] makes it, but of the tenant `tenant`, which is also the correlation id.
pub fn entry_of(tenant: &str, detail_type: &str, number: u64) -> Entry {
    let entry = entry(detail_type, tenant, number);
    let mut detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
    detail["metadata"]["tenant"] = tenant.into();
    Entry { detail: detail.to_string(), ..entry }
}

/// An event of this type for `order`, with a `number` by which a test recognizes it.
pub fn entry(detail_type: &str, order: &str, number: u64) -> Entry {
    let event = Uuid::from_u128(u128::from(number) + 1);
    let detail = serde_json::json!({
        "metadata": {
            "idempotency-key": event.simple().to_string(),
            "event-id": event,
            "correlation-id": order,
            "occurred-at": "2026-11-20T10:47:00Z",
            "version": 1,
            "ttl-seconds": 86_400,
            "category": "event",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
        "data": { "number": number, "total": 10, "country": "Germany" },
    });
    let source = match detail_type {
        "PaymentMade" => "com.payments",
        "DeliveryMarkedAsStarted" | "DeliveryEstimated" => "com.delivery",
        _ => "com.orders",
    };
    Entry {
        source: source.to_owned(),
        detail_type: detail_type.to_owned(),
        detail: detail.to_string(),
    }
}

/// Returns a copy of the shop's files as a kill of the process would leave them now, and then drops
/// the shop.
pub fn killed(shop: chorus_local::Local, directory: &std::path::Path) -> tempfile::TempDir {
    let left = left_by_a_kill(directory);
    drop(shop);
    left
}

/// Returns a copy of the directory's files as a kill of the process would leave them now.
pub fn left_by_a_kill(directory: &std::path::Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    left
}

//! The audit of operators' actions: an entry for each action of the kinds that [`AuditEntry::what`]
//! lists, such as a redrive or a failover.
//!
//! On AWS and on a laptop, the entries are in a separate partition of the event log's table. No
//! order, item or customer can have the partition's key. An entry is written before the action
//! starts, and again when the action ends. So the entry of an interrupted action has no outcome.

use std::collections::BTreeMap;

use chorus_kernel::{Condition, Failure, Key, Query, Store, StoreError, Write, query_all, text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use serde_json::{Value, json};

/// The partition key of the audit's entries. No other item has this partition key, because an id
/// cannot contain `#`.
const PARTITION: &str = "#operators";

/// An audit entry lists the ids of at most this many dead letters, because DynamoDB limits an
/// item's size. The entry always contains the total number of dead letters.
pub const MOST_NAMED: usize = 1_000;

/// An entry of the audit, about an operator's action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditEntry {
    pub at: Timestamp,
    /// The name in the operator's token; absent in old entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The kind of action: `redrive`, `replay`, `rebuild`, `settle`, `backup`, `restore`,
    /// `refund-unrecorded`, `failover`, `undo-lost-orders`.
    pub what: String,
    pub asked: Value,
    /// The outcome of the action; absent while the action runs, or if the action was interrupted.
    pub outcome: Option<Value>,
}

/// Why the audit's entries cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit of operators' actions cannot be read or written")]
    Store(#[from] StoreError),
    #[error("an entry of the audit cannot be parsed")]
    Stored(#[from] Failure),
    /// No event of this order is known.
    #[error("there is no order {0}")]
    UnknownOrder(String),
}

/// An operator's action that is about to start, and that the audit is to record.
#[derive(Debug)]
pub struct Act<'a> {
    pub at: Timestamp,
    /// The name in the operator's token; for a shop on AWS, the name of the operating system's user
    /// who ran the command.
    pub by: &'a str,
    pub what: &'a str,
    pub asked: Value,
}

/// The audit entry of an action that has started.
#[derive(Debug)]
#[must_use = "call `end`: otherwise the entry looks like the entry of an interrupted action"]
pub struct Begun(AuditEntry);

/// Records an action that is about to start.
///
/// # Errors
/// If the store fails, or the audit already has an entry with the same time. In both cases, the new
/// action must not start.
pub async fn begin(store: &dyn Store, act: Act<'_>) -> Result<Begun, AuditError> {
    let Act { at, by, what, asked } = act;
    tracing::info!(what, by, %asked, "an operator's action starts");
    let (by, what) = (Some(by.to_owned()), what.to_owned());
    let entry = AuditEntry { at, by, what, asked, outcome: None };
    store.write(&[put(&entry, Some(Condition::Absent))]).await?;
    Ok(Begun(entry))
}

impl Begun {
    /// Records the outcome of the action, or the error with which the action failed, and returns
    /// `result`.
    ///
    /// # Errors
    /// The action's error, or an error of the store.
    pub async fn end_with<T, E>(
        self,
        store: &dyn Store,
        result: Result<T, E>,
        outcome: impl FnOnce(&T) -> Value,
    ) -> Result<T, E>
    where
        E: std::fmt::Display + From<AuditError>,
    {
        let outcome = match &result {
            Ok(done) => outcome(done),
            Err(error) => json!({ "failed": error.to_string() }),
        };
        match (self.end(store, outcome).await, result) {
            (Err(error), Ok(_)) => Err(error.into()),
            (_, result) => result,
        }
    }

    /// Records the outcome in `copy`, a copy of the store that was made while the action ran. The
    /// entry in the store itself stays without an outcome.
    ///
    /// # Errors
    /// If the copy cannot be written.
    pub async fn end_in_copy(&self, copy: &dyn Store, outcome: Value) -> Result<(), AuditError> {
        let entry = AuditEntry { outcome: Some(outcome), ..self.0.clone() };
        Ok(copy.write(&[put(&entry, None)]).await?)
    }

    /// Records the outcome.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end(self, store: &dyn Store, outcome: Value) -> Result<(), AuditError> {
        tracing::info!(what = self.0.what, %outcome, "an operator's action has ended");
        let entry = AuditEntry { outcome: Some(outcome), ..self.0 };
        Ok(store.write(&[put(&entry, None)]).await?)
    }
}

/// Reads the entries of all operators' actions, oldest first.
///
/// # Errors
/// If the store fails, or a stored item is not an entry.
pub async fn entries(store: &dyn Store) -> Result<Vec<AuditEntry>, AuditError> {
    let query = Query::partition(chorus_event_log::TABLE.name, PARTITION);
    let items = query_all(store, query).await?;
    let read = |item| serde_json::from_str(text(item, "deed").unwrap_or_default());
    let entries: Result<_, serde_json::Error> = items.iter().map(read).collect();
    Ok(entries.map_err(|error| Failure::corrupt("audit record", &error))?)
}

/// The kind of entry by which an operator marks the doctor's findings about an order as handled.
pub const SETTLE: &str = "settle";

/// Records that, at the time `at`, an operator marked the doctor's findings about an order as
/// handled.
///
/// # Errors
/// If there is no such order, if the store fails, or if the audit already has an entry with the
/// same time.
pub async fn settle(
    store: &dyn Store,
    by: &str,
    at: Timestamp,
    order_id: &str,
    reason: &str,
) -> Result<(), AuditError> {
    let (story, _) = chorus_event_log::story(store, order_id).await?;
    if story.is_empty() {
        return Err(AuditError::UnknownOrder(order_id.to_owned()));
    }
    let asked = json!({ "order-id": order_id, "reason": reason });
    let act = Act { at, by, what: SETTLE, asked };
    begin(store, act).await?.end(store, json!("settled")).await
}

/// Returns, for each order, the last time at which an operator marked the doctor's findings about
/// the order as handled.
///
/// # Errors
/// If the store fails, or a stored item is not an entry.
pub async fn settled(store: &dyn Store) -> Result<BTreeMap<String, Timestamp>, AuditError> {
    let entries = entries(store).await?.into_iter().filter(|entry| entry.what == SETTLE);
    let order = |entry: AuditEntry| {
        entry.asked["order-id"].as_str().map(|order| (order.to_owned(), entry.at))
    };
    Ok(entries.filter_map(order).collect())
}

fn put(entry: &AuditEntry, condition: Option<Condition>) -> Write {
    // The sort key always has nine decimal places, so that entries sort by time.
    let sk = format!("{:.9}", entry.at);
    let key = Key { table: chorus_event_log::TABLE.name, pk: PARTITION.to_owned(), sk };
    let mut item = key.to_item();
    item.insert("deed".to_owned(), AttributeValue::S(json!(entry).to_string()));
    Write::Put { key, item, condition }
}

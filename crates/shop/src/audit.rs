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

/// The partition of the entries. No other item has this partition's key, because an id cannot
/// contain `#`.
const PARTITION: &str = "#operators";

/// An entry lists the ids of at most this many dead letters, because an item's size is limited. The
/// entry always contains the total number of dead letters.
pub const MOST_NAMED: usize = 1_000;

/// An operator's action.
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
    /// The outcome; absent while the action runs, or if it was interrupted.
    pub outcome: Option<Value>,
}

/// Why the audit's entries cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit cannot be written or read")]
    Store(#[from] StoreError),
    #[error("a record of the audit cannot be parsed")]
    Stored(#[from] Failure),
    /// No event of this order is known.
    #[error("there is no order {0}")]
    UnknownOrder(String),
}

/// An entry for an action that is about to start.
#[derive(Debug)]
pub struct Act<'a> {
    pub at: Timestamp,
    /// The name in the operator's token; for a shop on AWS, the name of the operating system's user
    /// who ran the command.
    pub by: &'a str,
    pub what: &'a str,
    pub asked: Value,
}

/// An entry whose action has started.
#[derive(Debug)]
#[must_use = "an entry that is not ended stays without an outcome"]
pub struct Begun(AuditEntry);

/// Records an action that is about to start.
///
/// # Errors
/// If the store fails, or an action with the same time is recorded already. In both cases, the new
/// action must not start.
pub async fn begin(store: &dyn Store, act: Act<'_>) -> Result<Begun, AuditError> {
    let Act { at, by, what, asked } = act;
    tracing::info!(what, by, %asked, "an operator acts");
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
    /// entry in the store itself is not ended.
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
        tracing::info!(what = self.0.what, %outcome, "an operator acted");
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
/// If there is no such order, if the store fails, or if an action with the same time is recorded
/// already.
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
    // Always with nine decimal places, so that keys sort by time.
    let sk = format!("{:.9}", entry.at);
    let key = Key { table: chorus_event_log::TABLE.name, pk: PARTITION.to_owned(), sk };
    let mut item = key.to_item();
    item.insert("deed".to_owned(), AttributeValue::S(json!(entry).to_string()));
    Write::Put { key, item, condition }
}

//! Who did what to the shop's messages: a record of each redrive, replay and rebuild.
//!
//! Records lie in the event log's table, in a partition that no order, item or customer can name:
//! on AWS and on a laptop alike. An entry is written down before it is done, and again once it is: what
//! was interrupted has no outcome.

use std::collections::BTreeMap;

use chorus_kernel::{Condition, Failure, Key, Query, Store, StoreError, Write, text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use serde_json::{Value, json};

/// The partition. An id has no `#`.
const PARTITION: &str = "#operators";

/// The most dead letters that one record names: an item's size is limited, and the record has their
/// number.
pub const MOST_NAMED: usize = 1_000;

/// Something that an operator did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditEntry {
    pub at: Timestamp,
    /// Who: the name in the operator's token. Earlier entries have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What: `redrive`, `replay`, `rebuild`, `settle`.
    pub what: String,
    pub asked: Value,
    /// The outcome; none while it is running, or if it was interrupted.
    pub outcome: Option<Value>,
}

/// Why the audit does not answer.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit cannot be written or read")]
    Store(#[from] StoreError),
    /// Something stored cannot be understood.
    #[error("a record of the audit cannot be understood")]
    Stored(#[from] Failure),
}

/// An entry for an action that is about to start.
#[derive(Debug)]
pub struct Act<'a> {
    pub at: Timestamp,
    /// The name in the operator's token; on a stack, the user of the command line.
    pub by: &'a str,
    pub what: &'a str,
    pub asked: Value,
}

/// An entry that is under way.
#[derive(Debug)]
#[must_use = "an entry that is not ended stays without an outcome"]
pub struct Begun(AuditEntry);

/// Writes down what is about to be done.
///
/// # Errors
/// Where the store fails, or somebody acts at the very same instant. Then it must not be done.
pub async fn begin(store: &dyn Store, act: Act<'_>) -> Result<Begun, AuditError> {
    let Act { at, by, what, asked } = act;
    tracing::info!(what, by, %asked, "an operator acts");
    let (by, what) = (Some(by.to_owned()), what.to_owned());
    let entry = AuditEntry { at, by, what, asked, outcome: None };
    store.write(&[put(&entry, Some(Condition::Absent))]).await?;
    Ok(Begun(entry))
}

impl Begun {
    /// Records the outcome.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn end(self, store: &dyn Store, outcome: Value) -> Result<(), AuditError> {
        tracing::info!(what = self.0.what, %outcome, "an operator acted");
        let entry = AuditEntry { outcome: Some(outcome), ..self.0 };
        Ok(store.write(&[put(&entry, None)]).await?)
    }
}

/// Everything that operators did, oldest first.
///
/// # Errors
/// Where the store fails, or holds what is no entry.
pub async fn entries(store: &dyn Store) -> Result<Vec<AuditEntry>, AuditError> {
    let mut query = Query::partition(chorus_event_log::TABLE.name, PARTITION);
    let mut entries = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            let entry = serde_json::from_str(text(item, "deed").unwrap_or_default());
            entries.push(entry.map_err(|error| Failure::corrupt("deed", &error))?);
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(entries),
        }
    }
}

/// An operator's note that an order's finding was handled.
pub const SETTLE: &str = "settle";

/// Writes down that an operator has dealt with what the doctor found of an order until now.
///
/// # Errors
/// Where the store fails, or somebody acts at the very same instant.
pub async fn settle(
    store: &dyn Store,
    (by, at): (&str, Timestamp),
    order_id: &str,
    reason: &str,
) -> Result<(), AuditError> {
    let asked = json!({ "order-id": order_id, "reason": reason });
    let act = Act { at, by, what: SETTLE, asked };
    begin(store, act).await?.end(store, json!("settled")).await
}

/// Until when operators have dealt with what was found, by order.
///
/// # Errors
/// Where the store fails, or holds what is no entry.
pub async fn settled(store: &dyn Store) -> Result<BTreeMap<String, Timestamp>, AuditError> {
    let entries = entries(store).await?.into_iter().filter(|entry| entry.what == SETTLE);
    let order = |entry: AuditEntry| {
        entry.asked["order-id"].as_str().map(|order| (order.to_owned(), entry.at))
    };
    Ok(entries.filter_map(order).collect())
}

fn put(entry: &AuditEntry, condition: Option<Condition>) -> Write {
    // All nine digits: keys sort as times do.
    let sk = format!("{:.9}", entry.at);
    let key = Key { table: chorus_event_log::TABLE.name, pk: PARTITION.to_owned(), sk };
    let mut item = key.to_item();
    item.insert("deed".to_owned(), AttributeValue::S(json!(entry).to_string()));
    Write::Put { key, item, condition }
}

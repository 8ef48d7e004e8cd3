//! What is wrong in a shop, by its own records: orders that wait for an event that never came,
//! records that nobody published, rules that differ from the table.
//!
//! It reads through the kernel's port alone, so it examines a shop on a laptop and one on AWS.

mod drift;
mod stuck;

use chorus_kernel::{
    Failure, IDEMPOTENCY_TABLE, Query, Store, StoreError, UNPUBLISHED_INDEX, text,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use drift::drift;

/// A record younger than this may still be published by its own invocation.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_secs(90);

/// An order that waits for an event that is overdue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stuck {
    pub order_id: String,
    /// The event that should have been answered.
    pub after: String,
    pub event_id: String,
    pub since: Timestamp,
    /// The rule that leads it to the action.
    pub rule: String,
    /// The action: a row of the table.
    pub action: String,
    /// What the row emits: one of these was expected.
    pub expected: Vec<String>,
    /// Within how many seconds, by the row.
    pub within_seconds: u32,
    /// For how many seconds it has been overdue.
    pub overdue_seconds: i64,
    /// What is known of why: the last error, or where its dead letter lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A record whose events are not known to be on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unpublished {
    pub action: String,
    pub idempotency_key: String,
    pub recorded_at: String,
}

/// A queue in which dead letters lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depth {
    pub queue: String,
    pub letters: usize,
}

/// A rule as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeployedRule {
    /// Its name on the bus.
    pub name: String,
    pub pattern: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checkup {
    pub orders: usize,
    /// Orders that wait for an overdue event.
    pub stuck: Vec<Stuck>,
    pub unpublished: Vec<Unpublished>,
    /// Dead letters, by queue.
    pub dead_letters: Vec<Depth>,
    /// Where the deployment and the table differ.
    pub drift: Vec<String>,
}

impl Checkup {
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.stuck.is_empty()
            && self.unpublished.is_empty()
            && self.dead_letters.is_empty()
            && self.drift.is_empty()
    }
}

/// Why a shop cannot be examined.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error("the shop's records cannot be read")]
    Store(#[from] StoreError),
    /// Something stored cannot be understood.
    #[error("something stored cannot be understood")]
    Stored(#[from] Failure),
    /// The orders' events cannot be read.
    #[error("the orders' events cannot be read")]
    History(#[from] chorus_order::HistoryError),
    /// A rule's pattern cannot be read.
    #[error("the pattern of {0} cannot be read")]
    Pattern(String, #[source] event_pattern::PatternError),
    /// An event cannot be matched.
    #[error("an event cannot be matched")]
    Event(#[from] event_pattern::EventError),
}

/// Examines the orders that were placed from `since` on, and the records, as of `now`. Dead letters
/// and drift are the engine's to tell.
///
/// # Errors
/// Where the records cannot be read.
pub async fn examine(
    store: &dyn Store,
    now: Timestamp,
    since: Timestamp,
) -> Result<Checkup, DoctorError> {
    let (orders, stuck) = stuck::find(store, now, since).await?;
    let unpublished = unpublished(store, now).await?;
    Ok(Checkup { orders, stuck, unpublished, ..Checkup::default() })
}

async fn unpublished(store: &dyn Store, now: Timestamp) -> Result<Vec<Unpublished>, DoctorError> {
    let mut query = Query::partition(IDEMPOTENCY_TABLE.name, "yes");
    query.index = Some(&UNPUBLISHED_INDEX);
    query.to = Some(format!("{:.9}", now - SETTLES_WITHIN));
    let mut found = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            let part = |name| text(item, name).unwrap_or_default().to_owned();
            found.push(Unpublished {
                action: part("sk"),
                idempotency_key: part("pk"),
                recorded_at: part("recorded-at"),
            });
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(found),
        }
    }
}

//! What is wrong in a shop, by its own records: orders that wait for an event that never came,
//! errors that an operator must look at, services whose records contradict each other, records that nobody
//! published, partners that do not answer, rules that differ from the table.
//!
//! It reads through the kernel's port alone, so it examines a shop on a laptop and one on AWS.

mod attention;
mod books;
mod drift;
mod stuck;
mod unpublished;

use std::collections::BTreeSet;

use chorus_events::table::TABLE;
use chorus_kernel::{Failure, OpenCircuit, Store, StoreError, open_circuits};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::{self, AuditError};

pub use drift::drift;

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

/// An event by which a service reports that it could not do what it had to, and that nothing has
/// settled since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attention {
    pub order_id: String,
    /// The event, such as `ErrorPaymentCanceled`.
    pub event: String,
    pub since: Timestamp,
    /// The reason that the event gives.
    pub reason: String,
    /// The command that fixes it.
    pub remedy: String,
}

/// An order that has ended and that does not match a service's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Discrepancy {
    /// The order, or the item.
    pub about: String,
    pub problem: String,
    /// The command that fixes it.
    pub remedy: String,
}

/// An execution of a state machine that ended without an event about its order, which still waits
/// for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedExecution {
    pub machine: String,
    pub execution: String,
    pub order_id: String,
    /// The status, as Step Functions names it: `FAILED`, `TIMED_OUT`, `ABORTED`.
    pub status: String,
}

/// A record whose events are not known to be on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unpublished {
    pub action: String,
    pub idempotency_key: String,
    pub recorded_at: String,
    /// Why the sweeper cannot publish it; none where it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A queue in which dead letters lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depth {
    pub queue: String,
    pub letters: usize,
}

/// Events that wait in one queue to be tried again by the function that failed on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Redriven {
    pub queue: String,
    pub events: usize,
    /// Since when the oldest of them waits, where that is known.
    #[serde(default)]
    pub since: Option<Timestamp>,
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
    /// Orders that have events without an answer and no idempotency records that would show whether
    /// one was due: it cannot be told whether they wait.
    #[serde(default)]
    pub unknowable: usize,
    /// Errors that wait for an operator.
    #[serde(default)]
    pub attention: Vec<Attention>,
    /// Money and stock that do not add up.
    #[serde(default)]
    pub discrepancies: Vec<Discrepancy>,
    #[serde(default)]
    pub failed_executions: Vec<FailedExecution>,
    pub unpublished: Vec<Unpublished>,
    /// Partners that do not answer, and that nobody calls for now.
    #[serde(default)]
    pub unavailable: Vec<OpenCircuit>,
    /// Events that functions failed on as often as the bus tries, and get again.
    #[serde(default)]
    pub redriven: Vec<Redriven>,
    /// Dead letters, by queue.
    pub dead_letters: Vec<Depth>,
    /// Where the deployment and the table differ.
    pub drift: Vec<String>,
}

impl Checkup {
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.stuck.is_empty()
            && self.attention.is_empty()
            && self.discrepancies.is_empty()
            && self.failed_executions.is_empty()
            && self.unpublished.is_empty()
            && self.unavailable.is_empty()
            && self.redriven.is_empty()
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
    #[error("what operators did cannot be read")]
    Audit(#[from] AuditError),
    /// An event cannot be matched.
    #[error("an event cannot be matched")]
    Event(#[from] event_pattern::EventError),
}

/// Examines the orders that were placed from `since` on, and the records, as of `now`. Dead letters,
/// failed executions and rules that differ are asked of the engine, not of the records.
///
/// # Errors
/// Where the records cannot be read.
pub async fn examine(
    store: &dyn Store,
    now: Timestamp,
    since: Timestamp,
) -> Result<Checkup, DoctorError> {
    let expectations = stuck::Expectations::of_the_table()?;
    let settled = audit::settled(store).await?;
    let placed = chorus_order::by_type(store, "OrderCreated", Some(since)).await?;
    let ids: BTreeSet<String> = placed.iter().filter_map(|event| order_id(&event.data)).collect();
    let mut checkup = Checkup { orders: ids.len(), ..Checkup::default() };
    for id in &ids {
        let (story, _) = chorus_event_log::story(store, id).await?;
        let waits = expectations.unmet(store, now, &story).await?;
        checkup.stuck.extend(waits.stuck);
        checkup.unknowable += usize::from(waits.unknowable);
        let settled_at = settled.get(id).copied();
        let attention = attention::of(&story, settled_at);
        if attention.is_empty() && settled_at.is_none() {
            checkup.discrepancies.extend(books::of(store, now, &story).await?);
        }
        checkup.attention.extend(attention);
    }
    checkup.unpublished = unpublished::find(store, now).await?;
    checkup.unavailable = open_circuits(store, &TABLE).await?;
    Ok(checkup)
}

/// Whether the order has ended, by its own events.
///
/// # Errors
/// Where they cannot be read.
pub async fn has_ended(store: &dyn Store, order_id: &str) -> Result<bool, DoctorError> {
    let (story, _) = chorus_event_log::story(store, order_id).await?;
    Ok(stuck::ended(&story))
}

fn order_id(data: &str) -> Option<String> {
    let data: Value = serde_json::from_str(data).ok()?;
    data["order-id"].as_str().map(ToOwned::to_owned)
}

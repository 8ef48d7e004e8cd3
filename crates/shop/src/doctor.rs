//! Finds out from a shop's own records what is wrong in the shop: orders that wait for an overdue
//! event, errors that need an operator, services whose records contradict each other, records whose
//! events were not published, partners that do not answer, and rules that differ from the design
//! table.
//!
//! The doctor reads only through the kernel's port [`Store`], so it can examine a shop on a laptop
//! and a shop on AWS.

mod alarms;
mod attention;
mod books;
mod drift;
mod stuck;
mod unpublished;

use std::collections::BTreeMap;

use chorus_events::table::TABLE;
use chorus_kernel::{Failure, OpenCircuit, RECORD_LIFETIME, Store, StoreError, open_circuits};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::OnStandby;
use crate::audit::{self, AuditError};

pub use alarms::{CloudAlarm, sort_out};
pub use drift::drift;

/// An order that waits for an overdue event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stuck {
    pub order_id: String,
    /// The detail type of the event to which the action should have responded.
    pub after: String,
    pub event_id: String,
    pub since: Timestamp,
    /// The rule that sends the event to the action.
    pub rule: String,
    /// The action that has not responded: the name of its row in the design table.
    pub action: String,
    /// The detail types of the events of which the action should have emitted one.
    pub expected: Vec<String>,
    /// Within how many seconds after its input the action has to emit an event.
    pub within_seconds: u32,
    /// For how many seconds the action's event has been overdue.
    pub overdue_seconds: i64,
    /// The cause, if known: the last error, or the queue that holds the event as a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A failure that a service has reported by an event. No later event has resolved the failure, and
/// no operator has marked it as handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attention {
    pub order_id: String,
    /// The event's detail type, such as `ErrorPaymentCanceled`.
    pub event: String,
    pub since: Timestamp,
    /// The reason that the event gives for the failure.
    pub reason: String,
    /// The command that fixes the problem.
    pub remedy: String,
}

/// A difference between two records of a shop, or between a record and how an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Discrepancy {
    /// The order, the item or the partner that the difference is about.
    pub about: String,
    pub problem: String,
    /// The command that fixes the problem.
    pub remedy: String,
}

/// A failed execution of a state machine. The execution ended without an event about its order, and
/// the order still waits for an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedExecution {
    pub machine: String,
    pub execution: String,
    pub order_id: String,
    /// The status, as Step Functions names it: `FAILED`, `TIMED_OUT`, `ABORTED`.
    pub status: String,
}

/// An idempotency record whose events the bus may not have received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unpublished {
    pub action: String,
    pub idempotency_key: String,
    pub recorded_at: String,
    /// Why the sweeper cannot publish the record's events; absent if the sweeper can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

/// A file to which the shop cannot write. It is in the shop's data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnwritableFile {
    pub file: String,
    /// The time since which no write to the file has succeeded.
    pub since: Timestamp,
    /// The error of the write that failed first.
    pub reason: String,
}

/// A partner that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unavailable {
    pub partner: String,
    pub since: Timestamp,
    /// Why the last call to the partner failed. If EventBridge calls the partner, this field
    /// contains the values that triggered the partner's alarm.
    pub reason: String,
    /// When the partner is called again, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_at: Option<Timestamp>,
}

impl From<OpenCircuit> for Unavailable {
    fn from(circuit: OpenCircuit) -> Self {
        let OpenCircuit { partner, since, reason, probe_at } = circuit;
        Self { partner, since, reason, probe_at: Some(probe_at) }
    }
}

/// A part of the shop that was not examined, although it may have a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unexamined {
    pub what: String,
    pub reason: String,
    /// How an operator can examine this part.
    pub remedy: String,
}

/// A queue that has dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depth {
    pub queue: String,
    pub letters: usize,
}

/// Events on which a function failed, and which wait in a queue until the function gets them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Redriven {
    pub queue: String,
    pub events: usize,
    /// The time since which the oldest of the events has been waiting, if known.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

/// A rule as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeployedRule {
    /// The rule's name on the bus.
    pub name: String,
    pub pattern: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checkup {
    /// Whether the examined region is on standby, which is not a problem; absent if the region is
    /// the active region, or if there is only one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<OnStandby>,
    pub orders: usize,
    /// Orders that wait for an overdue event.
    pub stuck: Vec<Stuck>,
    /// The number of orders of which it is unknown whether they are stuck. An action has not
    /// responded to an event of such an order, and the idempotency records that would show whether
    /// a response was due are gone.
    #[serde(default)]
    pub unknowable: usize,
    /// The idempotency records of events since this time still exist. Records of earlier events
    /// have expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_since: Option<Timestamp>,
    /// Only orders that were placed at this time or later were examined; absent if all orders were.
    /// Older orders may have problems that the checkup does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_since: Option<Timestamp>,
    /// What was not examined, apart from orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexamined: Vec<Unexamined>,
    /// Errors that wait for an operator.
    #[serde(default)]
    pub attention: Vec<Attention>,
    /// Differences between records of money or stock.
    #[serde(default)]
    pub discrepancies: Vec<Discrepancy>,
    #[serde(default)]
    pub failed_executions: Vec<FailedExecution>,
    pub unpublished: Vec<Unpublished>,
    #[serde(default)]
    pub unwritable: Vec<UnwritableFile>,
    /// Partners that do not answer. A partner with a circuit breaker gets an occasional probe;
    /// calls to any other partner are repeated by the bus.
    #[serde(default)]
    pub unavailable: Vec<Unavailable>,
    /// The alarms that fire, except the alarms about partners. Absent for a shop on one machine,
    /// which has no alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<CloudAlarm>>,
    /// Events on which a function failed at every delivery by the bus. The function will get them
    /// again.
    #[serde(default)]
    pub redriven: Vec<Redriven>,
    /// Dead letters, by queue.
    pub dead_letters: Vec<Depth>,
    /// Differences between the deployed rules and the design table.
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
            && self.unwritable.is_empty()
            && self.unavailable.is_empty()
            && self.alarms.as_ref().is_none_or(Vec::is_empty)
            && self.redriven.is_empty()
            && self.dead_letters.is_empty()
            && self.drift.is_empty()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error("the shop's records cannot be read")]
    Store(#[from] StoreError),
    #[error("a stored item cannot be parsed")]
    Stored(#[from] Failure),
    #[error("the orders' events cannot be read")]
    History(#[from] chorus_order::HistoryError),
    #[error("the event pattern of the rule {0} cannot be parsed")]
    Pattern(String, #[source] event_pattern::PatternError),
    #[error("the audit of operators' actions cannot be read")]
    Audit(#[from] AuditError),
    #[error("an event cannot be matched against a rule's pattern")]
    Event(#[from] event_pattern::EventError),
}

/// Examines the shop's records, and the orders that were placed at `since` or later. Events that
/// are overdue at `now` count as problems. Dead letters, failed executions and deployed rules are
/// not in the records: the caller examines them, and completes the [`Checkup`].
///
/// # Errors
/// If the records cannot be read.
pub async fn examine(
    store: &dyn Store,
    now: Timestamp,
    since: Timestamp,
) -> Result<Checkup, DoctorError> {
    let expectations = stuck::Expectations::of_the_table()?;
    let settled = audit::settled(store).await?;
    let placed = chorus_order::by_type(store, "OrderCreated", Some(since)).await?;
    let placed = placed.iter().filter_map(|event| Some((order_id(&event.data)?, event.at)));
    let placed: BTreeMap<String, Timestamp> = placed.collect();
    let only_since = chorus_order::any_before(store, since).await?.then_some(since);
    let records_since = now.checked_sub(SignedDuration::from_secs(RECORD_LIFETIME)).ok();
    let mut checkup =
        Checkup { orders: placed.len(), records_since, only_since, ..Checkup::default() };
    for (id, at) in &placed {
        let (story, _) = chorus_event_log::story(store, id).await?;
        let waits = expectations.unmet(store, now, &story).await?;
        checkup.stuck.extend(waits.stuck);
        checkup.unknowable += usize::from(waits.unknowable);
        let settled_at = settled.get(id).copied();
        let attention = attention::of(&story, settled_at);
        let happened_since =
            settled_at.is_none_or(|at| story.iter().any(|it| it.metadata.occurred_at > at));
        if attention.is_empty() && happened_since {
            checkup.discrepancies.extend(books::of(store, now, &story).await?);
            checkup.discrepancies.extend(books::unlogged(id, *at, now, &story));
        }
        checkup.attention.extend(attention);
    }
    checkup.unpublished = unpublished::find(store, now).await?;
    let open = open_circuits(store, &TABLE).await?;
    checkup.unavailable = open.into_iter().map(Unavailable::from).collect();
    Ok(checkup)
}

/// Whether the order has ended, according to its events.
///
/// # Errors
/// If the events cannot be read.
pub async fn has_ended(store: &dyn Store, order_id: &str) -> Result<bool, DoctorError> {
    let (story, _) = chorus_event_log::story(store, order_id).await?;
    Ok(stuck::ended(&story))
}

fn order_id(data: &str) -> Option<String> {
    let data: Value = serde_json::from_str(data).ok()?;
    data["order-id"].as_str().map(ToOwned::to_owned)
}

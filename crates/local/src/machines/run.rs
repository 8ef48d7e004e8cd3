//! Executions in the store: the item of each execution, its history, and the owner of each task
//! token. A turn applies the answers to an execution's calls, and makes the transitions that are
//! then possible. All writes of a turn are one transaction.

use std::sync::Arc;

use chorus_kernel::{
    Condition, Failure, Index, Item, Key, Query, Reason, Store, StoreError, TableSpec, Write,
    number, query_all, text,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;
use states::{Execution, HistoryEvent, Status, TaskId, TaskRequest};

use crate::engine::Alarm;
use crate::store::DynoxideStore;

/// The index of executions by their `correlation-id`. The stored names say `order`, because in
/// earlier data directories the `correlation-id` was always an order's id.
pub(super) const BY_ORDER: Index =
    Index { name: "by-order", pk: "order", sk: "started", whole_items: true };

/// The index of running executions that have an alarm, by the time of the alarm.
const WAKING: Index = Index { name: "waking", pk: "waking", sk: "wakes-at", whole_items: true };

/// The table of all executions, with their histories and task tokens.
pub const EXECUTIONS_TABLE: TableSpec =
    TableSpec { name: "executions", indexes: &[BY_ORDER, WAKING], ttl: Some("expires-at") };

/// The prefix of the partition key of an execution's items.
const PARTITION: &str = "execution#";

/// The sort key of the item with an execution's state. The other items of the partition are the
/// execution's history.
const STATE: &str = "state";

/// How long an execution is kept after it has ended: as long as in Step Functions. While the
/// execution is kept, no other execution can have its name.
const HISTORY_LIFETIME: SignedDuration = SignedDuration::from_hours(90 * 24);

/// An execution, and the calls that still have to be made for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) machine: String,
    /// The index of the definition with which the execution was started. The machine's oldest
    /// definition has the index 0.
    #[serde(default)]
    pub(super) edition: usize,
    pub(super) execution: Execution,
    /// Calls that the execution has requested and that may not have been made yet.
    pub(super) pending: Vec<TaskRequest>,
    /// The execution that waits until this execution has ended, and the task in which it waits;
    /// none if no execution waits.
    pub(super) parent: Option<(String, TaskId)>,
    /// Whether the parent's task was completed after this execution ended. The stored name is that
    /// of earlier data directories.
    #[serde(rename = "told")]
    pub(super) parent_task_completed: bool,
    /// The `correlation-id` of the event that the execution was started with. The stored name is
    /// that of earlier data directories.
    #[serde(rename = "order")]
    pub(super) correlation_id: String,
    pub(super) started: Timestamp,
}

impl Run {
    pub(super) fn name(&self) -> &str {
        &self.execution.identity().execution_name
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.execution.status() != Status::Running
    }

    /// Whether the execution has ended, and no parent waits for it any more.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended() && (self.parent.is_none() || self.parent_task_completed)
    }

    /// The time at which the execution continues even if no callback arrives: `now` if it has work
    /// to do; `None` if it waits only for callbacks without a timeout, or is over.
    pub(super) fn alarm(&self, now: Timestamp) -> Option<Alarm> {
        let owes_parent = self.has_ended() && !self.is_over();
        if owes_parent || !self.pending.is_empty() || self.execution.is_ready() {
            return Some(Alarm { at: now, passive: false });
        }
        let passive = self.execution.waiting_tasks().next().is_some();
        self.execution.wakes_at().map(|at| Alarm { at, passive })
    }
}

/// A run as it was read or written, with its version. The next write fails if the store then has
/// another version.
#[derive(Clone)]
pub(super) struct VersionedRun {
    /// How many times the run was written; 0 if it has not been written yet.
    pub(super) version: i64,
    pub(super) run: Run,
}

fn key(pk: String, sk: &str) -> Key {
    Key { table: EXECUTIONS_TABLE.name, pk, sk: sk.to_owned() }
}

fn partition(execution: &str) -> String {
    format!("{PARTITION}{execution}")
}

/// The name of the execution, if this is the item of an execution.
pub(super) fn execution_of(item: &Item) -> Option<&str> {
    text(item, "pk")?.strip_prefix(PARTITION).filter(|_| text(item, "sk") == Some(STATE))
}

fn token_key(token: &str) -> Key {
    key(format!("token#{token}"), "token")
}

/// The execution of this name, if there is one.
pub(super) async fn load(
    store: &dyn Store,
    execution: &str,
) -> Result<Option<VersionedRun>, Failure> {
    let item = store.get(&key(partition(execution), STATE)).await?;
    item.as_ref().map(read).transpose()
}

/// The executions for this `correlation-id`, in the order of their starts.
pub(super) async fn of_correlation(
    store: &dyn Store,
    correlation_id: &str,
) -> Result<Vec<Run>, Failure> {
    let mut query = Query::partition(EXECUTIONS_TABLE.name, correlation_id);
    query.index = Some(&BY_ORDER);
    let page = store.query(&query).await?;
    page.items.iter().map(|item| read(item).map(|kept| kept.run)).collect()
}

/// The name of the execution whose task has this token.
pub(super) async fn owner(store: &dyn Store, token: &str) -> Result<Option<String>, Failure> {
    let item = store.get(&token_key(token)).await?;
    Ok(item.and_then(|item| text(&item, "execution").map(ToOwned::to_owned)))
}

fn read(item: &Item) -> Result<VersionedRun, Failure> {
    let corrupt = |error: &dyn std::fmt::Display| Failure::corrupt("execution", error);
    let body = text(item, "body").ok_or_else(|| corrupt(&"the attribute `body` is missing"))?;
    let run = serde_json::from_str(body).map_err(|error| corrupt(&error))?;
    Ok(VersionedRun { version: number(item, "version").unwrap_or_default(), run })
}

/// Writes the result of a turn: the run, its task tokens, and the new events of its history.
/// Returns false, and writes nothing, if the stored run no longer has this version.
pub(super) async fn save(
    store: &dyn Store,
    version: i64,
    now: Timestamp,
    run: &Run,
    happened: &[HistoryEvent],
) -> Result<bool, Failure> {
    let mut writes = vec![state(run, version, now)?];
    if let Some(first) = happened.first() {
        let key = key(partition(run.name()), &format!("turn#{:08}", first.id));
        let mut item = key.to_item();
        item.insert("events".to_owned(), json(&happened)?);
        expire(&mut item, remembered_until(run, now));
        writes.push(Write::Put { key, item, condition: None });
    }
    for token in run.pending.iter().filter_map(|request| request.token.as_deref()) {
        let key = token_key(token);
        let mut item = key.to_item();
        item.insert("execution".to_owned(), AttributeValue::S(run.name().to_owned()));
        expire(&mut item, remembered_until(run, now));
        writes.push(Write::Put { key, item, condition: None });
    }
    match store.write(&writes).await {
        Ok(()) => Ok(true),
        Err(StoreError::Refused(reasons)) if matches!(reasons[..], [Reason::Condition(_), ..]) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Until when an execution's tokens and history are kept: until 90 days after the execution's last
/// wait ends. When that wait ends, each of the execution's tasks was completed or has timed out.
fn remembered_until(run: &Run, now: Timestamp) -> Timestamp {
    let requested = run.pending.iter().filter_map(|request| request.deadline);
    let latest =
        requested.chain(run.alarm(now).map(|alarm| alarm.at)).max().unwrap_or(now).max(now);
    latest.checked_add(HISTORY_LIFETIME).unwrap_or(Timestamp::MAX)
}

fn state(run: &Run, version: i64, now: Timestamp) -> Result<Write, Failure> {
    let key = key(partition(run.name()), STATE);
    let mut item = key.to_item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("version", AttributeValue::N((version + 1).to_string()));
    set("order", AttributeValue::S(run.correlation_id.clone()));
    set("started", AttributeValue::S(format!("{:.9}#{}", run.started, run.name())));
    set("body", json(run)?);
    if let Some(Alarm { at, passive }) = run.alarm(now) {
        set("waking", AttributeValue::S("yes".to_owned()));
        set("wakes-at", AttributeValue::S(format!("{at:.9}")));
        set("passive", AttributeValue::Bool(passive));
    }
    // A running execution gets no expiry time, so that it is never deleted.
    if run.has_ended() {
        expire(&mut item, remembered_until(run, now));
    }
    let condition = if version == 0 {
        Condition::Absent
    } else {
        Condition::Equals { attribute: "version", value: version }
    };
    Ok(Write::Put { key, item, condition: Some(condition) })
}

/// Sets the time after which an item may be deleted.
fn expire(item: &mut Item, until: Timestamp) {
    item.insert("expires-at".to_owned(), AttributeValue::N(until.as_second().to_string()));
}

/// The history of an execution, from its first event on.
pub(super) async fn history(
    store: &dyn Store,
    execution: &str,
) -> Result<Vec<HistoryEvent>, Failure> {
    let mut query = Query::partition(EXECUTIONS_TABLE.name, partition(execution));
    (query.from, query.to) = (Some("turn#".to_owned()), Some("turn#~".to_owned()));
    let mut events = Vec::new();
    for item in query_all(store, query).await? {
        let turn = text(&item, "events").unwrap_or("[]");
        let turn: Vec<HistoryEvent> =
            serde_json::from_str(turn).map_err(|error| Failure::corrupt("history", &error))?;
        events.extend(turn);
    }
    Ok(events)
}

fn json<T: Serialize>(value: &T) -> Result<AttributeValue, Failure> {
    let text =
        serde_json::to_string(value).map_err(|error| Failure::unwritable("execution", &error));
    text.map(AttributeValue::S)
}

/// The executions that were started at `since` or later, and that ended without success.
pub(super) fn failed(store: &DynoxideStore, since: Timestamp) -> Result<Vec<Run>, Failure> {
    let (mut runs, mut start) = (Vec::new(), None);
    loop {
        let page = store.scan(EXECUTIONS_TABLE.name, None, start.as_ref())?;
        let ended = |item: &&Item| execution_of(item).is_some() && text(item, "waking").is_none();
        for item in page.items.iter().filter(ended) {
            let run = read(item)?.run;
            let fine = matches!(run.execution.status(), Status::Running | Status::Succeeded { .. });
            if !fine && run.started >= since {
                runs.push(run);
            }
        }
        match page.next {
            Some(next) => start = Some(next),
            None => return Ok(runs),
        }
    }
}

/// The executions that have an alarm, each with its alarm.
pub(super) fn waking(store: &DynoxideStore) -> Result<Vec<(Arc<str>, Alarm)>, StoreError> {
    let found = store.index(EXECUTIONS_TABLE.name, &WAKING)?;
    Ok(found.iter().filter_map(alarm_of).collect())
}

fn alarm_of(item: &Item) -> Option<(Arc<str>, Alarm)> {
    let execution = execution_of(item)?;
    let at = text(item, "wakes-at")?.parse().ok()?;
    let passive = matches!(item.get("passive"), Some(AttributeValue::Bool(true)));
    Some((Arc::from(execution), Alarm { at, passive }))
}

//! Finds orders that wait because an action has not answered an event within the time that its row
//! of the design table allows. An action answers an event by emitting an event of its own.

use chorus_event_log::LoggedEvent;
use chorus_events::table::TABLE;
use chorus_kernel::{Key, RECORD_LIFETIME, Store, record_key, recorded_events};
use chorus_table::{Entry, Role, RowSpec, Rule, rules};
use event_pattern::Pattern;
use jiff::Timestamp;
use serde_json::json;

use super::{DoctorError, Stuck};

struct Expectation {
    rule: Rule,
    pattern: Pattern,
    /// The row's action answers an event by emitting one of these events.
    expects: Vec<&'static str>,
}

/// Returns an expectation for each rule whose row emits events, or starts a state machine that
/// emits events. Rows that a deployment may omit are left out: no order waits for them.
fn expectations() -> Result<Vec<Expectation>, DoctorError> {
    let expectation = |rule: Rule| {
        let pattern = Pattern::parse(rule.pattern.to_string());
        let pattern = pattern.map_err(|error| DoctorError::Pattern(rule.name.clone(), error))?;
        let expects = expected(&rule.row);
        Ok(Expectation { rule, pattern, expects })
    };
    let later_tasks = TABLE.rows.iter().filter(|row| waits_for_later_events(row));
    let later_tasks: Vec<RowSpec> =
        later_tasks.map(|row| RowSpec { on: row.tasks, ..*row }).collect();
    let rules = TABLE.rules().into_iter().chain(rules(&later_tasks));
    let rules = rules.filter(|rule| !rule.row.optional);
    let found: Result<Vec<_>, DoctorError> = rules.map(expectation).collect();
    Ok(found?.into_iter().filter(|it| !it.expects.is_empty()).collect())
}

/// Returns the detail types of the events that a row emits. If the row starts a state machine, the
/// result includes the events that the machine's tasks emit when they get the event that started
/// the machine.
fn expected(row: &RowSpec) -> Vec<&'static str> {
    let tasks = TABLE.rows.iter().filter(|task| {
        task.task_of == Some(row.action) && task.tasks.iter().any(|event| row.on.contains(event))
    });
    let emits = |row: &RowSpec| row.emits.iter().map(|event| event.detail_type).collect::<Vec<_>>();
    let mut expected = emits(row);
    if row.starts_machine {
        expected.extend(tasks.flat_map(emits));
    }
    expected
}

/// Whether the row is a task of a state machine, and gets none of the events that start the
/// machine. Then the machine already runs, and waits for an event that the task gets.
fn waits_for_later_events(row: &RowSpec) -> bool {
    let machine = TABLE.rows.iter().find(|other| row.task_of == Some(other.action));
    machine.is_some_and(|machine| row.tasks.iter().all(|event| !machine.on.contains(event)))
}

/// What an order waits for.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// One entry for each rule whose action has not answered an event within the row's time limit.
    pub(super) stuck: Vec<Stuck>,
    /// True if an event lacks an answer, and no idempotency record shows whether an answer was due.
    pub(super) unknowable: bool,
}

/// The rows that answer events, with their time limits.
pub(super) struct Expectations(Vec<Expectation>);

impl Expectations {
    pub(super) fn of_the_table() -> Result<Self, DoctorError> {
        expectations().map(Self)
    }

    /// Returns which events of one order still lack an answer. `story` has all events of the order.
    pub(super) async fn unmet(
        &self,
        store: &dyn Store,
        now: Timestamp,
        story: &[LoggedEvent],
    ) -> Result<Waits, DoctorError> {
        let mut waits = Waits::default();
        for event in story {
            for expectation in &self.0 {
                // If an action has left several events unanswered, only one of them is reported.
                let named = |it: &Stuck| it.rule == expectation.rule.name;
                let Some(late) = expectation.overdue(event, story, now)? else { continue };
                if waits.stuck.iter().any(named)
                    || expectation.answered(store, event, story).await?
                {
                    continue;
                }
                if records_are_gone(store, now, event, story).await? {
                    waits.unknowable = true;
                } else {
                    waits.stuck.push(late);
                }
            }
        }
        Ok(waits)
    }
}

/// Whether the idempotency records that would show the answer to `event` are gone. They have
/// expired if `event` is older than the lifetime of a record. They count as lost if the record of
/// the action that published `event` is missing, too: an action stores its record before it
/// publishes, so this record once existed.
async fn records_are_gone(
    store: &dyn Store,
    now: Timestamp,
    event: &LoggedEvent,
    story: &[LoggedEvent],
) -> Result<bool, DoctorError> {
    let age = now.as_second() - event.metadata.occurred_at.as_second();
    if age >= RECORD_LIFETIME {
        return Ok(true);
    }
    let cause = event.metadata.causation_id;
    let Some(cause) = story.iter().find(|other| Some(other.metadata.event_id) == cause) else {
        return Ok(false);
    };
    // The record of a state machine's task has a key that derives from the task's token, so the
    // record cannot be found here.
    let publishes = |row: &&RowSpec| {
        let consumes = row.on.iter().any(|on| on.detail_type == cause.detail_type);
        consumes && row.emits.iter().any(|it| it.detail_type == event.detail_type)
    };
    let mut publishers = TABLE.rows.iter().filter(publishes).peekable();
    if publishers.peek().is_none() {
        return Ok(false);
    }
    for row in publishers {
        if store.get(&record_of(cause, row.action)).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the key of the idempotency record that `action` stores when it handles `event`.
fn record_of(event: &LoggedEvent, action: &str) -> Key {
    record_key(action, &event.metadata.idempotency_key)
}

pub(super) fn ended(story: &[LoggedEvent]) -> bool {
    let ends = |event: &LoggedEvent| {
        let message = TABLE.message(&event.detail_type);
        message.is_some_and(|message| message.spec.role == Role::End)
    };
    story.iter().any(ends)
}

impl Expectation {
    /// Whether an idempotency record shows that the action has handled the event and owes no
    /// answer. An answer is owed in two cases. First: the record contains an expected event. The
    /// caller has not found this event in the event log, so the event has not reached the bus.
    /// Second: the row waits for a person or for a state machine, and the order has not ended.
    async fn answered(
        &self,
        store: &dyn Store,
        event: &LoggedEvent,
        story: &[LoggedEvent],
    ) -> Result<bool, DoctorError> {
        let row = &self.rule.row;
        let key = record_of(event, row.action);
        // An idempotency record shows only that the action has received the event. The record does
        // not show that a person or the row's state machine has answered.
        let may_still_answer = (!row.api.is_empty() || row.starts_machine) && !ended(story);
        let Some(record) = store.get(&key).await? else { return Ok(false) };
        let expected = |entry: &Entry| self.expects.contains(&entry.detail_type.as_str());
        let lost = recorded_events(&record).is_ok_and(|events| events.iter().any(expected));
        Ok(!may_still_answer && !lost)
    }

    /// Returns a finding if the row's time limit has passed since `event`, and `story` contains no
    /// answer to `event`. A partner owes no answer once the order has ended.
    fn overdue(
        &self,
        event: &LoggedEvent,
        story: &[LoggedEvent],
        now: Timestamp,
    ) -> Result<Option<Stuck>, DoctorError> {
        let row = &self.rule.row;
        let since = event.metadata.occurred_at;
        let overdue_seconds = now.as_second() - since.as_second() - i64::from(row.within_seconds);
        if overdue_seconds <= 0 || !self.pattern.matches_value(&on_the_bus(event))? {
            return Ok(None);
        }
        let partner = row.partner().is_some();
        let person = !row.api.is_empty();
        let follows = |other: &LoggedEvent| {
            self.expects.contains(&other.detail_type.as_str())
                // An event that a partner's webhook or a person's request caused does not name
                // `event` as its cause, so any expected event counts.
                && (partner || person || other.metadata.causation_id == Some(event.metadata.event_id))
        };
        if story.iter().any(follows) || (partner && ended(story)) {
            return Ok(None);
        }
        Ok(Some(Stuck {
            order_id: event.metadata.correlation_id.clone(),
            after: event.detail_type.clone(),
            event_id: event.metadata.event_id.to_string(),
            since,
            rule: self.rule.name.clone(),
            action: row.action.to_owned(),
            expected: self.expects.iter().map(|&name| name.to_owned()).collect(),
            within_seconds: row.within_seconds,
            overdue_seconds,
            because: None,
        }))
    }
}

/// Returns an event in the form that rules match.
fn on_the_bus(event: &LoggedEvent) -> serde_json::Value {
    json!({
        "source": event.source, "detail-type": event.detail_type,
        "detail": { "metadata": event.metadata, "data": event.data },
    })
}

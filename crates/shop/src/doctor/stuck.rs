//! Orders that wait: every event that a row answers must have been answered, within the row's time.

use std::collections::BTreeSet;

use chorus_event_log::LoggedEvent;
use chorus_events::{Via, rules};
use chorus_kernel::{IDEMPOTENCY_TABLE, Key, Store};
use event_pattern::Pattern;
use jiff::Timestamp;
use serde_json::json;

use super::{DoctorError, Stuck};

/// The events that end an order.
const ENDS: [&str; 2] = ["OrderDelivered", "OrderCanceled"];

struct Expectation {
    rule: rules::Rule,
    pattern: Pattern,
}

/// The rows that answer events with events.
fn expectations() -> Result<Vec<Expectation>, DoctorError> {
    let answers = |rule: &rules::Rule| !rule.row.emits.is_empty();
    let expectation = |rule: rules::Rule| {
        let pattern = Pattern::parse(rule.pattern.to_string());
        let pattern = pattern.map_err(|error| DoctorError::Pattern(rule.name.clone(), error))?;
        Ok(Expectation { rule, pattern })
    };
    rules::all()?.into_iter().filter(answers).map(expectation).collect()
}

/// How many orders were placed from `since` on, and those of their events that are overdue an
/// answer.
pub(super) async fn find(
    store: &dyn Store,
    now: Timestamp,
    since: Timestamp,
) -> Result<(usize, Vec<Stuck>), DoctorError> {
    let expectations = expectations()?;
    let placed = chorus_order::by_type(store, "OrderCreated", Some(since)).await?;
    let ids: BTreeSet<String> = placed.iter().filter_map(|event| order_id(&event.data)).collect();
    let mut stuck = Vec::new();
    for id in &ids {
        let (story, _) = chorus_event_log::story(store, id).await?;
        for event in &story {
            for expectation in &expectations {
                if let Some(late) = expectation.overdue(event, &story, now)?
                    && !expectation.answered(store, event, &story).await?
                {
                    stuck.push(late);
                }
            }
        }
    }
    Ok((ids.len(), stuck))
}

fn order_id(data: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(data).ok()?;
    data["order-id"].as_str().map(ToOwned::to_owned)
}

fn ended(story: &[LoggedEvent]) -> bool {
    story.iter().any(|event| ENDS.contains(&event.detail_type.as_str()))
}

impl Expectation {
    /// Whether the action has answered the event with nothing: its record says so. A row with an
    /// API waits for a person, and its record only says that it heard.
    async fn answered(
        &self,
        store: &dyn Store,
        event: &LoggedEvent,
        story: &[LoggedEvent],
    ) -> Result<bool, DoctorError> {
        let row = &self.rule.row;
        let pk = event.metadata.idempotency_key.clone();
        let key = Key { table: IDEMPOTENCY_TABLE.name, pk, sk: row.action.to_owned() };
        let waits_for_a_person = !row.api.is_empty() && !ended(story);
        Ok(store.get(&key).await?.is_some() && !waits_for_a_person)
    }

    /// What is missing, where the event has not been answered in time.
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
        let partner = row.via == Via::ApiDestination;
        let said = |other: &LoggedEvent| {
            row.emits.iter().any(|spec| spec.detail_type == other.detail_type)
                // A partner answers by its own webhook, which names no cause of ours.
                && (partner || other.metadata.causation_id == Some(event.metadata.event_id))
        };
        if story.iter().any(said) || (partner && ended(story)) {
            return Ok(None);
        }
        Ok(Some(Stuck {
            order_id: event.metadata.correlation_id.clone(),
            after: event.detail_type.clone(),
            event_id: event.metadata.event_id.to_string(),
            since,
            rule: self.rule.name.clone(),
            action: row.action.to_owned(),
            expected: row.emits.iter().map(|spec| spec.detail_type.to_owned()).collect(),
            within_seconds: row.within_seconds,
            overdue_seconds,
            because: None,
        }))
    }
}

/// An event as rules see it.
fn on_the_bus(event: &LoggedEvent) -> serde_json::Value {
    json!({
        "source": event.source, "detail-type": event.detail_type,
        "detail": { "metadata": event.metadata, "data": event.data },
    })
}

//! Sorts an order's events so that every cause precedes its effects.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;
use uuid::Uuid;

use crate::LoggedEvent;

/// Sorts events by time, but always puts a cause before its effects: the clocks of two services may
/// differ, so an effect may have the earlier time. Events of the same moment are sorted by event
/// id.
#[must_use]
pub fn causal_order(events: Vec<LoggedEvent>) -> Vec<LoggedEvent> {
    let mut waiting: HashMap<Uuid, Vec<LoggedEvent>> = HashMap::new();
    let mut ready = BinaryHeap::new();
    let known: std::collections::HashSet<Uuid> =
        events.iter().map(|event| event.metadata.event_id).collect();
    for event in events {
        match event.metadata.causation_id.filter(|cause| known.contains(cause)) {
            Some(cause) => waiting.entry(cause).or_default().push(event),
            None => ready.push(Reverse(Earliest(event))),
        }
    }
    let mut listed = Vec::with_capacity(known.len());
    while let Some(Reverse(Earliest(event))) = ready.pop() {
        let effects = waiting.remove(&event.metadata.event_id).unwrap_or_default();
        ready.extend(effects.into_iter().map(|effect| Reverse(Earliest(effect))));
        listed.push(event);
    }
    listed.extend(left_over(waiting));
    listed
}

/// Returns the events whose causes form a cycle, sorted by time. None of the shop's services
/// publishes such events.
fn left_over(waiting: HashMap<Uuid, Vec<LoggedEvent>>) -> Vec<LoggedEvent> {
    let mut rest: Vec<LoggedEvent> = waiting.into_values().flatten().collect();
    rest.sort_by_key(moment);
    rest
}

fn moment(event: &LoggedEvent) -> (Timestamp, Uuid) {
    (event.metadata.occurred_at, event.metadata.event_id)
}

/// An event that is compared by time.
struct Earliest(LoggedEvent);

impl PartialEq for Earliest {
    fn eq(&self, other: &Self) -> bool {
        moment(&self.0) == moment(&other.0)
    }
}

impl Eq for Earliest {}

impl PartialOrd for Earliest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Earliest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        moment(&self.0).cmp(&moment(&other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_kernel::testing::metadata;
    use chorus_table::Metadata;

    /// An event that occurred `second` seconds after the sample metadata's `occurred_at`.
    fn event(id: u128, cause: Option<u128>, second: i64) -> LoggedEvent {
        let metadata = Metadata {
            event_id: Uuid::from_u128(id),
            causation_id: cause.map(Uuid::from_u128),
            occurred_at: metadata().occurred_at + jiff::SignedDuration::from_secs(second),
            ..metadata()
        };
        let (detail_type, data) = (String::new(), serde_json::Value::Null);
        LoggedEvent { detail_type, source: None, metadata, data }
    }

    fn ids(events: Vec<LoggedEvent>) -> Vec<u128> {
        let id = |event: LoggedEvent| event.metadata.event_id.as_u128();
        causal_order(events).into_iter().map(id).collect()
    }

    #[test]
    fn events_are_listed_as_they_occurred() {
        let branches = vec![event(3, Some(1), 2), event(2, Some(1), 1), event(1, Some(99), 0)];
        assert_eq!(ids(branches), [1, 2, 3]);
    }

    #[test]
    fn an_effect_never_stands_before_its_cause_whatever_the_clocks_say() {
        let skewed = vec![event(2, Some(1), -5), event(1, None, 0), event(3, Some(2), -9)];
        assert_eq!(ids(skewed), [1, 2, 3]);
    }

    #[test]
    fn events_that_cause_each_other_are_still_listed() {
        assert_eq!(ids(vec![event(2, Some(1), 1), event(1, Some(2), 0)]), [1, 2]);
    }
}

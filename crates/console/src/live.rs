//! Live updates by server-sent events: counts, and the last few events. The memory used does not
//! grow with time.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_stream::Stream;

/// The shortest time between two updates of a page.
const PACE: Duration = Duration::from_millis(250);

/// How many of the last events are kept, to show them moving on the map.
const MAX_KEPT_EVENTS: usize = 64;

/// At most this many events move on the map at once: more could not be told apart.
const MAX_MOVING_EVENTS: usize = 24;

/// An update: something that happened in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The bus accepted an event.
    Accepted {
        /// The event's `detail-type`.
        event: String,
        /// The event's `correlation-id`, such as an order's id.
        about: String,
    },
    /// The action of a row of the design table handled an event.
    Succeeded { action: String, took: Duration },
    /// A row's action failed on an event. A retry may follow.
    Failed { action: String },
    /// An event for a row's action became a dead letter.
    DeadLettered { action: String },
}

/// The successes and failures of a row's action since the console started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    /// The total time spent on successfully handled events, in microseconds.
    took: u64,
}

impl Work {
    /// The mean time spent on a successfully handled event, in milliseconds.
    pub(crate) fn average(&self) -> Option<f64> {
        (self.done > 0).then(|| self.took as f64 / self.done as f64 / 1_000.0)
    }

    /// The number of handled events and the mean time, as a short text.
    pub(crate) fn summary(&self) -> String {
        self.average().map_or_else(String::new, |ms| format!("{} · {ms:.1} ms", self.done))
    }

    /// The numbers of failures and dead letters, as a short text.
    pub(crate) fn failure_summary(&self) -> String {
        let part = |count, what| (count > 0).then(|| format!("{count} {what}"));
        let part = [part(self.failed, "failed"), part(self.dead, "dead")];
        part.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[derive(Debug, Default)]
struct Seen {
    /// The number of all updates so far.
    sequence: u64,
    events: BTreeMap<String, u64>,
    rows: BTreeMap<String, Work>,
    /// The last events: their sequence number, their type, and their `correlation-id`.
    last: VecDeque<(u64, String, String)>,
    /// The sequence number of the newest event that is no longer in `last`.
    forgotten: u64,
}

/// Counts of all updates since the console started. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Seen>>);

/// The updates to which a page subscribes.
#[derive(Debug, Clone)]
pub(crate) enum Topic {
    /// For the map: the counts, and the types of the newest events.
    Map,
    /// Every update reloads the page.
    Anything,
    /// Every update about this order reloads the page.
    Order(String),
}

impl Live {
    /// Counts an update.
    pub fn record(&self, happened: &Update) {
        let mut seen = self.seen();
        seen.sequence += 1;
        let sequence = seen.sequence;
        match happened {
            Update::Accepted { event, about } => {
                *seen.events.entry(event.clone()).or_default() += 1;
                if seen.last.len() == MAX_KEPT_EVENTS
                    && let Some((oldest, ..)) = seen.last.pop_front()
                {
                    seen.forgotten = oldest;
                }
                seen.last.push_back((sequence, event.clone(), about.clone()));
            }
            Update::Succeeded { action, took } => {
                let work = seen.rows.entry(action.clone()).or_default();
                work.done += 1;
                work.took += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            }
            Update::Failed { action } => seen.rows.entry(action.clone()).or_default().failed += 1,
            Update::DeadLettered { action } => {
                seen.rows.entry(action.clone()).or_default().dead += 1;
            }
        }
    }

    /// How many times the bus accepted each event.
    pub(crate) fn events(&self) -> BTreeMap<String, u64> {
        self.seen().events.clone()
    }

    /// The successes and failures of each row.
    pub(crate) fn rows(&self) -> BTreeMap<String, Work> {
        self.seen().rows.clone()
    }

    /// The number of updates so far. A page that is rendered now includes all of them.
    pub(crate) fn sequence(&self) -> u64 {
        self.seen().sequence
    }

    /// Sends a page the updates that follow the first `since` updates, as server-sent events.
    pub(crate) fn follow(&self, topic: Topic, since: u64) -> Response {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let part = Followed { live: self.clone(), topic, pace, seen_up_to: since };
        Sse::new(part).keep_alive(KeepAlive::default()).into_response()
    }

    /// Returns the next update for a page that has received all updates up to `seen_up_to`, and
    /// advances `seen_up_to`.
    fn next_update(&self, topic: &Topic, seen_up_to: &mut u64) -> Option<Event> {
        let seen = self.seen();
        let since = std::mem::replace(seen_up_to, seen.sequence);
        if since == seen.sequence {
            return None;
        }
        let new = || seen.last.iter().filter(|(sequence, ..)| *sequence > since);
        match topic {
            Topic::Map => {
                let moving: Vec<&String> =
                    new().rev().take(MAX_MOVING_EVENTS).map(|(_, event, _)| event).collect();
                let rows: BTreeMap<&String, _> = seen
                    .rows
                    .iter()
                    .map(|(action, work)| {
                        (
                            action,
                            json!({ "done": work.done, "failed": work.failed, "dead": work.dead,
                        "average": work.average().map(|ms| format!("{ms:.1} ms")),
                        "summary": work.summary(), "trouble": work.failure_summary() }),
                        )
                    })
                    .collect();
                let data = json!({ "events": seen.events, "rows": rows, "moving": moving });
                Some(Event::default().event("map").data(data.to_string()))
            }
            Topic::Anything => Some(changed()),
            // If `last` no longer contains all new events, a missing event may be about this order,
            // so the page reloads.
            Topic::Order(order) => {
                let concerned = seen.forgotten > since || new().any(|(_, _, about)| about == order);
                concerned.then(changed)
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the server-sent event at which a page reloads. The event has data, because browsers ignore
/// an event without data.
fn changed() -> Event {
    Event::default().event("changed").data("1")
}

struct Followed {
    live: Live,
    topic: Topic,
    pace: Interval,
    seen_up_to: u64,
}

impl Stream for Followed {
    type Item = Result<Event, Infallible>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            std::task::ready!(this.pace.poll_tick(context));
            if let Some(event) = this.live.next_update(&this.topic, &mut this.seen_up_to) {
                return std::task::Poll::Ready(Some(Ok(event)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(about: &str) -> Update {
        Update::Accepted { event: "OrderCreated".to_owned(), about: about.to_owned() }
    }

    #[test]
    fn what_is_kept_does_not_grow_with_time() {
        let live = Live::default();
        for n in 0..10_000 {
            live.record(&accepted(&format!("order-{n}")));
        }
        assert_eq!(live.events()["OrderCreated"], 10_000);
        assert_eq!(live.seen().last.len(), MAX_KEPT_EVENTS);
    }

    #[test]
    fn the_page_of_an_order_gets_updates_of_that_order_alone() {
        let live = Live::default();
        let (topic, mut seen_up_to) = (Topic::Order("mine".to_owned()), 0);
        live.record(&accepted("another"));
        assert!(live.next_update(&topic, &mut seen_up_to).is_none());
        live.record(&accepted("mine"));
        assert!(live.next_update(&topic, &mut seen_up_to).is_some());
        assert!(live.next_update(&topic, &mut seen_up_to).is_none(), "it was told once");
    }

    #[test]
    fn the_page_of_an_order_gets_updates_that_may_have_been_dropped_meanwhile() {
        let live = Live::default();
        let (topic, mut seen_up_to) = (Topic::Order("mine".to_owned()), 0);
        live.record(&accepted("mine"));
        (0..MAX_KEPT_EVENTS).for_each(|_| live.record(&accepted("another")));
        assert!(live.next_update(&topic, &mut seen_up_to).is_some());
    }

    #[test]
    fn a_rows_average_is_over_what_it_finished() {
        let live = Live::default();
        let action = || "ReserveItem".to_owned();
        for milliseconds in [2, 4] {
            let took = Duration::from_millis(milliseconds);
            live.record(&Update::Succeeded { action: action(), took });
        }
        live.record(&Update::Failed { action: action() });
        let work = live.rows()["ReserveItem"];
        assert_eq!((work.done, work.failed, work.average()), (2, 1, Some(3.0)));
    }
}

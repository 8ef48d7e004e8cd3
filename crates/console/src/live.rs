//! Live updates: counts and the last few events, pushed by server-sent events. The memory used does
//! not grow with time.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_stream::Stream;

/// How often a page gets an update.
const PACE: Duration = Duration::from_millis(250);

/// How many of the last events are remembered: what a page shows as moving in one moment.
const REMEMBERED: usize = 64;

/// How many events move on the map in one moment at most: more cannot be distinguished.
const MOVING: usize = 24;

/// Something that happened in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The bus took an event of this type, about this order.
    Accepted {
        /// Its `detail-type`.
        event: String,
        /// Its `correlation-id`.
        about: String,
    },
    /// A row dealt with an event.
    Succeeded { action: String, took: Duration },
    /// A row failed, and tries again or not.
    Failed { action: String },
    /// A row's event became a dead letter.
    DeadLettered { action: String },
}

/// What a row has done since the console started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) dead: u64,
    /// How long it worked in all, in microseconds.
    took: u64,
}

impl Work {
    /// How long it worked on an event on the average, in milliseconds.
    pub(crate) fn average(&self) -> Option<f64> {
        (self.done > 0).then(|| self.took as f64 / self.done as f64 / 1_000.0)
    }

    /// How often and how fast, in short.
    pub(crate) fn summary(&self) -> String {
        self.average().map_or_else(String::new, |ms| format!("{} · {ms:.1} ms", self.done))
    }

    /// What went wrong, in short.
    pub(crate) fn trouble(&self) -> String {
        let told = |count, what| (count > 0).then(|| format!("{count} {what}"));
        let told = [told(self.failed, "failed"), told(self.dead, "dead")];
        told.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[derive(Debug, Default)]
struct Seen {
    /// Counts everything that happened.
    sequence: u64,
    events: BTreeMap<String, u64>,
    rows: BTreeMap<String, Work>,
    /// The last events: their place in the sequence, their type, what they are about.
    last: VecDeque<(u64, String, String)>,
    /// The place of the newest one that is remembered no more.
    forgotten: u64,
}

/// Everything that has happened since the console started, counted. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Live(Arc<Mutex<Seen>>);

/// What a page subscribes to.
#[derive(Debug, Clone)]
pub(crate) enum Topic {
    /// Counts and moving events: the map.
    Map,
    /// That something happened at all.
    Anything,
    /// That something happened to this order.
    Order(String),
}

impl Live {
    /// Counts what happened.
    pub fn saw(&self, happened: &Happened) {
        let mut seen = self.seen();
        seen.sequence += 1;
        let sequence = seen.sequence;
        match happened {
            Happened::Accepted { event, about } => {
                *seen.events.entry(event.clone()).or_default() += 1;
                if seen.last.len() == REMEMBERED
                    && let Some((oldest, ..)) = seen.last.pop_front()
                {
                    seen.forgotten = oldest;
                }
                seen.last.push_back((sequence, event.clone(), about.clone()));
            }
            Happened::Succeeded { action, took } => {
                let work = seen.rows.entry(action.clone()).or_default();
                work.done += 1;
                work.took += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            }
            Happened::Failed { action } => seen.rows.entry(action.clone()).or_default().failed += 1,
            Happened::DeadLettered { action } => {
                seen.rows.entry(action.clone()).or_default().dead += 1;
            }
        }
    }

    /// How often each event was on the bus.
    pub(crate) fn events(&self) -> BTreeMap<String, u64> {
        self.seen().events.clone()
    }

    /// What each row did.
    pub(crate) fn rows(&self) -> BTreeMap<String, Work> {
        self.seen().rows.clone()
    }

    /// How much has happened: a page that is made now knows of everything up to here.
    pub(crate) fn sequence(&self) -> u64 {
        self.seen().sequence
    }

    /// Follows what happens, or has happened, after `since`.
    pub(crate) fn follow(&self, topic: Topic, since: u64) -> Response {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let told = Followed { live: self.clone(), topic, pace, heard: since };
        Sse::new(told).keep_alive(KeepAlive::default()).into_response()
    }

    /// The update for a page that has received everything up to `heard`.
    fn news(&self, topic: &Topic, heard: &mut u64) -> Option<Event> {
        let seen = self.seen();
        let since = std::mem::replace(heard, seen.sequence);
        if since == seen.sequence {
            return None;
        }
        let new = || seen.last.iter().filter(|(sequence, ..)| *sequence > since);
        match topic {
            Topic::Map => {
                let moving: Vec<&String> =
                    new().rev().take(MOVING).map(|(_, event, _)| event).collect();
                let rows: BTreeMap<&String, _> = seen
                    .rows
                    .iter()
                    .map(|(action, work)| {
                        (
                            action,
                            json!({ "done": work.done, "failed": work.failed, "dead": work.dead,
                        "average": work.average().map(|ms| format!("{ms:.1} ms")),
                        "summary": work.summary(), "trouble": work.trouble() }),
                        )
                    })
                    .collect();
                let data = json!({ "events": seen.events, "rows": rows, "moving": moving });
                Some(Event::default().event("map").data(data.to_string()))
            }
            Topic::Anything => Some(changed()),
            // Of more than are remembered, it may have been one that is forgotten.
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

/// A browser ignores an event without data.
fn changed() -> Event {
    Event::default().event("changed").data("1")
}

struct Followed {
    live: Live,
    topic: Topic,
    pace: Interval,
    heard: u64,
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
            if let Some(event) = this.live.news(&this.topic, &mut this.heard) {
                return std::task::Poll::Ready(Some(Ok(event)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(about: &str) -> Happened {
        Happened::Accepted { event: "OrderCreated".to_owned(), about: about.to_owned() }
    }

    #[test]
    fn what_is_kept_does_not_grow_with_time() {
        let live = Live::default();
        for n in 0..10_000 {
            live.saw(&accepted(&format!("order-{n}")));
        }
        assert_eq!(live.events()["OrderCreated"], 10_000);
        assert_eq!(live.seen().last.len(), REMEMBERED);
    }

    #[test]
    fn the_page_of_an_order_hears_of_that_order_alone() {
        let live = Live::default();
        let (topic, mut heard) = (Topic::Order("mine".to_owned()), 0);
        live.saw(&accepted("another"));
        assert!(live.news(&topic, &mut heard).is_none());
        live.saw(&accepted("mine"));
        assert!(live.news(&topic, &mut heard).is_some());
        assert!(live.news(&topic, &mut heard).is_none(), "it was told once");
    }

    #[test]
    fn the_page_of_an_order_hears_of_what_may_have_been_forgotten_meanwhile() {
        let live = Live::default();
        let (topic, mut heard) = (Topic::Order("mine".to_owned()), 0);
        live.saw(&accepted("mine"));
        (0..REMEMBERED).for_each(|_| live.saw(&accepted("another")));
        assert!(live.news(&topic, &mut heard).is_some());
    }

    #[test]
    fn a_rows_average_is_over_what_it_finished() {
        let live = Live::default();
        let action = || "ReserveItem".to_owned();
        for milliseconds in [2, 4] {
            let took = Duration::from_millis(milliseconds);
            live.saw(&Happened::Succeeded { action: action(), took });
        }
        live.saw(&Happened::Failed { action: action() });
        let work = live.rows()["ReserveItem"];
        assert_eq!((work.done, work.failed, work.average()), (2, 1, Some(3.0)));
    }
}

//! Two regions: the items and events of the active region arrive in the other region later, or
//! never.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chorus_kernel::{Item, Key, REGIONS_TABLE, Signal, Store};
use chorus_local::{Accepted, EXECUTIONS_TABLE};
use chorus_table::{Entry, WireEvent};
use jiff::{SignedDuration, Timestamp};

use crate::client::Client;
use crate::draw::{Draw, Draws};
use crate::environment::later;

/// The region that is active first.
pub(crate) const FIRST: &str = "first";
/// The region that takes over.
pub(crate) const SECOND: &str = "second";

/// How long a takeover waits after it has fenced (stopped) the region that it replaces. That region
/// may have begun calls to partners; after this time, these calls have had their effect.
pub(crate) const WAITS: Duration = Duration::from_secs(300);

/// After how long the queues and executions of a replaced region are deleted. Until then, that
/// region may finish its work.
pub(crate) const RETIRES_AFTER: Duration = Duration::from_secs(3_600);

/// The longest time, in seconds, until an item or an event arrives in the other region. In a run
/// with two regions, a call to a partner may get no answer, and yet take effect up to this many
/// seconds later.
pub(crate) const LONGEST_LAG: u64 = 240;

/// How the first region goes away.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    /// The region goes away once its functions have made this many calls, for example to the store.
    pub(crate) calls: u64,
    /// How long an item or an event takes at most to arrive in the other region.
    pub(crate) lag: Duration,
    /// Whether the takeover fences (stops) the first region while it is active: no change is lost.
    pub(crate) planned: bool,
    /// The time from the loss to the start of the takeover.
    pub(crate) noticed: Duration,
    /// The time from the takeover to the return of the first region; `None` if it never returns.
    pub(crate) back: Option<Duration>,
    /// The time from the takeover until the second region fails back to the first; `None` if it
    /// never does.
    pub(crate) fails_back: Option<Duration>,
}

impl Loss {
    pub(crate) fn drawn(draws: &Draws, size: u32) -> Self {
        let mut draw = draws.of("loss of a region");
        let lag = draw.one_of(&[0, 1_000, 1_000, 10_000, 60_000, 1_000 * LONGEST_LAG]);
        let minutes = |draw: &mut Draw, most| Duration::from_secs(60 * (1 + draw.below(most)));
        let planned = draw.percent(15);
        let back = draw.percent(60).then(|| minutes(&mut draw, 240));
        // The region that was replaced is emptied before it becomes active again.
        let emptied = back.map(|back| back + RETIRES_AFTER + WAITS);
        let fails_back = emptied.filter(|_| draw.percent(60));
        Self {
            calls: 1 + draw.below(400 * u64::from(size.max(1))),
            lag: Duration::from_millis(lag),
            planned,
            noticed: minutes(&mut draw, 30),
            back,
            fails_back: fails_back.map(|least| least + minutes(&mut draw, 600)),
        }
    }
}

/// When the first region went away, and how long its writes took at most to arrive in the second
/// region.
#[derive(Debug, Clone, Copy)]
pub struct LostRegion {
    pub at: Timestamp,
    pub lag: Duration,
    /// Whether the region was active until it was fenced (stopped). If so, all of its writes and
    /// events have arrived.
    pub planned: bool,
}

impl LostRegion {
    /// The longest time until a change in the lost region arrives in the other region.
    #[must_use]
    pub fn longest_lag(self) -> SignedDuration {
        SignedDuration::try_from(self.lag).unwrap_or(SignedDuration::MAX)
    }
}

/// The region that takes over, at a time at which no region is active.
pub struct Standby {
    pub store: Arc<dyn Store>,
    /// Returns every item of a table.
    pub items: Box<dyn Fn(&'static str) -> Vec<Item>>,
    /// The events that arrived in the region's archive.
    pub archived: Vec<Entry>,
    /// The region's name.
    pub region: &'static str,
    pub now: Timestamp,
    /// The takeover is interrupted after this many writes, and then begins again.
    pub interrupted_after: usize,
}

impl std::fmt::Debug for Standby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Standby").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The work that a takeover leaves to the new active region.
#[derive(Debug, Default)]
pub struct TakenOver {
    /// The events to publish. Their home region is the new active region.
    pub events: Vec<Entry>,
    /// The state machines to start anew.
    pub machines: Vec<Signal>,
    /// The clients that call the API: operators with commands, and partners that repeat their
    /// callbacks.
    pub clients: Vec<Client>,
}

/// The replication from one region to the other.
pub(crate) struct Link {
    seed: u64,
    lag: u64,
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    items: Vec<(Timestamp, Key, Option<Item>)>,
    /// When the newest write of each item arrives. The item's next write arrives no earlier.
    last: HashMap<Key, Timestamp>,
    events: Vec<(Timestamp, Arc<str>)>,
    drawn: u64,
}

impl Link {
    pub(crate) fn new(seed: u64, lag: Duration) -> Arc<Self> {
        let lag = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        Arc::new(Self { seed, lag, sent: Mutex::default() })
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrival(&self, sent: &mut Sent, now: Timestamp) -> Timestamp {
        sent.drawn += 1;
        let mut draw = Draw::numbered(self.seed, sent.drawn);
        let most = if draw.percent(70) { self.lag / 10 } else { self.lag };
        later(now, Duration::from_millis(draw.below(most + 1)))
    }

    /// Records that an item was written or, if `item` is none, that it was deleted.
    pub(crate) fn wrote(&self, now: Timestamp, key: &Key, item: Option<Item>) {
        if [EXECUTIONS_TABLE.name, REGIONS_TABLE.name].contains(&key.table) {
            return;
        }
        let mut sent = self.sent();
        let arrival = self.arrival(&mut sent, now);
        let arrival = sent.last.get(key).map_or(arrival, |last| arrival.max(*last));
        sent.last.insert(key.clone(), arrival);
        sent.items.push((arrival, key.clone(), item));
    }

    pub(crate) fn published(&self, now: Timestamp, event: &Accepted) {
        let mut sent = self.sent();
        let arrival = self.arrival(&mut sent, now);
        sent.events.push((arrival, Arc::clone(&event.json)));
    }

    /// The writes that have arrived by `until`, in the order of arrival. `None` is a deletion.
    pub(crate) fn items(&self, until: Timestamp) -> Vec<(Key, Option<Item>)> {
        let mut items = self.sent().items.clone();
        items.retain(|(at, ..)| *at <= until);
        items.sort_by_key(|(at, ..)| *at);
        items.into_iter().map(|(_, key, item)| (key, item)).collect()
    }

    /// The events that have arrived by `until`, and the events that arrive later.
    pub(crate) fn events(&self, until: Timestamp) -> (Vec<Entry>, Vec<Entry>) {
        let sent = self.sent();
        let (arrived, late): (Vec<_>, Vec<_>) = sent.events.iter().partition(|it| it.0 <= until);
        let entries = |events: Vec<&(Timestamp, Arc<str>)>| {
            events.into_iter().filter_map(|(_, json)| entry(json)).collect()
        };
        (entries(arrived), entries(late))
    }
}

/// The entry of an event that the bus accepted.
fn entry(json: &str) -> Option<Entry> {
    let event: WireEvent = serde_json::from_str(json).ok()?;
    let WireEvent { source, detail_type, detail, .. } = event;
    Some(Entry { source, detail_type, detail: detail.get().to_owned() })
}

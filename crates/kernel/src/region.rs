//! A deployment in two regions: only the active region handles messages. One item, which both
//! regions read with strong consistency, names the active region. A deployment in one region has no
//! such item.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use chorus_table::{Category, Detail, Entry};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{
    Failure, Found, Kernel, Message, Signal, SignalOutcome, Store, TableSpec, Versioned, Write,
    load, save,
};

/// The table that names the active region. Reads of this table must be strongly consistent in both
/// regions, so that the regions agree on which region is active.
pub const REGIONS_TABLE: TableSpec = TableSpec { name: "regions", indexes: &[], ttl: None };

/// How long a function instance in the active region relies on its last read of the item that
/// names the active region. An instance in the other region reads the item for every message.
pub const REGION_CACHE_TIME: SignedDuration = SignedDuration::from_secs(10);

/// The id of the table's only item.
const ONLY_ITEM: &str = "this";

/// The item that names the active region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ActiveRegion {
    deployment: String,
    /// The active region; during a takeover, the region that was active before the takeover.
    pub region: String,
    /// The region that takes over. While a takeover is in progress, no region is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The names of the event bus's rules that the takeover enables in the region `next`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// How many times another region became the active region.
    #[serde(default)]
    pub takeovers: u64,
    /// When this item was written.
    pub since: Timestamp,
}

crate::entity!(ActiveRegion: "active" in REGIONS_TABLE, by deployment: String);

impl ActiveRegion {
    /// Reads the item that names the active region; none if no region has been active yet.
    ///
    /// # Errors
    /// If the store fails, or the item cannot be read.
    pub async fn read(store: &dyn Store) -> Result<Found<Self>, Failure> {
        load(store, ONLY_ITEM.to_owned()).await
    }

    /// Returns the write after which no region is active, because the region `next` takes over from
    /// the active region. The store refuses the write if the item has changed since it was read.
    #[must_use]
    pub fn fenced(read: &Versioned<Self>, next: &str, rules: Vec<String>, now: Timestamp) -> Write {
        let (next, value) = (Some(next.to_owned()), &read.value);
        save(Some(read), &Self { next, rules, since: now, ..value.clone() })
    }

    /// Returns the write that makes `region` the active region. `read` is the item as the caller
    /// read it. The store refuses the write if another takeover has happened since that read.
    #[must_use]
    pub fn taken_over(read: Option<&Versioned<Self>>, region: &str, now: Timestamp) -> Write {
        let takeovers = read.map_or(0, |read| read.takeovers + u64::from(read.region != region));
        let (deployment, region) = (ONLY_ITEM.to_owned(), region.to_owned());
        let (next, rules) = (None, Vec::new());
        save(read, &Self { deployment, region, next, rules, takeovers, since: now })
    }

    /// Whether `region` is the active region.
    #[must_use]
    pub fn is(&self, region: &str) -> bool {
        self.region == region && self.next.is_none()
    }
}

/// The region in which a kernel runs, and whether it is the active region. All clones share the
/// last result that was read from the store.
#[derive(Debug, Clone)]
pub struct Region {
    name: Arc<str>,
    /// The last result that was read from the store; `None` if this region was not active then.
    known_active: Arc<Mutex<Option<KnownActive>>>,
}

/// A result from the store: this region was active at the time of the read.
#[derive(Debug, Clone, Copy)]
struct KnownActive {
    read_at: Timestamp,
    /// [`ActiveRegion::takeovers`] at that time.
    takeovers: u64,
}

impl Region {
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), known_active: Arc::default() }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns [`ActiveRegion::takeovers`] if this region is active. The result that this region is
    /// active is reused for [`REGION_CACHE_TIME`]. The opposite result is never reused: otherwise,
    /// after this region takes over, some instances would ignore events that other instances
    /// publish.
    async fn takeovers_if_active(
        &self,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Option<u64>, Failure> {
        let known = *self.known_active.lock().unwrap_or_else(PoisonError::into_inner);
        // If the clock was set back since the last read, the store is read again: otherwise the
        // earlier result would be used for longer than `REGION_CACHE_TIME`.
        let recent = |known: &KnownActive| {
            known.read_at <= now && now.duration_since(known.read_at) < REGION_CACHE_TIME
        };
        if let Some(known) = known.filter(recent) {
            return Ok(Some(known.takeovers));
        }
        let active = ActiveRegion::read(store).await?.filter(|active| active.is(&self.name));
        let takeovers = active.map(|active| active.takeovers);
        *self.known_active.lock().unwrap_or_else(PoisonError::into_inner) =
            takeovers.map(|takeovers| KnownActive { read_at: now, takeovers });
        Ok(takeovers)
    }

    /// Whether an event belongs to the other region. Only an event's home region acts on the event.
    /// `json` is the event as the bus delivers it.
    #[must_use]
    pub fn is_foreign(&self, json: &str) -> bool {
        Message::from_event(json).is_ok_and(|message| self.is_anothers(&message))
    }

    fn on_standby(&self) -> Failure {
        let message = format!(
            "the region {} is not active: only the active region handles messages",
            self.name
        );
        Failure::later("NotActing", message)
    }

    fn is_anothers(&self, message: &Message) -> bool {
        let home = message.metadata.home_region.as_deref();
        home.is_some_and(|home| *home != *self.name)
    }
}

impl Kernel {
    /// Whether this region ignores the message because the other region handles it: the other
    /// region is the message's home region, or this region is on standby and the message is an
    /// event from the bus or a queue. A takeover publishes such events again, but not the commands
    /// of other AWS accounts, so a command fails here and is retried.
    ///
    /// # Errors
    /// If this region is on standby and the message is a command, or came from a state machine; or
    /// if the store fails.
    pub(crate) async fn leaves_to_other_region(&self, message: &Message) -> Result<bool, Failure> {
        let Some(region) = &self.region else { return Ok(false) };
        if region.is_anothers(message) {
            return Ok(true);
        }
        if self.is_active().await? {
            return Ok(false);
        }
        if message.redelivered && message.metadata.category != Category::Command {
            return Ok(true);
        }
        Err(region.on_standby())
    }

    /// Whether this kernel runs in the active region. If the deployment has one region, that region
    /// is always active.
    pub(crate) async fn is_active(&self) -> Result<bool, Failure> {
        match &self.region {
            Some(region) => {
                let takeovers = region.takeovers_if_active(&*self.store, self.clock.now()).await?;
                Ok(takeovers.is_some())
            }
            None => Ok(true),
        }
    }

    /// Returns the message. If the message has no home region, the kernel's region becomes the home
    /// region.
    pub(crate) fn received<'a>(&self, message: &'a Message) -> Cow<'a, Message> {
        match &self.region {
            Some(region) if message.metadata.home_region.is_none() => {
                let mut message = message.clone();
                message.metadata.home_region = Some(region.name().to_owned());
                Cow::Owned(message)
            }
            _ => Cow::Borrowed(message),
        }
    }

    /// Makes this kernel's region the home region of the entries' events. A stored entry may still
    /// name the region that was active before a takeover. A deployment in one region leaves the
    /// entries as they are.
    pub(crate) fn at_home<'a>(&self, entries: &'a [Entry]) -> Result<Cow<'a, [Entry]>, Failure> {
        let Some(region) = &self.region else { return Ok(Cow::Borrowed(entries)) };
        let moved: Result<Vec<_>, _> =
            entries.iter().map(|entry| at_home(entry, region.name())).collect();
        moved.map(Cow::Owned)
    }

    /// Sends a signal to a state machine. In a deployment in two regions, an execution is started
    /// with this region as the home region of its event, and with the name that [`execution_name`]
    /// returns.
    ///
    /// # Errors
    /// If the state machines or the store fail, or if an execution is to be started while this
    /// region is on standby.
    pub async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        let (Some(region), Signal::Start { .. }) = (&self.region, signal) else {
            return self.machines.signal(signal).await;
        };
        let takeovers = region.takeovers_if_active(&*self.store, self.clock.now()).await?;
        let takeovers = takeovers.ok_or_else(|| region.on_standby())?;
        let mut signal = signal_at_home(signal, region.name());
        if let Signal::Start { name, .. } = &mut signal {
            *name = execution_name(name, takeovers);
        }
        self.machines.signal(&signal).await
    }
}

/// Returns the name of an execution that is started after this many takeovers: `name`, followed by
/// the number of takeovers if there were any. After a failback to the first region, Step Functions
/// still refuses, for 90 days, the names of executions that ran there before the takeover.
#[must_use]
pub fn execution_name(name: &str, takeovers: u64) -> String {
    if takeovers == 0 { name.to_owned() } else { format!("{name}-{takeovers}") }
}

/// Copies the entry, and makes `region` the home region of the entry's event. The event's ids and
/// data stay the same.
///
/// # Errors
/// If the entry cannot be read as an event of the contract.
pub fn at_home(entry: &Entry, region: &str) -> Result<Entry, Failure> {
    let unreadable = |error| Failure::corrupt("event", &error);
    let mut detail: Detail<Box<RawValue>> =
        serde_json::from_str(&entry.detail).map_err(unreadable)?;
    if detail.metadata.home_region.as_deref() == Some(region) {
        return Ok(entry.clone());
    }
    detail.metadata.home_region = Some(region.to_owned());
    let detail = serde_json::to_string(&detail).map_err(unreadable)?;
    Ok(Entry { detail, ..entry.clone() })
}

/// Copies the signal. If the signal starts a state machine with an event, `region` becomes the home
/// region of that event.
#[must_use]
pub fn signal_at_home(signal: &Signal, region: &str) -> Signal {
    let mut signal = signal.clone();
    if let Signal::Start { input, .. } = &mut signal
        && let Some(metadata) = input.pointer_mut("/detail/metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("home-region".to_owned(), region.into());
    }
    signal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::testing::{expect_ready, message};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    async fn hand_over(store: &MemoryStore, region: &str) {
        let read = ActiveRegion::read(store).await.unwrap();
        store.write(&[ActiveRegion::taken_over(read.as_ref(), region, NOW)]).await.unwrap();
    }

    async fn is_active(region: &Region, store: &MemoryStore, now: Timestamp) -> bool {
        region.takeovers_if_active(store, now).await.unwrap().is_some()
    }

    #[test]
    fn no_region_acts_during_a_takeover() {
        expect_ready(async {
            let store = MemoryStore::new(&[REGIONS_TABLE]);
            let (east, west) = (Region::new("east"), Region::new("west"));
            hand_over(&store, "east").await;
            let read = ActiveRegion::read(&store).await.unwrap().unwrap();
            store.write(&[ActiveRegion::fenced(&read, "west", Vec::new(), NOW)]).await.unwrap();
            assert!(!is_active(&east, &store, NOW).await);
            assert!(!is_active(&west, &store, NOW).await);
            let fenced = ActiveRegion::read(&store).await.unwrap().unwrap();
            assert_eq!((&*fenced.region, fenced.next.as_deref()), ("east", Some("west")));
            hand_over(&store, "west").await;
            assert!(is_active(&west, &store, NOW).await, "west is active at once");
        });
    }

    #[test]
    fn a_region_acts_from_its_takeover_until_shortly_after_the_next_one() {
        expect_ready(async {
            let store = MemoryStore::new(&[REGIONS_TABLE]);
            let (east, west) = (Region::new("east"), Region::new("west"));
            assert!(!is_active(&east, &store, NOW).await, "no region was active before");
            hand_over(&store, "east").await;
            assert!(is_active(&east, &store, later(20)).await);
            hand_over(&store, "west").await;
            assert!(is_active(&west, &store, later(21)).await);
            assert!(is_active(&east, &store, later(29)).await, "the last read is 9 s old");
            assert!(!is_active(&east, &store, later(30)).await);
        });
    }

    #[test]
    fn a_clock_that_goes_back_makes_nobody_act_longer() {
        expect_ready(async {
            let store = MemoryStore::new(&[REGIONS_TABLE]);
            let east = Region::new("east");
            hand_over(&store, "east").await;
            assert!(is_active(&east, &store, later(300)).await);
            hand_over(&store, "west").await;
            assert!(!is_active(&east, &store, NOW).await);
        });
    }

    #[test]
    fn an_event_without_a_home_is_foreign_nowhere() {
        let (mut message, west) = (message(), Region::new("west"));
        assert!(!west.is_anothers(&message));
        message.metadata.home_region = Some("east".to_owned());
        assert!(west.is_anothers(&message) && !Region::new("east").is_anothers(&message));
    }

    #[test]
    fn a_new_home_changes_neither_ids_nor_data() {
        let metadata = serde_json::to_string(&message().metadata).unwrap();
        let detail = format!(r#"{{"metadata":{metadata},"data":{{"b":1,"a":2.50}}}}"#);
        let entry = Entry { source: String::new(), detail_type: String::new(), detail };
        let moved = at_home(&entry, "west").unwrap();
        let back = moved.detail.replace(r#","home-region":"west""#, "");
        assert_ne!(moved, entry);
        assert_eq!(back, entry.detail);
        assert_eq!(at_home(&moved, "west").unwrap(), moved);
    }
}

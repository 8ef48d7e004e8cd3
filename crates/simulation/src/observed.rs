//! The observable state of a run: its items, its clients, and the events on the bus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chorus_kernel::Item;
use chorus_local::{Accepted, Cause, DeadLetter, Local, Observation, Observer, Selection, Step};
use chorus_table::policy::OUTAGE;
use chorus_table::{Event, Table, Via};
use jiff::Timestamp;

use crate::client::Client;
use crate::draw::hash_name;
use crate::environment::Environment;
use crate::region::{Link, LostRegion};
use crate::store::BackingStore;

/// What can be seen of a run without looking inside a function.
pub struct Observed {
    pub clients: Vec<Client>,
    pub(crate) backing: Arc<BackingStore>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) local: Arc<Local>,
    pub(crate) lost: Option<LostRegion>,
}

impl Observed {
    /// Every item of a table, in the order of the keys.
    #[must_use]
    pub fn items(&self, table: &'static str) -> Vec<Item> {
        self.backing.all(table)
    }

    /// When and how the first of two regions went away; `None` if no region did.
    #[must_use]
    pub const fn lost_region(&self) -> Option<LostRegion> {
        self.lost
    }

    /// Deletes every item of a table.
    pub fn clear(&self, table: &'static str) {
        self.backing.clear(table);
    }

    /// The events that were observed on the bus. The bus waits until the returned lock is dropped.
    pub fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.seen.sightings()
    }

    /// Whether this event was published with this `correlation-id`.
    #[must_use]
    pub fn was_published<E: Event>(&self, correlation_id: &str) -> bool {
        self.times_published::<E>(correlation_id) > 0
    }

    /// How many events of this kind were published with this `correlation-id`. An event that was
    /// published several times counts once.
    #[must_use]
    pub fn times_published<E: Event>(&self, correlation_id: &str) -> usize {
        let kind = E::SPEC.detail_type;
        let sightings = self.sightings();
        let events = sightings.events.values();
        events.filter(|event| event.about == correlation_id && event.detail_type == kind).count()
    }

    /// The dead letters. The flag is true if the letter's message is readable.
    pub(crate) fn dead_letters(&self) -> impl Iterator<Item = (DeadLetter, bool)> {
        let letters = self.local.dead_letters(&Selection::default());
        letters.into_iter().map(|letter| {
            let readable = !is_poison(&letter.event);
            (letter, readable)
        })
    }
}

/// An event that the bus accepted, once or several times.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub detail_type: String,
    /// The event's `correlation-id`.
    pub about: String,
    /// When the bus first accepted the event.
    pub first: Timestamp,
    /// How many times the bus accepted the event.
    pub times: u32,
    content: u64,
}

/// The events that were observed on the bus.
#[derive(Debug, Default)]
pub struct Sightings {
    /// The events by `event-id`, without the unreadable messages.
    pub events: BTreeMap<String, Sighting>,
    /// The ids of the unreadable messages, once for each time that a message became a dead letter.
    pub poisoned: Vec<String>,
    pub(crate) deliveries: u64,
    pub(crate) dead: u64,
}

pub(crate) struct Seen {
    pub(crate) environment: Arc<Environment>,
    /// The rules whose retries must outlast every outage: the target of such a rule is a partner,
    /// or the queue of a function that calls a partner.
    patient: BTreeSet<String>,
    /// The region whose bus is observed; `None` if the run has one region.
    region: Option<&'static str>,
    link: Option<Arc<Link>>,
    sightings: Mutex<Sightings>,
}

impl Seen {
    /// Makes an observer that already knows `sightings`: the events that were replicated to this
    /// region before it took over.
    pub(crate) fn new(
        environment: Arc<Environment>,
        table: &Table,
        region: Option<&'static str>,
        link: Option<Arc<Link>>,
        sightings: Sightings,
    ) -> Arc<Self> {
        let mut rules = table.rules();
        rules.retain(|rule| rule.row.via != Via::Function);
        let patient = rules.into_iter().map(|rule| rule.name).collect();
        let sightings = Mutex::new(sightings);
        Arc::new(Self { environment, patient, region, link, sightings })
    }

    /// Reports a violation if the bus gave up a delivery to a target that calls partners, although
    /// the event was younger than the longest outage.
    fn gave_up(&self, step: &Step, cause: &Cause) {
        let age = cause.at.duration_since(step.event.at).unsigned_abs();
        if cause.exhausted.is_some() && age < OUTAGE && self.patient.contains(&*step.rule) {
            let (rule, kind) = (&step.rule, &step.event.detail_type);
            self.environment.violated(format!(
                "patience: {rule} gave up {kind} after {age:?}, before the longest outage ends"
            ));
        }
    }

    pub(crate) fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accepted(&self, event: &Accepted) {
        // Some events are published a second time, as a copy in an earlier version for consumers
        // that know only that version. Such a copy is not counted as an event.
        if is_poison(event) || event.json.contains(r#""copy-of":"#) {
            return;
        }
        if let Some(region) = self.region {
            if is_foreign(&event.json, region) {
                return;
            }
            if let Some(link) = &self.link {
                link.published(self.environment.now(), event);
            }
        }
        let detail = event.json.split_once(r#""detail":"#).map_or("", |(_, detail)| detail);
        let content = hash_name(detail);
        let mut sightings = self.sightings();
        let sighting = sightings.events.entry(event.event_id.clone()).or_insert_with(|| Sighting {
            detail_type: event.detail_type.clone(),
            about: event.correlation_id.clone(),
            first: event.at,
            times: 0,
            content,
        });
        sighting.times += 1;
        // A region that takes over may publish an event of the first region again, with different
        // content.
        if sighting.content != content && self.region.is_none() {
            let what = format!(
                "event: {} was published twice under one id, with different content",
                event.detail_type
            );
            self.environment.violated(what);
        }
    }
}

/// Whether an event's home is a region other than `region`.
fn is_foreign(json: &str, region: &str) -> bool {
    let home = json.split_once(r#""home-region":""#);
    home.and_then(|(_, rest)| rest.split('"').next()).is_some_and(|home| home != region)
}

/// The id of the event with this detail.
pub(crate) fn event_id(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once(r#""event-id":""#)?;
    rest.get(..36).map(str::to_owned)
}

/// Whether a message is one of the unreadable messages that the simulator sends.
fn is_poison(event: &Accepted) -> bool {
    event.json.contains("poison-")
}

impl Observer for Seen {
    fn observe(&self, observation: &Observation) {
        let now = self.environment.now();
        {
            let mut state = self.environment.state();
            state.trace.happened(now, &Line(observation));
            if let (Some(turns), Observation::Accepted(event)) = (&mut state.turns, observation) {
                turns.accepted(event);
            }
        }
        match observation {
            Observation::Accepted(event) => self.accepted(event),
            Observation::Started(_) => self.sightings().deliveries += 1,
            Observation::DeadLettered { step, cause, .. } => {
                self.gave_up(step, cause);
                let mut sightings = self.sightings();
                sightings.dead += 1;
                if is_poison(&step.event) {
                    sightings.poisoned.push(step.event.event_id.clone());
                }
            }
            _ => {}
        }
    }
}

/// Displays an observation as one line of the trace.
struct Line<'a>(&'a Observation);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |f: &mut fmt::Formatter<'_>, step: &chorus_local::Step, how: &str| {
            let (event, rule) = (&step.event, &step.rule);
            let (about, kind) = (&event.correlation_id, &event.detail_type);
            write!(f, "{rule} {how} {kind} of {about}, attempt {}", step.attempt)
        };
        match self.0 {
            Observation::Accepted(event) => {
                write!(f, "-> {} of {} ({})", event.detail_type, event.correlation_id, event.json)
            }
            Observation::Started(it) => step(f, it, "takes"),
            Observation::Succeeded { step: it, outcome, .. } => {
                step(f, it, "did")?;
                write!(f, ": {outcome:?}")
            }
            Observation::Failed { step: it, fault, .. } => {
                step(f, it, "failed")?;
                write!(f, ": {fault}")
            }
            Observation::DeadLettered { step: it, cause, .. } => {
                step(f, it, "gave up")?;
                write!(f, ": {}", cause.fault)
            }
            Observation::Redriven(it) => step(f, it, "gets again"),
            Observation::Fired(job) => write!(f, "{job} is due"),
        }
    }
}

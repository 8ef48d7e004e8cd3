//! What was seen on the bus: every event that was taken, and every dead letter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chorus_local::{Accepted, Observation, Observer};
use jiff::Timestamp;

use crate::draw::name;
use crate::world::World;

/// An event that the bus took, once or several times.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    pub(crate) detail_type: String,
    pub(crate) about: String,
    pub(crate) first: Timestamp,
    pub(crate) times: u32,
    content: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// By `event-id`, messages that nobody can read apart.
    pub(crate) events: BTreeMap<String, Sighting>,
    pub(crate) deliveries: u64,
    pub(crate) failures: u64,
    pub(crate) dead: u64,
    pub(crate) deduplicated: u64,
    /// Dead letters of messages that nobody can read: the rule, the error's code.
    pub(crate) poisoned: Vec<(String, String, String)>,
}

/// Watches the bus.
pub(crate) struct Seen {
    pub(crate) world: Arc<World>,
    sightings: Mutex<Sightings>,
}

impl Seen {
    pub(crate) fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, sightings: Mutex::default() })
    }

    pub(crate) fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event of this kind was said about `about`.
    pub(crate) fn said(&self, about: &str, kind: &str) -> bool {
        let sightings = self.sightings();
        sightings.events.values().any(|event| event.about == about && event.detail_type == kind)
    }

    fn accepted(&self, event: &Accepted) {
        if is_poison(event) {
            return;
        }
        let detail = event.json.split_once(r#""detail":"#).map_or("", |(_, detail)| detail);
        let content = name(detail);
        let mut sightings = self.sightings();
        let sighting = sightings.events.entry(event.event_id.clone()).or_insert_with(|| Sighting {
            detail_type: event.detail_type.clone(),
            about: event.correlation_id.clone(),
            first: event.at,
            times: 0,
            content,
        });
        sighting.times += 1;
        if sighting.content != content {
            let what = format!("event: {} was said in two ways", event.detail_type);
            self.world.violated(what);
        }
    }
}

/// Whether a message is one of those that nobody can read.
pub(crate) fn is_poison(event: &Accepted) -> bool {
    event.json.contains("poison-")
}

impl Observer for Seen {
    fn observe(&self, observation: &Observation) {
        let now = self.world.now();
        self.world.state().trace.happened(now, &Line(observation));
        match observation {
            Observation::Accepted(event) => self.accepted(event),
            Observation::Started(_) => self.sightings().deliveries += 1,
            Observation::Failed { .. } => self.sightings().failures += 1,
            Observation::Deduplicated(_) => self.sightings().deduplicated += 1,
            Observation::DeadLettered { step, cause, .. } => {
                let mut sightings = self.sightings();
                sightings.dead += 1;
                if is_poison(&step.event) {
                    let (rule, code) = (step.rule.to_string(), cause.fault.code.clone());
                    sightings.poisoned.push((step.event.event_id.clone(), rule, code));
                }
            }
            _ => {}
        }
    }
}

/// An observation as one line.
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
                step(f, it, "buried")?;
                write!(f, ": {}", cause.fault)
            }
            Observation::Deduplicated(it) => step(f, it, "had"),
            Observation::Redriven(it) => step(f, it, "gets again"),
            Observation::Fired(job) => write!(f, "{job} is due"),
        }
    }
}

//! Two releases of an application side by side. The earlier release knows each event only in the
//! version before the current one. Each service is rolled out, rolled back and rolled out again at
//! random instants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{ActionError, Failure, Handled, Handler, Kernel, Message};
use chorus_table::{Detail, Entry, EventSpec, ReadError, RowSpec, Table};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::draw::Draw;
use crate::environment::Environment;

/// The upper limit of each instant in a [`Rollout`], counted from the start of the run.
const LONGEST: Duration = Duration::from_secs(1_800);

/// When a service is rolled out, rolled back, and rolled out again, counted from the start of the
/// run.
type Rollout = [Duration; 3];

/// Which release each service runs at which time, and which versions the earlier release knows.
#[derive(Debug)]
pub(crate) struct Releases {
    started: Timestamp,
    /// Each service's rollout, by the source of the service's events.
    rollouts: BTreeMap<&'static str, Rollout>,
    /// The events whose version differs between the two releases, by detail type.
    changed: BTreeMap<&'static str, Changed>,
}

/// An event whose version in the earlier release is not its current version.
#[derive(Debug)]
struct Changed {
    spec: EventSpec,
    /// The event's version in the earlier release.
    before: u32,
}

impl Releases {
    pub(crate) fn drawn(seed: u64, table: &Table, started: Timestamp) -> Self {
        let rollout = |source: &str| {
            let mut draw = Draw::of(seed, &format!("rollout of {source}"));
            let mut instants = [(); 3].map(|()| draw.moment().min(LONGEST));
            instants.sort_unstable();
            instants
        };
        let rollouts = table.services.iter().map(|it| (it.source, rollout(it.source))).collect();
        let changed = table.messages().into_iter().filter_map(|message| {
            let before = (message.earlier)().iter().map(|it| it.version).max()?;
            Some((message.spec.detail_type, Changed { spec: message.spec, before }))
        });
        Self { started, rollouts, changed: changed.collect() }
    }

    fn is_earlier(&self, source: &str, at: Timestamp) -> bool {
        let Some(rollout) = self.rollouts.get(source) else { return false };
        let age = Duration::try_from(at.duration_since(self.started)).unwrap_or_default();
        rollout.iter().filter(|instant| **instant <= age).count() % 2 == 0
    }

    /// The entry in the form in which its sender publishes it. The newer release publishes an event
    /// in the current version, and copies of the event in earlier versions. The earlier release
    /// publishes the event only in the version that the earlier release knows, and not marked as a
    /// copy. So if the sender runs the earlier release and the entry has a different version,
    /// returns `None`.
    ///
    /// The event's time determines which release the sender ran, so an entry that is published
    /// again stays the same.
    pub(crate) fn published(&self, entry: &Entry) -> Option<Entry> {
        let Some(changed) = self.changed.get(&*entry.detail_type) else {
            return Some(entry.clone());
        };
        let detail = serde_json::from_str::<Detail<Box<RawValue>>>(&entry.detail);
        let Ok(mut detail) = detail else { return Some(entry.clone()) };
        if !self.is_earlier(&entry.source, detail.metadata.occurred_at) {
            return Some(entry.clone());
        }
        if detail.metadata.version != changed.before {
            return None;
        }
        detail.metadata.copy_of = None;
        let detail = serde_json::to_string(&detail).ok()?;
        Some(Entry { detail, ..entry.clone() })
    }

    /// Why a consumer that runs the earlier release cannot read a message. `None` if it can, or if
    /// the consumer runs the newer release.
    fn refusal(&self, source: &str, message: &Message, now: Timestamp) -> Option<ReadError> {
        let changed = self.changed.get(&*message.detail_type)?;
        let version = message.metadata.version;
        (version > changed.before && self.is_earlier(source, now)).then_some(ReadError::Version {
            detail_type: changed.spec.detail_type,
            version,
            known: changed.before,
        })
    }
}

/// A row's handler, which behaves as in the release that the row's service runs at the moment.
pub(crate) struct Released {
    pub(crate) environment: Arc<Environment>,
    pub(crate) handler: Arc<dyn Handler>,
}

#[async_trait]
impl Handler for Released {
    fn row(&self) -> RowSpec {
        self.handler.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.handler.reads(detail_type)
    }

    fn calls(&self) -> bool {
        self.handler.calls()
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let source = self.row().service.source;
        if let Some(error) = self.refusal(source, message) {
            return Err(Failure::unreadable(&error).into());
        }
        self.handler.handle(kernel, message).await
    }
}

impl Released {
    /// Why the release that the service runs cannot read the message; `None` if it can. A row that
    /// keeps every event can read every message, because it does not parse messages by their type.
    /// Once faults have stopped, every service runs the newer release, which can read all messages.
    fn refusal(&self, source: &str, message: &Message) -> Option<ReadError> {
        if self.row().is_catch_all() || !self.environment.injects_faults() {
            return None;
        }
        let now = self.environment.now();
        self.environment.state().releases.as_ref()?.refusal(source, message, now)
    }
}

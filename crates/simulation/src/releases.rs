//! Two releases of an application side by side: the earlier one knows each event only in the version
//! before its current one. Each service is rolled out, back and out again at instants of its own.

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

/// No rollout takes longer.
const LONGEST: Duration = Duration::from_secs(1_800);

/// When a service is rolled out, back, and out again, counted from the start of the run.
type Rollout = [Duration; 3];

/// Which release each service runs at which time, and what the earlier release knows.
#[derive(Debug)]
pub(crate) struct Releases {
    started: Timestamp,
    /// By the source of the service's events.
    rollouts: BTreeMap<&'static str, Rollout>,
    /// The events that have several versions, by detail type.
    changed: BTreeMap<&'static str, Changed>,
}

/// An event whose version is another one in the earlier release.
#[derive(Debug)]
struct Changed {
    spec: EventSpec,
    /// Its version in the earlier release.
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

    /// The event of an entry as it is published: the earlier release of a sender publishes an event
    /// that has several versions in its own version alone, and knows of no copies. Nothing where
    /// the entry is of a version that this sender does not have.
    ///
    /// The time of the event selects which release decided: whoever publishes a record's entry
    /// again publishes the same.
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

    /// Why the earlier release of a consumer cannot read a message, where it cannot.
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

/// A row's handler in whichever release its service runs.
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
    /// A row that keeps every event reads none of them by its type. Once faults have stopped, every
    /// service runs the newer release.
    fn refusal(&self, source: &str, message: &Message) -> Option<ReadError> {
        if self.row().is_catch_all() || !self.environment.strikes() {
            return None;
        }
        let now = self.environment.now();
        self.environment.state().releases.as_ref()?.refusal(source, message, now)
    }
}

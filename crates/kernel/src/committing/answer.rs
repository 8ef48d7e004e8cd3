//! The outcome of handling a message.

use chorus_table::{Detail, Entry, Event};
use serde_json::value::RawValue;

use crate::Failure;

/// How a message was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The action decided now, and its decision was committed.
    Decided,
    /// The action decided earlier. It was unknown whether the recorded events were published, so
    /// the kernel published them again, byte for byte.
    Repeated,
    /// Nothing was published. The message is a duplicate of a message whose events were published
    /// earlier, or a replay of a message that was decided earlier. Or an action that consumes every
    /// event got an event's copy in an earlier schema version: the action handles only the event in
    /// the current version.
    Absorbed,
    /// A replayed command that had expired before any action handled it. Nothing is recorded. An
    /// expired command that is not a replay is a failure, so that its sender can send the command
    /// again.
    Expired,
    /// A replayed event that was ignored. Either the action has effects outside of the application,
    /// or the event is older than the lifetime of an idempotency record. Nothing was recorded,
    /// because the original event may still arrive.
    Suppressed,
    /// A message that this region leaves to the other region of the deployment. Nothing is
    /// recorded.
    Elsewhere,
}

/// The outcome of a message, and the events that the decision emits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    pub outcome: Outcome,
    /// The events of the decision, whether the decision was made now or earlier.
    pub entries: Vec<Entry>,
    pub note: Option<String>,
}

impl Handled {
    /// The outcome of a message that is left to the other region.
    pub(crate) fn left_to_other_region() -> Self {
        let note = Some("left to the other region".to_owned());
        Self { outcome: Outcome::Elsewhere, entries: Vec::new(), note }
    }

    /// The event `E` among the decision's events; none if there is no such event.
    ///
    /// # Errors
    /// If the event cannot be read.
    pub fn event<E: Event>(&self) -> Result<Option<E>, Failure> {
        let mut entries = self.entries.iter();
        let Some(entry) = entries.find(|entry| entry.detail_type == E::SPEC.detail_type) else {
            return Ok(None);
        };
        let corrupt = |error: serde_json::Error| Failure::corrupt("event", &error);
        let detail: Detail<Box<RawValue>> = serde_json::from_str(&entry.detail).map_err(corrupt)?;
        let read = E::read(detail.metadata.version, &detail.data);
        read.map(Some).map_err(|error| Failure::unreadable(&error))
    }
}

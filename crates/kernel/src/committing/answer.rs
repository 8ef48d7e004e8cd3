//! How a message was answered.

use chorus_table::{Detail, Entry, Event};
use serde_json::value::RawValue;

use crate::Failure;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Decided now, and committed.
    Decided,
    /// Decided earlier; what had not been published was published again, the very same.
    Repeated,
    /// Decided and published earlier: absorbed here.
    Absorbed,
    /// A command that came too late: recorded, not acted on.
    Expired,
    /// A replayed event that would reach outside of the shop, or that is older than the records which
    /// would know it: not acted on, and not recorded, for its original may still come.
    Suppressed,
}

/// The outcome of a message, and the events that were published for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    pub outcome: Outcome,
    /// The events of the decision, now or earlier.
    pub entries: Vec<Entry>,
    pub note: Option<String>,
}

impl Handled {
    /// The event `E` of the decision, where it made one.
    ///
    /// # Errors
    /// Where it cannot be read.
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

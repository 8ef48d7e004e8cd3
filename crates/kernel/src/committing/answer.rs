//! How a message was answered.

use chorus_table::Entry;

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

/// A message's answer: what became of it, and the events that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    pub outcome: Outcome,
    /// The events of the decision, now or earlier.
    pub entries: Vec<Entry>,
    pub note: Option<String>,
}

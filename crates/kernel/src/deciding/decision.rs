//! What an action decides: the events to publish, and the changes to store with them.

use crate::{Signal, Write};

/// A decision. The kernel commits the decision's changes and its events in one transaction, with
/// the events in the message's idempotency record.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<O> {
    pub(crate) emits: Vec<O>,
    pub(crate) writes: Vec<Write>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) note: Option<String>,
    pub(crate) self_guarded: bool,
}

impl<O> Decision<O> {
    #[must_use]
    pub fn emit(event: impl Into<O>) -> Self {
        Self { emits: vec![event.into()], ..Self::empty() }
    }

    /// Emits nothing and changes nothing. `note` is the reason: for example, the work is already
    /// done, or must no longer be done.
    #[must_use]
    pub fn nothing(note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::empty() }
    }

    /// Emits nothing, and makes one change. The change needs no idempotency record, because the
    /// condition of the write lets the change happen only once. If the condition does not hold, the
    /// change counts as already made.
    #[must_use]
    pub fn once(change: Write) -> Self {
        Self { writes: vec![change], self_guarded: true, ..Self::empty() }
    }

    const fn empty() -> Self {
        Self {
            emits: Vec::new(),
            writes: Vec::new(),
            signals: Vec::new(),
            note: None,
            self_guarded: false,
        }
    }

    /// Adds a change.
    #[must_use]
    pub fn with(mut self, change: Write) -> Self {
        self.writes.push(change);
        self
    }

    /// Adds several changes.
    #[must_use]
    pub fn with_all(mut self, changes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(changes);
        self
    }

    /// Adds a signal: a call to a state machine.
    #[must_use]
    pub fn signal(mut self, signal: Signal) -> Self {
        self.signals.push(signal);
        self
    }

    /// The signals to state machines: for tests of decisions.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The events to publish: for tests of decisions.
    #[must_use]
    pub fn events(&self) -> &[O] {
        &self.emits
    }

    /// The decision's writes to the store: for tests of decisions.
    #[must_use]
    pub fn changes(&self) -> &[Write] {
        &self.writes
    }

    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

//! What an action decides: the events to publish, and the changes that go with them.

use crate::{Signal, Write};

/// A decision. Its changes commit together with the record of its events, or not at all.
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

    /// Says nothing, and why: it has been done, or must not be done any more.
    #[must_use]
    pub fn nothing(note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::empty() }
    }

    /// Says nothing, and makes one change whose own condition makes it happen once: it needs no
    /// idempotency record. Where the condition does not hold, it has happened.
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

    /// Makes this change, too.
    #[must_use]
    pub fn with(mut self, change: Write) -> Self {
        self.writes.push(change);
        self
    }

    /// Makes these changes, too.
    #[must_use]
    pub fn with_all(mut self, changes: impl IntoIterator<Item = Write>) -> Self {
        self.writes.extend(changes);
        self
    }

    /// Tells a state machine this, too.
    #[must_use]
    pub fn signal(mut self, signal: Signal) -> Self {
        self.signals.push(signal);
        self
    }

    /// The calls to state machines: for tests of decisions.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The events to publish: for tests of decisions.
    #[must_use]
    pub fn events(&self) -> &[O] {
        &self.emits
    }

    /// What it changes: for tests of decisions.
    #[must_use]
    pub fn changes(&self) -> &[Write] {
        &self.writes
    }

    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

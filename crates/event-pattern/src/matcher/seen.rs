//! Which combinations one event has brought up, and which rules have been found to match.

use std::cell::Cell;

use super::postings::Slot;

thread_local! {
    /// Buffers of the last event on this thread, to be used again.
    static SPARE: Cell<Option<Box<Seen>>> = const { Cell::new(None) };
}

/// Marks and lists for one event. A mark equals `epoch` if it was made for this event.
#[derive(Debug, Default)]
pub(super) struct Seen {
    epoch: u32,
    branches: Vec<u32>,
    rules: Vec<u32>,
    candidates: Vec<Slot>,
    found: Vec<u32>,
}

impl Seen {
    /// Lends this thread's buffers.
    pub(super) fn borrow<T>(run: impl FnOnce(&mut Self) -> T) -> T {
        let mut seen = SPARE.take().unwrap_or_default();
        let result = run(&mut seen);
        SPARE.set(Some(seen));
        result
    }

    /// Forgets everything and makes room for so many combinations and rules.
    pub(super) fn clear(&mut self, branches: usize, rules: usize) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.branches.clear();
            self.rules.clear();
            self.epoch = 1;
        }
        if self.branches.len() < branches {
            self.branches.resize(branches, 0);
        }
        if self.rules.len() < rules {
            self.rules.resize(rules, 0);
        }
        self.candidates.clear();
        self.found.clear();
    }

    /// Notes a candidate, once.
    #[inline]
    pub(super) fn propose(&mut self, slot: Slot) {
        let mark = &mut self.branches[slot.branch() as usize];
        if *mark != self.epoch {
            *mark = self.epoch;
            self.candidates.push(slot);
        }
    }

    /// A candidate that has not been checked.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Slot> {
        self.candidates.pop()
    }

    #[inline]
    pub(super) fn is_found(&self, rule: u32) -> bool {
        self.rules[rule as usize] == self.epoch
    }

    #[inline]
    pub(super) fn find(&mut self, rule: u32) {
        self.rules[rule as usize] = self.epoch;
        self.found.push(rule);
    }

    pub(super) fn found(&self) -> &[u32] {
        &self.found
    }
}

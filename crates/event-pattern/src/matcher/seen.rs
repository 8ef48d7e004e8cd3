//! For one event: the candidates, which are combinations of conditions that the event may meet; and
//! the rules that have been found to match.

use std::cell::Cell;

use super::postings::Slot;

thread_local! {
    /// The buffers of the last event on this thread, kept for reuse.
    static SPARE: Cell<Option<Box<Seen>>> = const { Cell::new(None) };
}

/// The candidates and the matching rules of one event. A mark is the `epoch` in which it was set,
/// and each event has its own epoch, so old marks need not be cleared.
#[derive(Debug, Default)]
pub(super) struct Seen {
    epoch: u32,
    /// For each combination, a mark: whether it has become a candidate.
    branches: Vec<u32>,
    /// For each rule, a mark: whether it matches.
    rules: Vec<u32>,
    /// The candidates that have not been checked.
    candidates: Vec<Slot>,
    /// The rules that match.
    found: Vec<u32>,
}

impl Seen {
    /// Calls `run` with this thread's buffers.
    pub(super) fn borrow<T>(run: impl FnOnce(&mut Self) -> T) -> T {
        let mut seen = SPARE.take().unwrap_or_default();
        let result = run(&mut seen);
        SPARE.set(Some(seen));
        result
    }

    /// Clears everything and makes space for the given numbers of combinations and rules.
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

    /// Adds a candidate if it has not been added before.
    #[inline]
    pub(super) fn propose(&mut self, slot: Slot) {
        let mark = &mut self.branches[slot.branch() as usize];
        if *mark != self.epoch {
            *mark = self.epoch;
            self.candidates.push(slot);
        }
    }

    /// Takes a candidate that has not been checked; `None` if no candidate is left.
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

//! The index of all rules. A rule matches an event that meets all conditions of one of the rule's
//! combinations. Each combination is filed under the keys of one of its conditions; a key stands
//! for values that may meet the condition. The index finds the combinations that an event may meet.

use std::collections::BTreeMap;

use super::field::Field;
use super::key::{self, Key};
use super::postings::{self, Postings, Slot};
use super::seen::Seen;
use crate::condition::Combination;
use crate::error::EventError;
use crate::event::{PathId, PathTrie, Term, View};

/// Each rule's combinations of conditions, and the keys under which they are filed.
#[derive(Debug, Default)]
pub(super) struct Index {
    trie: PathTrie,
    /// For each path, the combinations that are filed under keys of this path, if there are any.
    fields: Vec<Option<Box<Field>>>,
    /// For each path, the combinations that an event may meet because it lacks the field at this
    /// path.
    absent: BTreeMap<PathId, Postings>,
    branches: Vec<Branch>,
    free_branches: Vec<u32>,
}

/// One combination of a rule's conditions.
#[derive(Debug, Default)]
struct Branch {
    rule: u32,
    terms: Box<[Term]>,
    /// The index in `terms` of the condition under whose keys the combination is filed.
    anchor: usize,
    /// The keys under which the combination is filed.
    keys: Box<[Key]>,
}

impl Index {
    /// The paths on which combinations have conditions.
    pub(super) fn trie(&self) -> &PathTrie {
        &self.trie
    }

    /// One more than the highest number that [`Self::file`] has returned.
    pub(super) fn len(&self) -> usize {
        self.branches.len()
    }

    /// Whether the index has exactly one combination, with one path, and no entry of a removed
    /// combination.
    #[cfg(test)]
    pub(super) fn holds_only_one(&self) -> bool {
        let left = self.branches.iter().filter(|branch| !branch.terms.is_empty()).count();
        let fields = self.fields.iter().flatten().count();
        left == 1
            && fields == 1
            && self.absent.is_empty()
            && self.trie.asked() == 1
            && self.free_branches.len() + 1 == self.branches.len()
    }

    /// Files one combination of a rule; returns the combination's number.
    pub(super) fn file(&mut self, rule: u32, combination: &Combination) -> u32 {
        let terms: Box<[Term]> =
            combination.iter().map(|condition| Term::enter(&mut self.trie, condition)).collect();
        if self.fields.len() < self.trie.len() {
            self.fields.resize_with(self.trie.len(), || None);
        }
        let number = self.free_branches.pop().unwrap_or(self.branches.len() as u32);
        let filings = terms.iter().enumerate().map(|(index, term)| (index, self.filing(term)));
        let best = filings.min_by_key(|(_, (weight, _))| *weight);
        let (anchor, (_, keys)) = best.expect("a checked pattern constrains a field");
        for key in &keys {
            self.insert(terms[anchor].path, key, number);
        }
        let branch = Branch { rule, terms, anchor, keys };
        match self.branches.get_mut(number as usize) {
            Some(vacant) => *vacant = branch,
            None => self.branches.push(branch),
        }
        number
    }

    /// Returns the keys under which a combination is filed if `term` is the condition chosen for
    /// this, and a weight: an estimate of how often events lead to the combination by these keys.
    fn filing(&self, term: &Term) -> (usize, Box<[Key]>) {
        let field = self.fields[term.path as usize].as_deref();
        let mut weight = 0;
        let mut keys = Vec::new();
        for comparison in &term.condition.comparisons {
            let options = Key::options(comparison);
            let weighed = options.into_iter().map(|key| (key.weight(field), key));
            let best = weighed.min_by_key(|(weight, _)| *weight);
            let (cost, key) = best.expect("every comparison has a key");
            weight += cost;
            keys.push(key);
        }
        if term.condition.absent {
            weight += key::ABSENT_WEIGHT + self.absent.get(&term.path).map_or(0, Postings::len);
            keys.push(Key::Absent);
        }
        (weight, keys.into())
    }

    fn insert(&mut self, path: PathId, key: &Key, branch: u32) {
        let slot = Slot::new(branch, key.is_sure());
        if matches!(key, Key::Absent) {
            self.absent.entry(path).or_default().insert(slot);
        } else {
            self.fields[path as usize].get_or_insert_default().insert(key, slot);
        }
    }

    /// Removes a pattern's combination of conditions, which [`Index::file`] has added.
    pub(super) fn withdraw(&mut self, number: u32) {
        let branch = std::mem::take(&mut self.branches[number as usize]);
        let path = branch.terms[branch.anchor].path;
        for key in &branch.keys {
            let slot = Slot::new(number, key.is_sure());
            if matches!(key, Key::Absent) {
                postings::remove(&mut self.absent, &path, slot);
            } else if let Some(field) = &mut self.fields[path as usize] {
                field.remove(key, slot);
                if field.is_empty() {
                    self.fields[path as usize] = None;
                }
            }
        }
        for term in &branch.terms {
            self.trie.leave(term.path);
        }
        self.free_branches.push(number);
    }

    /// Collects the candidates: the combinations that are filed under keys of the event's values,
    /// and the combinations that the event may meet because it lacks a field.
    pub(super) fn candidates(&self, view: &View<'_>, seen: &mut Seen) {
        for &path in view.record.touched() {
            let Some(field) = &self.fields[path as usize] else { continue };
            for (value, _) in view.values(path) {
                field.candidates(value, &mut |slot| seen.propose(slot));
            }
        }
        for (&path, postings) in &self.absent {
            if !view.record.holds(path) || view.record.is_nested(path) {
                postings.each(&mut |slot| seen.propose(slot));
            }
        }
    }

    /// Checks the candidates' conditions, except conditions that a key already proves, and records
    /// the rules that match.
    pub(super) fn check(&self, view: &View<'_>, seen: &mut Seen) -> Result<(), EventError> {
        while let Some(slot) = seen.next() {
            let branch = &self.branches[slot.branch() as usize];
            if seen.is_found(branch.rule) {
                continue;
            }
            let known = if slot.is_sure() { branch.anchor } else { usize::MAX };
            if view.satisfies_all_but(&branch.terms, known)? {
                seen.find(branch.rule);
            }
        }
        Ok(())
    }
}

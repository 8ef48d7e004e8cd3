//! Finds the keys that are prefixes of a value, without trying all keys.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::postings::{self, Postings, Slot};

/// Combinations of conditions, each filed under the bytes with which a matching value starts.
#[derive(Debug, Default)]
pub(super) struct Affixes {
    map: BTreeMap<Box<[u8]>, Postings>,
    /// An upper bound of the keys' lengths, in bytes.
    longest: usize,
}

impl Affixes {
    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(super) fn filed_under(&self, key: &[u8]) -> usize {
        self.map.get(key).map_or(0, Postings::len)
    }

    pub(super) fn insert(&mut self, key: &[u8], slot: Slot) {
        self.longest = self.longest.max(key.len());
        self.map.entry(key.into()).or_default().insert(slot);
    }

    pub(super) fn remove(&mut self, key: &[u8], slot: Slot) {
        postings::remove(&mut self.map, key, slot);
        if self.map.is_empty() {
            self.longest = 0;
        }
    }

    /// Calls `sink` for every combination whose key is a prefix of `value`.
    ///
    /// Each step takes the greatest key that sorts no later than the value. Every key that is a
    /// prefix of the value is a prefix of this key, too. So each step either finds a prefix of the
    /// value, or shortens the text to search for.
    pub(super) fn find(&self, value: &[u8], sink: &mut impl FnMut(Slot)) {
        let mut rest = &value[..value.len().min(self.longest)];
        loop {
            let below = (Bound::Unbounded, Bound::Included(rest));
            let Some((key, postings)) = self.map.range::<[u8], _>(below).next_back() else {
                return;
            };
            let shared = key.iter().zip(rest).take_while(|(own, other)| own == other).count();
            if shared < key.len() {
                rest = &rest[..shared];
                continue;
            }
            postings.each(sink);
            match shared.checked_sub(1) {
                Some(shorter) => rest = &rest[..shorter],
                None => return,
            }
        }
    }

    /// Calls `sink` for every combination whose key is a prefix of the reversed `value`.
    pub(super) fn find_reversed(&self, value: &[u8], sink: &mut impl FnMut(Slot)) {
        let tail = value.iter().rev().take(self.longest);
        let mut short = [0; 64];
        if self.longest > short.len() {
            let tail: Vec<u8> = tail.copied().collect();
            return self.find(&tail, sink);
        }
        let mut length = 0;
        for (into, byte) in short.iter_mut().zip(tail) {
            *into = *byte;
            length += 1;
        }
        self.find(&short[..length], sink);
    }
}

//! Lists of the combinations that are filed under one key of an index. A combination is a set of
//! conditions that must all hold. The module `key` explains what a key is.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::Hash;

use foldhash::HashMap;

/// An entry under a key: the number of a combination, and whether the key is sure. Every value with
/// a sure key meets the condition from which the key derives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) fn new(branch: u32, sure: bool) -> Self {
        Self(branch << 1 | u32::from(sure))
    }

    pub(super) fn branch(self) -> u32 {
        self.0 >> 1
    }

    pub(super) fn is_sure(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The combinations that are filed under one key.
#[derive(Debug, Default)]
pub(super) struct Postings(Vec<Slot>);

impl Postings {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, slot: Slot) {
        self.0.push(slot);
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(at) = self.0.iter().position(|own| *own == slot) {
            self.0.swap_remove(at);
        }
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to_fit();
        }
    }

    #[inline]
    pub(super) fn each(&self, sink: &mut impl FnMut(Slot)) {
        for slot in &self.0 {
            sink(*slot);
        }
    }
}

/// Removes `slot` from the combinations under `key`. If none is left, removes the key, too.
pub(super) fn remove<K, Q>(map: &mut BTreeMap<K, Postings>, key: &Q, slot: Slot)
where
    K: Borrow<Q> + Ord,
    Q: Ord + ?Sized,
{
    if let Some(postings) = map.get_mut(key) {
        postings.remove(slot);
        if postings.is_empty() {
            map.remove(key);
        }
    }
}

/// Like [`remove`], for a hash table.
pub(super) fn remove_hashed<K, Q>(table: &mut HashMap<K, Postings>, key: &Q, slot: Slot)
where
    K: Borrow<Q> + Eq + Hash,
    Q: Eq + Hash + ?Sized,
{
    if let Some(postings) = table.get_mut(key) {
        postings.remove(slot);
        if postings.is_empty() {
            table.remove(key);
        }
    }
    if table.len() * 4 < table.capacity() {
        table.shrink_to_fit();
    }
}

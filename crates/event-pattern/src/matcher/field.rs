//! Finds the combinations of conditions that an event may meet, by the value of one of its fields.

use super::affixes::Affixes;
use super::grams::Grams;
use super::key::Key;
use super::postings::{Postings, Slot, remove_hashed};
use super::ranges::Ranges;
use crate::address::Address;
use crate::comparison::Value;
use crate::fold;
use foldhash::HashMap;

/// Combinations of conditions, filed by what each requires of one field. Each [`Key`] is such a
/// requirement.
#[derive(Debug, Default)]
pub(super) struct Field {
    filed: usize,
    nulls: Postings,
    trues: Postings,
    falses: Postings,
    any: Postings,
    any_text: Postings,
    texts: HashMap<Box<str>, Postings>,
    prefixes: Affixes,
    suffixes: Affixes,
    grams: Grams,
    any_case: Option<Box<AnyCases>>,
    numbers: HashMap<u64, Postings>,
    number_ranges: Ranges<u64>,
    raw: HashMap<Box<str>, Postings>,
    addresses: Option<Box<Addresses>>,
}

/// Combinations of conditions that compare this field's text without regard to case, filed under
/// the case-folded text.
#[derive(Debug, Default)]
struct AnyCases {
    texts: HashMap<Box<str>, Postings>,
    prefixes: Affixes,
    suffixes: Affixes,
}

/// Combinations of conditions that require of this field an IP address in a certain range, filed
/// under that range.
#[derive(Debug, Default)]
struct Addresses {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

fn under<K: std::borrow::Borrow<Q> + Eq + std::hash::Hash, Q: Eq + std::hash::Hash + ?Sized>(
    table: &HashMap<K, Postings>,
    key: &Q,
) -> usize {
    table.get(key).map_or(0, Postings::len)
}

impl Field {
    pub(super) fn is_empty(&self) -> bool {
        self.filed == 0
    }

    /// Returns how many combinations are already filed under `key`.
    pub(super) fn filed_under(&self, key: &Key) -> usize {
        let folded = self.any_case.as_deref();
        match key {
            Key::Null => self.nulls.len(),
            Key::Bool(true) => self.trues.len(),
            Key::Bool(false) => self.falses.len(),
            Key::Any { .. } => self.any.len(),
            Key::AnyText => self.any_text.len(),
            Key::Text(text) => under(&self.texts, &**text),
            Key::Number(number) => under(&self.numbers, number),
            Key::Raw(text) => under(&self.raw, &**text),
            Key::Numbers(low, high) => self.number_ranges.filed_under(*low, *high),
            Key::Prefix { bytes, .. } => self.prefixes.filed_under(bytes),
            Key::Suffix { bytes, .. } => self.suffixes.filed_under(bytes),
            Key::Gram(gram) => self.grams.filed_under(*gram),
            Key::Folded(text) => folded.map_or(0, |one| under(&one.texts, &**text)),
            Key::FoldedPrefix(bytes) => folded.map_or(0, |one| one.prefixes.filed_under(bytes)),
            Key::FoldedSuffix(bytes) => folded.map_or(0, |one| one.suffixes.filed_under(bytes)),
            Key::Addresses(range) => self
                .addresses
                .as_deref()
                .map_or(0, |one| one.v6.filed_under(range.v6.0, range.v6.1)),
            Key::Absent => 0,
        }
    }

    pub(super) fn insert(&mut self, key: &Key, slot: Slot) {
        self.filed += 1;
        match key {
            Key::Null => self.nulls.insert(slot),
            Key::Bool(true) => self.trues.insert(slot),
            Key::Bool(false) => self.falses.insert(slot),
            Key::Any { .. } => self.any.insert(slot),
            Key::AnyText => self.any_text.insert(slot),
            Key::Text(text) => self.texts.entry(text.clone()).or_default().insert(slot),
            Key::Number(number) => self.numbers.entry(*number).or_default().insert(slot),
            Key::Raw(text) => self.raw.entry(text.clone()).or_default().insert(slot),
            Key::Numbers(low, high) => self.number_ranges.insert(*low, *high, slot),
            Key::Prefix { bytes, .. } => self.prefixes.insert(bytes, slot),
            Key::Suffix { bytes, .. } => self.suffixes.insert(bytes, slot),
            Key::Gram(gram) => self.grams.insert(*gram, slot),
            Key::Folded(text) => {
                let texts = &mut self.any_case.get_or_insert_default().texts;
                texts.entry(text.clone()).or_default().insert(slot);
            }
            Key::FoldedPrefix(bytes) => {
                self.any_case.get_or_insert_default().prefixes.insert(bytes, slot);
            }
            Key::FoldedSuffix(bytes) => {
                self.any_case.get_or_insert_default().suffixes.insert(bytes, slot);
            }
            Key::Addresses(range) => {
                let addresses = self.addresses.get_or_insert_default();
                addresses.v6.insert(range.v6.0, range.v6.1, slot);
                if let Some((low, high)) = range.v4 {
                    addresses.v4.insert(low, high, slot);
                }
            }
            Key::Absent => self.filed -= 1,
        }
    }

    pub(super) fn remove(&mut self, key: &Key, slot: Slot) {
        self.filed -= 1;
        match key {
            Key::Null => self.nulls.remove(slot),
            Key::Bool(true) => self.trues.remove(slot),
            Key::Bool(false) => self.falses.remove(slot),
            Key::Any { .. } => self.any.remove(slot),
            Key::AnyText => self.any_text.remove(slot),
            Key::Text(text) => remove_hashed(&mut self.texts, &**text, slot),
            Key::Number(number) => remove_hashed(&mut self.numbers, number, slot),
            Key::Raw(text) => remove_hashed(&mut self.raw, &**text, slot),
            Key::Numbers(low, high) => self.number_ranges.remove(*low, *high, slot),
            Key::Prefix { bytes, .. } => self.prefixes.remove(bytes, slot),
            Key::Suffix { bytes, .. } => self.suffixes.remove(bytes, slot),
            Key::Gram(gram) => self.grams.remove(*gram, slot),
            Key::Folded(_) | Key::FoldedPrefix(_) | Key::FoldedSuffix(_) => {
                self.remove_folded(key, slot);
            }
            Key::Addresses(range) => {
                if let Some(addresses) = &mut self.addresses {
                    addresses.v6.remove(range.v6.0, range.v6.1, slot);
                    if let Some((low, high)) = range.v4 {
                        addresses.v4.remove(low, high, slot);
                    }
                }
                // Every range is in `v6`, even a range of IPv4 addresses: if `v6` is empty, so is
                // `v4`.
                self.addresses.take_if(|addresses| addresses.v6.is_empty());
            }
            Key::Absent => self.filed += 1,
        }
    }

    fn remove_folded(&mut self, key: &Key, slot: Slot) {
        let Some(folded) = &mut self.any_case else { return };
        match key {
            Key::Folded(text) => remove_hashed(&mut folded.texts, &**text, slot),
            Key::FoldedPrefix(bytes) => folded.prefixes.remove(bytes, slot),
            Key::FoldedSuffix(bytes) => folded.suffixes.remove(bytes, slot),
            _ => {}
        }
        self.any_case.take_if(|folded| {
            folded.texts.is_empty() && folded.prefixes.is_empty() && folded.suffixes.is_empty()
        });
    }

    /// Calls `sink` for every combination that is filed under a property of `value`.
    #[inline]
    pub(super) fn candidates(&self, value: Value<'_>, sink: &mut impl FnMut(Slot)) {
        self.any.each(sink);
        match value {
            Value::Null => self.nulls.each(sink),
            Value::Bool(true) => self.trues.each(sink),
            Value::Bool(false) => self.falses.each(sink),
            Value::Number { key: Some(key), .. } => {
                if let Some(postings) = self.numbers.get(&key) {
                    postings.each(sink);
                }
                self.number_ranges.find(key, sink);
            }
            Value::Number { text, key: None } => {
                if let Some(postings) = self.raw.get(text) {
                    postings.each(sink);
                }
            }
            Value::Text(text) => self.text(text, sink),
        }
    }

    #[inline]
    fn text(&self, text: &str, sink: &mut impl FnMut(Slot)) {
        if let Some(postings) = self.texts.get(text) {
            postings.each(sink);
        }
        self.any_text.each(sink);
        if !self.prefixes.is_empty() {
            self.prefixes.find(text.as_bytes(), sink);
        }
        if !self.suffixes.is_empty() {
            self.suffixes.find_reversed(text.as_bytes(), sink);
        }
        if !self.grams.is_empty() {
            self.grams.find(text.as_bytes(), sink);
        }
        if let Some(any_case) = &self.any_case {
            any_case.find(&fold::fold(text), sink);
        }
        if let Some(addresses) = &self.addresses {
            match Address::parse(text) {
                Some(Address::V4(address)) => addresses.v4.find(address, sink),
                Some(Address::V6(address)) => addresses.v6.find(address, sink),
                None => {}
            }
        }
    }
}

impl AnyCases {
    fn find(&self, folded: &str, sink: &mut impl FnMut(Slot)) {
        if let Some(postings) = self.texts.get(folded) {
            postings.each(sink);
        }
        if !self.prefixes.is_empty() {
            self.prefixes.find(folded.as_bytes(), sink);
        }
        if !self.suffixes.is_empty() {
            self.suffixes.find_reversed(folded.as_bytes(), sink);
        }
    }
}

//! Matches events against many rules at once.
//!
//! Each `$or` of a rule unfolds into combinations of conditions. A combination is filed under one
//! of its conditions: the one that is probably met least often. If the values of an event meet this
//! condition, the combination is selected, and the matcher checks its other conditions. A
//! combination that is not selected costs nothing.

mod affixes;
mod field;
mod grams;
mod index;
mod key;
mod postings;
mod ranges;
mod seen;

use std::collections::BTreeMap;

use crate::error::EventError;
use crate::event::{self, Reading};
use crate::pattern::Pattern;
use index::Index;
use seen::Seen;

/// A set of rules, each with an id and a pattern. An event is matched against all of them at once.
///
/// Matching takes `&self`, so that any number of threads can match events at the same time.
#[derive(Debug)]
pub struct Matcher<Id> {
    slots: BTreeMap<Id, u32>,
    rules: Vec<Rule<Id>>,
    free_rules: Vec<u32>,
    index: Index,
    reading: Reading,
}

#[derive(Debug)]
struct Rule<Id> {
    /// `None` in a slot that is free for the next rule.
    id: Option<Id>,
    branches: Box<[u32]>,
}

impl<Id> Default for Matcher<Id> {
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            rules: Vec::new(),
            free_rules: Vec::new(),
            index: Index::default(),
            reading: Reading::Whole,
        }
    }
}

impl<Id: Ord + Clone> Matcher<Id> {
    /// Makes a matcher without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the matcher trust its events: each must be valid JSON in which no object repeats a
    /// name. JSON libraries write such events.
    ///
    /// The matcher then stops reading an event as soon as it has found every field that some rule
    /// looks at. Errors in the rest of the event are not noticed.
    #[must_use]
    pub fn trusting_events(mut self) -> Self {
        self.reading = Reading::UntilFound;
        self
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether there is a rule with this id.
    #[must_use]
    pub fn contains(&self, id: &Id) -> bool {
        self.slots.contains_key(id)
    }

    /// Adds a rule. If there is a rule with this id, the new rule replaces it, and the result is
    /// true.
    pub fn add(&mut self, id: Id, pattern: &Pattern) -> bool {
        let replaced = self.remove(&id);
        let slot = self.free_rules.pop().unwrap_or(self.rules.len() as u32);
        let file = |combination| self.index.file(slot, combination);
        let branches = pattern.combinations.iter().map(file).collect();
        let rule = Rule { id: Some(id.clone()), branches };
        match self.rules.get_mut(slot as usize) {
            Some(vacant) => *vacant = rule,
            None => self.rules.push(rule),
        }
        self.slots.insert(id, slot);
        replaced
    }

    /// Removes the rule with this id and frees its memory. Returns false if there is no such rule.
    pub fn remove(&mut self, id: &Id) -> bool {
        let Some(slot) = self.slots.remove(id) else { return false };
        if self.slots.is_empty() {
            *self = Self { reading: self.reading, ..Self::default() };
            return true;
        }
        let vacant = Rule { id: None, branches: Box::default() };
        let rule = std::mem::replace(&mut self.rules[slot as usize], vacant);
        for branch in rule.branches {
            self.index.withdraw(branch);
        }
        self.free_rules.push(slot);
        true
    }

    /// Returns the ids of the rules that match `event`, in ascending order.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches(&self, event: impl AsRef<[u8]>) -> Result<Vec<Id>, EventError> {
        event::observe(event.as_ref(), self.index.trie(), self.reading, |view| {
            Seen::borrow(|seen| {
                seen.clear(self.index.len(), self.rules.len());
                self.index.candidates(&view, seen);
                self.index.check(&view, seen)?;
                let rules = seen.found().iter();
                let mut ids: Vec<Id> =
                    rules.filter_map(|rule| self.rules[*rule as usize].id.clone()).collect();
                ids.sort_unstable();
                Ok(ids)
            })
        })
    }

    /// Returns the ids of the rules that match a parsed event, in ascending order.
    ///
    /// Prefer [`Matcher::matches`]: parsing rounds numbers that a double cannot hold. Such a number
    /// must be compared as it is spelled in the event's text.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches_value(&self, event: &serde_json::Value) -> Result<Vec<Id>, EventError> {
        self.matches(event.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Matcher;
    use crate::pattern::Pattern;

    /// Rules with every kind of comparison, alone and together with others.
    fn rules() -> impl Iterator<Item = Pattern> {
        let fields = [
            r#""x""#,
            "null",
            "true",
            "false",
            "1.5",
            "12345678901234567890",
            r#"{"prefix":"ab"}"#,
            r#"{"suffix":"ab"}"#,
            r#"{"prefix":{"equals-ignore-case":"ab"}}"#,
            r#"{"suffix":{"equals-ignore-case":"ab"}}"#,
            r#"{"equals-ignore-case":"ab"}"#,
            r#"{"wildcard":"*"}"#,
            r#"{"wildcard":"*abc*"}"#,
            r#"{"wildcard":"a*c"}"#,
            r#"{"numeric":[">",5]}"#,
            r#"{"cidr":"10.0.0.0/8"}"#,
            r#"{"cidr":"2001:db8::/32"}"#,
            r#"{"exists":true}"#,
            r#"{"exists":false}"#,
            r#"{"anything-but":"x"}"#,
        ];
        (0..200).map(move |number| {
            let (one, other) = (fields[number % 20], fields[number / 10]);
            let text = format!(
                r#"{{"f{number}":{{"g":[{one}]}},"$or":[{{"h":[{other}]}},{{"i":[{one},{other}]}}]}}"#
            );
            Pattern::parse(text).expect("a valid pattern")
        })
    }

    #[test]
    fn removed_rules_leave_nothing_behind() {
        let mut matcher = Matcher::new();
        matcher.add(usize::MAX, &Pattern::parse(r#"{"kept":["x"]}"#).expect("a valid pattern"));
        for (id, rule) in rules().enumerate() {
            matcher.add(id, &rule);
        }
        for id in (0..200).rev() {
            assert!(matcher.remove(&id));
        }
        assert!(matcher.index.holds_only_one());
        assert_eq!(matcher.matches(r#"{"kept":"x"}"#).expect("an event"), [usize::MAX]);
    }
}

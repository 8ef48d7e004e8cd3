//! Many rules at once.
//!
//! Each combination of each rule is filed under one of its conditions, the one that promises to be
//! met least often. An event's values bring up only what is filed under them; the other conditions
//! are then checked on the spot. What is not brought up costs nothing.

mod affixes;
mod field;
mod grams;
mod key;
mod postings;
mod ranges;
mod seen;

use std::collections::BTreeMap;

use crate::error::EventError;
use crate::event::{self, PathId, PathTrie, Reading, Term, View};
use crate::pattern::{Combination, Pattern};
use field::Field;
use key::Key;
use postings::{Postings, Slot};
use seen::Seen;

/// Rules, each with an id and a pattern, to be held against events together.
///
/// Matching takes `&self` and any number of threads may do it at once.
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
    /// `None` in a slot that waits for the next rule.
    id: Option<Id>,
    branches: Box<[u32]>,
}

/// The combinations of all rules, and where they are filed.
#[derive(Debug, Default)]
struct Index {
    trie: PathTrie,
    /// By path; only where something is filed.
    fields: Vec<Option<Box<Field>>>,
    /// Combinations that may hold because a field is absent, by that field's path.
    absent: BTreeMap<PathId, Postings>,
    branches: Vec<Branch>,
    free_branches: Vec<u32>,
}

/// One combination of a rule.
#[derive(Debug, Default)]
struct Branch {
    rule: u32,
    terms: Box<[Term]>,
    /// The term under which it is filed, and where.
    anchor: usize,
    keys: Box<[Key]>,
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
    /// A matcher without rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Relies on every event being JSON in which no object repeats a name, as it is after any
    /// parser has written it.
    ///
    /// An event is then read only up to the point at which every field that some rule looks at
    /// has been found. Whatever is wrong behind that point goes unnoticed.
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

    /// Adds a rule. A rule that already had this id is replaced; tells whether there was one.
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

    /// Removes a rule and frees all that it held; tells whether there was one.
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

    /// The ids of the rules that match `event`, in ascending order.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches(&self, event: impl AsRef<[u8]>) -> Result<Vec<Id>, EventError> {
        event::observe(event.as_ref(), &self.index.trie, self.reading, |view| {
            Seen::borrow(|seen| {
                seen.clear(self.index.branches.len(), self.rules.len());
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

    /// The ids of the rules that match a parsed event, in ascending order.
    ///
    /// Prefer [`Matcher::matches`]: a parsed number has forgotten how it was written.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches_value(&self, event: &serde_json::Value) -> Result<Vec<Id>, EventError> {
        self.matches(event.to_string())
    }
}

impl Index {
    /// Files one combination of the rule in `rule`; returns its number.
    fn file(&mut self, rule: u32, combination: &Combination) -> u32 {
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

    /// Where a combination would be filed under `term`, and how often that would bring it up.
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

    /// Undoes [`Index::file`].
    fn withdraw(&mut self, number: u32) {
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

    /// Collects the combinations that the event's values bring up.
    fn candidates(&self, view: &View<'_>, seen: &mut Seen) {
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

    /// Checks the other conditions of the candidates.
    fn check(&self, view: &View<'_>, seen: &mut Seen) -> Result<(), EventError> {
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

#[cfg(test)]
mod tests {
    use super::Matcher;
    use crate::pattern::Pattern;

    /// One rule for every kind of key, and combinations of them.
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
        let index = &matcher.index;
        assert_eq!(index.fields.iter().flatten().count(), 1);
        assert!(index.absent.is_empty());
        assert_eq!(index.trie.asked(), 1);
        assert_eq!(index.free_branches.len() + 1, index.branches.len());
        assert!(index.branches.iter().filter(|branch| !branch.terms.is_empty()).count() == 1);
        assert_eq!(matcher.matches(r#"{"kept":"x"}"#).expect("an event"), [usize::MAX]);
    }
}

//! Finds a string in each class of strings that the comparisons treat alike. All comparisons form
//! one automaton, which is walked character by character.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::address::{self, AddressRange};
use crate::comparison::{Affix, Comparison, Exclusion};
use crate::fold::AnyCase;
use crate::wildcard::Wildcard;

/// The search visits at most this many states of the automaton. If there are more, classes of
/// strings may be missing.
const MOST_STATES: usize = 4000;

/// A position in the text of a comparison.
#[derive(Default)]
struct Node {
    /// Whether any number of arbitrary characters may follow at this position, as at a `*`.
    repeats: bool,
    next: Vec<(char, usize)>,
}

#[derive(Default)]
struct Automaton {
    nodes: Vec<Node>,
    starts: BTreeSet<usize>,
    addresses: Vec<AddressRange>,
    /// Whether some comparison accepts strings of any length.
    endless: bool,
}

/// Examples of the classes of strings that the comparisons treat alike.
pub(super) struct Strings {
    /// One string from each class, except from the classes in `possibly_empty`.
    pub(super) texts: Vec<String>,
    /// Classes that may be empty: no string of such a class is known. Such classes exist only if a
    /// field is compared both with IP addresses and with parts of strings. A string and an address
    /// describe a class: comparisons with addresses treat the members of the class like the
    /// address, and all other comparisons treat them like the string.
    pub(super) possibly_empty: Vec<(String, String)>,
    /// Whether all states were visited, so that no class is missing.
    pub(super) complete: bool,
}

pub(super) fn representatives(asked: &[&Comparison]) -> Strings {
    let mut automaton = Automaton::default();
    for comparison in asked {
        automaton.enter(comparison);
    }
    let spelled = address::spellings(&automaton.addresses);
    let (mut texts, mut complete) = automaton.walk(&automaton.alphabet());
    let mut possibly_empty = Vec::new();
    if automaton.endless && !spelled.is_empty() {
        let (shapes, walked) = automaton.walk(&automaton.address_alphabet());
        complete &= walked && shapes.len() * spelled.len() <= MOST_STATES * 20;
        if complete {
            let pairs = shapes.iter().flat_map(|shape| {
                spelled.iter().map(move |address| (shape.clone(), address.clone()))
            });
            possibly_empty.extend(pairs);
        }
    }
    texts.extend(spelled);
    Strings { texts, possibly_empty, complete }
}

impl Automaton {
    fn enter(&mut self, comparison: &Comparison) {
        match comparison {
            Comparison::Text(text) => self.exact(text),
            Comparison::Address(text, range) => {
                self.exact(text);
                self.addresses.push(range.clone());
            }
            Comparison::Cidr(_, range) => self.addresses.push(range.clone()),
            Comparison::Prefix(affix) => self.prefix(affix),
            Comparison::Suffix(affix) => self.suffix(affix),
            Comparison::PrefixAnyCase(affix) => {
                let start = self.start();
                let end = self.any_case(start, &affix.text);
                self.repeat(end);
                affix.whole.iter().for_each(|whole| self.exact_any_case(whole));
            }
            Comparison::SuffixAnyCase(affix) => {
                let start = self.start();
                self.repeat(start);
                self.any_case(start, &affix.text);
                affix.whole.iter().for_each(|whole| self.exact_any_case(whole));
            }
            Comparison::AnyCase(text) => self.exact_any_case(text),
            Comparison::Wildcard(wildcard) => self.wildcard(wildcard),
            Comparison::AnythingBut(exclusion) => self.exclusion(exclusion),
            Comparison::Null
            | Comparison::Bool(_)
            | Comparison::Number(..)
            | Comparison::Range(_)
            | Comparison::Exists => {}
        }
    }

    fn exclusion(&mut self, exclusion: &Exclusion) {
        match exclusion {
            Exclusion::Texts(list) => list.iter().for_each(|text| self.exact(text)),
            Exclusion::Numbers(_) => {}
            Exclusion::Prefixes(list) => list.iter().for_each(|one| self.prefix(one)),
            Exclusion::Suffixes(list) => list.iter().for_each(|one| self.suffix(one)),
            Exclusion::AnyCases(list) => list.iter().for_each(|one| self.exact_any_case(one)),
            Exclusion::Wildcards(list) => list.iter().for_each(|one| self.wildcard(one)),
        }
    }

    fn add(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn start(&mut self) -> usize {
        let start = self.add();
        self.starts.insert(start);
        start
    }

    fn repeat(&mut self, node: usize) {
        self.nodes[node].repeats = true;
        self.endless = true;
    }

    fn text(&mut self, from: usize, text: &str) -> usize {
        text.chars().fold(from, |node, next| {
            let end = self.add();
            self.nodes[node].next.push((next, end));
            end
        })
    }

    fn exact(&mut self, text: &str) {
        let start = self.start();
        self.text(start, text);
    }

    fn prefix(&mut self, affix: &Affix<Box<str>>) {
        let start = self.start();
        let end = self.text(start, &affix.text);
        self.repeat(end);
        affix.whole.iter().for_each(|whole| self.exact(whole));
    }

    fn suffix(&mut self, affix: &Affix<Box<str>>) {
        let start = self.start();
        self.repeat(start);
        self.text(start, &affix.text);
        affix.whole.iter().for_each(|whole| self.exact(whole));
    }

    fn wildcard(&mut self, wildcard: &Wildcard) {
        let mut at = self.start();
        for (index, part) in wildcard.parts().iter().enumerate() {
            if index > 0 {
                self.repeat(at);
            }
            at = self.text(at, part);
        }
    }

    fn exact_any_case(&mut self, text: &AnyCase) {
        let start = self.start();
        self.any_case(start, text);
    }

    /// Adds each character of the text in lower case and in upper case, and returns the last node.
    /// One character may become several: the upper case of `ß` is `SS`.
    fn any_case(&mut self, from: usize, text: &AnyCase) -> usize {
        text.cases().into_iter().fold(from, |node, cases| {
            let end = self.add();
            for case in cases {
                let mut characters: Vec<char> = case.chars().collect();
                let last = characters.pop();
                let before: String = characters.into_iter().collect();
                let before = self.text(node, &before);
                self.nodes[before].next.extend(last.map(|last| (last, end)));
            }
            end
        })
    }

    /// Returns every character of the comparisons, and one character that occurs in no comparison
    /// and in no address.
    fn alphabet(&self) -> BTreeSet<char> {
        let mut alphabet = self.characters();
        let others = "xyzwvutsrqponmlkjihgXYZWVUTSRQPONMLKJIHG_".chars();
        let other = others.chain('\u{4e00}'..).find(|other| !alphabet.contains(other));
        alphabet.extend(other);
        alphabet
    }

    /// Returns the characters that can occur in an address. Of the characters that occur in no
    /// comparison, only one is returned, because all of them behave alike.
    fn address_alphabet(&self) -> BTreeSet<char> {
        let known = self.characters();
        let (mut alphabet, others): (BTreeSet<char>, BTreeSet<char>) =
            "0123456789abcdefABCDEF:.".chars().partition(|one| known.contains(one));
        alphabet.extend(others.first());
        alphabet
    }

    fn characters(&self) -> BTreeSet<char> {
        self.nodes.iter().flat_map(|node| node.next.iter().map(|(next, _)| *next)).collect()
    }

    /// Returns a string for each state that can be reached, and whether all states were visited.
    fn walk(&self, alphabet: &BTreeSet<char>) -> (Vec<String>, bool) {
        let is_strange = |next: char| !next.is_ascii_hexdigit() && !matches!(next, ':' | '.');
        let mut seen = HashSet::from([(self.starts.clone(), false)]);
        let mut waiting = VecDeque::from([(self.starts.clone(), String::new(), false)]);
        let mut texts = Vec::new();
        while let Some((state, text, strange)) = waiting.pop_front() {
            for next in alphabet {
                // A string with a character that no address contains is not an address. This
                // matters only if there are comparisons with addresses.
                let strange = !self.addresses.is_empty() && (strange || is_strange(*next));
                let reached = self.step(&state, *next);
                if seen.len() < MOST_STATES && seen.insert((reached.clone(), strange)) {
                    let mut longer = text.clone();
                    longer.push(*next);
                    waiting.push_back((reached, longer, strange));
                }
            }
            texts.push(text);
        }
        // The empty string comes last, because it reads badly as an example.
        if texts.len() > 1 {
            texts.rotate_left(1);
        }
        (texts, seen.len() < MOST_STATES)
    }

    fn step(&self, state: &BTreeSet<usize>, next: char) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        for at in state {
            let node = &self.nodes[*at];
            if node.repeats {
                reached.insert(*at);
            }
            reached.extend(node.next.iter().filter(|(own, _)| *own == next).map(|(_, to)| *to));
        }
        reached
    }
}

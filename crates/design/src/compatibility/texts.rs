//! Compares texts: lengths, formats and patterns. Patterns are compared as regular languages.

use std::collections::BTreeSet;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use serde_json::Value;

use super::schema::Alternative;

/// The maximum number of combinations of automaton states that a comparison of patterns visits. If
/// there are more, [`contained`] returns `None`.
const MAX_STATES: usize = 50_000;
/// The maximum size of an automaton, in bytes.
const MAX_AUTOMATON: usize = 8 << 20;
/// The greatest `minLength` or `maxLength` for which [`length_pattern`] makes a pattern.
const MAX_LENGTH: u64 = 256;
/// Matches every valid UTF-8 text.
const ANY_TEXT: &str = "^(?s:.)*$";

/// Describes the texts that `writer` allows and `reader` does not accept. Each description is the
/// end of a sentence that begins with the field's path.
pub(super) fn refused(writer: &Alternative<'_>, reader: &Alternative<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    let (shortest, longest) = lengths(writer);
    let mut written: Vec<String> = patterns(writer);
    written.extend(length_pattern(shortest, longest));
    let (least, most) = lengths(reader);
    let within = |min, max| {
        length_pattern(min, max).is_some_and(|length| contained(&written, &length) == Some(true))
    };
    if least > shortest && !within(least, None) {
        problems.push(format!("may be shorter than {least} characters, which consumers reject"));
    }
    if let Some(most) = most
        && longest.is_none_or(|own| own > most)
        && !within(0, Some(most))
    {
        problems.push(format!("may be longer than {most} characters, which consumers reject"));
    }
    for pattern in patterns(reader) {
        let same = written.contains(&pattern);
        if !same && contained(&written, &pattern) != Some(true) {
            problems.push(format!(
                "may be a text that does not match `{pattern}`, which consumers reject"
            ));
        }
    }
    let own: Vec<&Value> = writer.each("format").collect();
    for format in reader.each("format").filter(|format| !own.contains(format)) {
        let format = format.as_str().unwrap_or_default();
        problems.push(format!(
            "may be a text that is not of the format {format}, which consumers reject"
        ));
    }
    problems
}

fn patterns(alternative: &Alternative<'_>) -> Vec<String> {
    alternative.each("pattern").filter_map(Value::as_str).map(str::to_owned).collect()
}

fn lengths(alternative: &Alternative<'_>) -> (u64, Option<u64>) {
    let shortest = alternative.each("minLength").filter_map(Value::as_u64).max();
    let longest = alternative.each("maxLength").filter_map(Value::as_u64).min();
    (shortest.unwrap_or_default(), longest)
}

/// A pattern that matches the texts with these lengths; `None` if the length is not restricted, or
/// the pattern would be too long.
fn length_pattern(shortest: u64, longest: Option<u64>) -> Option<String> {
    match (shortest, longest) {
        (0, None) => None,
        (least, None) if least <= MAX_LENGTH => Some(format!("^(?s:.){{{least},}}$")),
        (least, Some(most)) if least <= most && most <= MAX_LENGTH => {
            Some(format!("^(?s:.){{{least},{most}}}$"))
        }
        _ => None,
    }
}

/// Whether every text that matches all of `writers` also matches `reader`; `None` if a pattern
/// cannot be compiled to an automaton, or the automata are too large to compare.
pub(super) fn contained(writers: &[String], reader: &str) -> Option<bool> {
    let patterns = writers.iter().map(String::as_str).chain([ANY_TEXT, reader]);
    let automata: Vec<_> = patterns.map(automaton).collect::<Option<_>>()?;
    let start: Vec<TextState> = automata.iter().map(TextState::start).collect::<Option<_>>()?;
    let mut seen = BTreeSet::from([start.clone()]);
    let mut waiting = vec![start];
    while let Some(places) = waiting.pop() {
        let ends = |at: usize| places[at].matches_at_end(&automata[at]);
        let (own, read) = (0..automata.len() - 1, automata.len() - 1);
        if own.clone().all(ends) && !ends(read) {
            return Some(false);
        }
        for byte in 0..=u8::MAX {
            let next: Vec<TextState> = places
                .iter()
                .zip(&automata)
                .map(|(place, automaton)| place.after(automaton, byte))
                .collect();
            let lost = own.clone().any(|at| next[at].lost(&automata[at]));
            if lost || next[read].matched || !seen.insert(next.clone()) {
                continue;
            }
            if seen.len() > MAX_STATES {
                return None;
            }
            waiting.push(next);
        }
    }
    Some(true)
}

/// Whether `pattern` matches `text`; `None` if the pattern cannot be compiled to an automaton.
pub(crate) fn matches_text(pattern: &str, text: &str) -> Option<bool> {
    let literal: String = text.chars().map(|c| format!("\\x{{{:x}}}", u32::from(c))).collect();
    contained(&[format!("^{literal}$")], pattern)
}

type Dfa = dense::DFA<Vec<u32>>;

fn automaton(pattern: &str) -> Option<Dfa> {
    let config = dense::Config::new()
        .dfa_size_limit(Some(MAX_AUTOMATON))
        .determinize_size_limit(Some(MAX_AUTOMATON));
    dense::Builder::new().configure(config).build(pattern).ok()
}

/// The state of an automaton within a text, and whether the automaton has matched already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct TextState {
    state: StateID,
    matched: bool,
}

impl TextState {
    fn start(automaton: &Dfa) -> Option<Self> {
        let config = start::Config::new().anchored(Anchored::No);
        automaton.start_state(&config).ok().map(|state| Self { state, matched: false })
    }

    fn after(&self, automaton: &Dfa, byte: u8) -> Self {
        if self.matched {
            return self.clone();
        }
        let state = automaton.next_state(self.state, byte);
        Self { state, matched: automaton.is_match_state(state) }
    }

    fn matches_at_end(&self, automaton: &Dfa) -> bool {
        self.matched || automaton.is_match_state(automaton.next_eoi_state(self.state))
    }

    fn lost(&self, automaton: &Dfa) -> bool {
        !self.matched && automaton.is_dead_state(self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::{contained, matches_text};

    fn holds(writer: &str, reader: &str) -> Option<bool> {
        contained(&[writer.to_owned()], reader)
    }

    #[test]
    fn patterns_are_compared_by_what_they_match() {
        assert_eq!(holds("^[a-z]{1,64}$", "^[a-z]{1,128}$"), Some(true));
        assert_eq!(holds("^[a-z]{1,128}$", "^[a-z]{1,64}$"), Some(false));
        assert_eq!(holds("^[A-Za-z]+$", "^[a-zA-Z]{1,}$"), Some(true));
        assert_eq!(holds("^a", "a"), Some(true));
        assert_eq!(holds("a", "^a"), Some(false));
        assert_eq!(holds("^a", "^(?s:a.*)$"), Some(true));
        assert_eq!(holds("a", "a|b"), Some(true));
        assert_eq!(holds("a|b", "b"), Some(false));
    }

    #[test]
    fn a_text_matches_a_pattern_or_does_not() {
        assert_eq!(matches_text("^[a-z]{2}$", "ab"), Some(true));
        assert_eq!(matches_text("^[a-z]{2}$", "a.b"), Some(false));
        assert_eq!(matches_text("b", "a.b (é)"), Some(true));
        assert_eq!(matches_text("^(?=a)a$", "a"), None);
    }

    #[test]
    fn a_pattern_that_looks_ahead_is_not_comparable() {
        assert_eq!(holds("^a$", "^(?=a)a$"), None);
    }
}

//! Measures how complex the wildcards of one field are: how many of their places can be active at
//! once while a value is read.
//!
//! EventBridge's engine follows all wildcards of a field in one automaton, byte by byte. A place is
//! a state of this automaton: a character or a star of a wildcard. These places are active: the
//! characters that were just matched, the stars that match now, and the stars that may begin with
//! the next byte. EventBridge refuses a pattern if some value could make too many places active.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::comparison::{Comparison, Exclusion};
use crate::condition::{Combination, Condition};
use crate::wildcard::Wildcard;

/// The maximum number of steps of [`Places::walk`], which tries every byte of the wildcards on each
/// set of places that it visits. If a walk needs more, [`upper_bound`] is used as the complexity.
const PATIENCE: usize = 100_000;

/// The byte at the start and the end of a string.
const QUOTE: u8 = b'"';

/// A field whose wildcards are together more complex than allowed.
pub(super) struct TooComplex {
    /// Where the field is, as a path into the pattern.
    pub(super) place: String,
    pub(super) found: usize,
}

/// Returns the first field that exceeds `limit`.
///
/// Each `$or` of a pattern unfolds into combinations of conditions. EventBridge's engine has an
/// automaton for each field of a combination. Combinations share a field's automaton if they have
/// the same conditions on all earlier fields. The engine evaluates an automaton only if a value of
/// the preceding field leads to it. A field that must be absent has no value, so no limit applies
/// to later fields.
pub(super) fn exceeding(combinations: &[Combination], limit: usize) -> Option<TooComplex> {
    if !combinations.iter().flatten().any(|condition| asks_wildcards(condition)) {
        return None;
    }
    let mut automata = HashMap::new();
    let mut fields: HashMap<(usize, &str), Field<'_>> = HashMap::new();
    for combination in combinations {
        let mut automaton = 0;
        for condition in combination {
            if asks_wildcards(condition) {
                let field = fields.entry((automaton, &*condition.path)).or_default();
                field.place.get_or_insert(&condition.place);
                for pattern in condition.comparisons.iter().filter_map(wildcards) {
                    if !field.wildcards.contains(&pattern) {
                        field.wildcards.push(pattern);
                    }
                }
            }
            if condition.comparisons.is_empty() {
                break;
            }
            let next = automata.len() + 1;
            automaton = *automata.entry((automaton, text(condition))).or_insert(next);
        }
    }
    let mut fields: Vec<_> = fields.into_iter().collect();
    fields.sort_unstable_by_key(|(field, _)| *field);
    fields.into_iter().find_map(|(_, Field { place, wildcards })| {
        let found = exceeding_together(&wildcards, limit)?;
        Some(TooComplex { place: place.unwrap_or("$").to_owned(), found })
    })
}

/// The wildcards that share an automaton, and where the first of them is in the pattern.
#[derive(Default)]
struct Field<'c> {
    place: Option<&'c str>,
    wildcards: Vec<&'c [Wildcard]>,
}

fn asks_wildcards(condition: &Condition) -> bool {
    condition.comparisons.iter().any(|comparison| wildcards(comparison).is_some())
}

fn wildcards(comparison: &Comparison) -> Option<&[Wildcard]> {
    match comparison {
        Comparison::Wildcard(wildcard) => Some(std::slice::from_ref(wildcard)),
        Comparison::AnythingBut(Exclusion::Wildcards(list)) => Some(list),
        _ => None,
    }
}

/// Returns a text that identifies the condition: different conditions have different texts.
fn text(condition: &Condition) -> String {
    let asked: Vec<String> = condition.comparisons.iter().map(ToString::to_string).collect();
    format!("{}\n{}\n{}", condition.path, condition.absent, asked.join("\n"))
}

fn exceeding_together(patterns: &[&[Wildcard]], limit: usize) -> Option<usize> {
    let bound: usize = patterns.iter().copied().flatten().map(upper_bound).sum();
    if bound <= limit {
        return None;
    }
    let mut places = Places::default();
    let start = patterns.iter().map(|pattern| places.enter(pattern)).collect();
    match places.walk(start, limit) {
        Walk::Within => None,
        Walk::Beyond(found) => Some(found),
        Walk::GivenUp => Some(bound),
    }
}

/// Returns an upper bound for how many places of a wildcard can be active at once. The text before
/// the first star counts as one place. Each star counts as one place, plus the [`overlaps`] of the
/// text after the star.
fn upper_bound(wildcard: &Wildcard) -> usize {
    let behind_star = |part: &str| 1 + overlaps(&[part.as_bytes(), &[QUOTE]].concat());
    1 + wildcard.parts()[1..].iter().map(|part| behind_star(part)).sum::<usize>()
}

/// Several prefixes of `text` can end at the same position of `text`: in `aba`, both `aba` and the
/// second `a` end at the third position. Returns the largest number of prefixes that do so.
fn overlaps(text: &[u8]) -> usize {
    let mut border = vec![0usize; text.len()];
    let mut depth = vec![1usize; text.len()];
    let mut length = 0;
    for at in 1..text.len() {
        while length > 0 && text[at] != text[length] {
            length = border[length - 1];
        }
        if text[at] == text[length] {
            length += 1;
        }
        border[at] = length;
        depth[at] = if length > 0 { 1 + depth[length - 1] } else { 1 };
    }
    depth.into_iter().max().unwrap_or(0)
}

/// A character of a wildcard or, if `byte` is `None`, a star.
struct Place {
    byte: Option<u8>,
    next: Vec<usize>,
}

/// The places of all wildcards of a field.
#[derive(Default)]
struct Places(Vec<Place>);

enum Walk {
    Within,
    Beyond(usize),
    GivenUp,
}

impl Places {
    fn add(&mut self, byte: Option<u8>) -> usize {
        self.0.push(Place { byte, next: Vec::new() });
        self.0.len() - 1
    }

    /// Adds the wildcards of one comparison, and returns the place of their opening quote.
    /// Wildcards share the places of a common start, up to and including the first star. All share
    /// the closing quote.
    fn enter(&mut self, wildcards: &[Wildcard]) -> usize {
        let (open, close) = (self.add(Some(QUOTE)), self.add(Some(QUOTE)));
        for wildcard in wildcards {
            let mut at = open;
            for (index, part) in wildcard.parts().iter().enumerate() {
                if index > 0 {
                    at = self.follow(at, None, index == 1);
                }
                for byte in part.bytes() {
                    at = self.follow(at, Some(byte), index == 0);
                }
            }
            if !self.0[at].next.contains(&close) {
                self.0[at].next.push(close);
            }
        }
        open
    }

    fn follow(&mut self, from: usize, byte: Option<u8>, shared: bool) -> usize {
        let known = self.0[from].next.iter().copied().find(|next| self.0[*next].byte == byte);
        if let Some(known) = known.filter(|_| shared) {
            return known;
        }
        let next = self.add(byte);
        self.0[from].next.push(next);
        next
    }

    /// Visits every set of places that can be active at once while a value is read, until a set
    /// exceeds `limit`.
    fn walk(&self, start: BTreeSet<usize>, limit: usize) -> Walk {
        let bytes: BTreeSet<u8> = self.0.iter().filter_map(|place| place.byte).collect();
        let mut seen = HashSet::from([start.clone()]);
        let mut waiting = vec![start];
        while let Some(held) = waiting.pop() {
            let found = held.len() + self.stars_behind(&held);
            if found > limit {
                return Walk::Beyond(found);
            }
            for byte in &bytes {
                let next = self.step(&held, *byte);
                if !next.is_empty() && !seen.contains(&next) {
                    seen.insert(next.clone());
                    waiting.push(next);
                }
            }
            if seen.len() * bytes.len() > PATIENCE {
                return Walk::GivenUp;
            }
        }
        Walk::Within
    }

    fn step(&self, held: &BTreeSet<usize>, byte: u8) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        for at in held {
            if self.0[*at].byte.is_none() {
                reached.insert(*at);
            }
            for next in &self.0[*at].next {
                match self.0[*next].byte {
                    Some(asked) if asked != byte => {}
                    Some(_) => drop(reached.insert(*next)),
                    // Either the star matches the byte, or the place after the star matches it.
                    None => {
                        reached.insert(*next);
                        let behind = self.0[*next].next.iter();
                        reached.extend(behind.filter(|one| self.0[**one].byte == Some(byte)));
                    }
                }
            }
        }
        reached
    }

    fn stars_behind(&self, held: &BTreeSet<usize>) -> usize {
        let next = held.iter().flat_map(|at| &self.0[*at].next);
        let stars: BTreeSet<_> = next.filter(|next| self.0[**next].byte.is_none()).collect();
        stars.into_iter().filter(|star| !held.contains(star)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, Walk, exceeding_together, upper_bound};
    use crate::wildcard::Wildcard;

    /// Returns the complexity of a field, which is the lowest limit that accepts the field. Each
    /// wildcard is in a comparison of its own.
    fn complexity(sources: &[&str]) -> usize {
        let parsed: Vec<Vec<Wildcard>> = sources
            .iter()
            .map(|source| vec![Wildcard::parse(source).expect("a wildcard")])
            .collect();
        let patterns: Vec<&[Wildcard]> = parsed.iter().map(Vec::as_slice).collect();
        let found = (0..200).find(|limit| {
            let mut places = Places::default();
            let start = patterns.iter().map(|pattern| places.enter(pattern)).collect();
            matches!(places.walk(start, *limit), Walk::Within)
        });
        let found = found.expect("a complexity");
        assert!(found <= patterns.iter().copied().flatten().map(upper_bound).sum());
        assert!(exceeding_together(&patterns, found).is_none());
        assert!(exceeding_together(&patterns, found - 1).is_some());
        found
    }

    #[test]
    fn one_value_can_be_at_several_places_of_a_wildcard() {
        for (source, expected) in [
            ("abc", 1),
            ("*", 2),
            ("abc*", 2),
            ("*ab", 2),
            ("*aa", 3),
            ("a*bcb", 3),
            ("*ab*ad", 4),
            ("a*b*bb", 5),
            ("a*a*a*a*a*a*", 11),
            ("*a*a*a*a*a*a*a*a*", 17),
            ("/Users/*/dir/dir/dir/dir/dir/doc.txt", 7),
            ("arn:aws:events:us-east-1:*:event-bus/*", 3),
            ("*:*:*:*:*:event-bus/*", 11),
        ] {
            assert_eq!(complexity(&[source]), expected, "{source}");
        }
    }

    #[test]
    fn wildcards_of_one_field_add_up_where_one_value_can_be_in_both() {
        assert_eq!(complexity(&["ab*c", "x*xx"]), 3);
        assert_eq!(complexity(&["*abc", "*abcde"]), 4);
        assert_eq!(complexity(&["a*aaa", "aa*aa"]), 7);
        assert_eq!(complexity(&["abc*", "abcde*"]), 4);
        assert_eq!(complexity(&["ab*cd", "ab*wx", "ab*yz"]), 6);
        assert_eq!(complexity(&["*:stack/One/*", "*:stack/Two/*", "*:stack/Three/*"]), 9);
    }
}

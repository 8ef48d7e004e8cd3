//! `wildcard` patterns: literal text with `*` for any characters, matched in linear time.

/// Why a wildcard is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Consecutive,
    Escape,
}

/// A wildcard, split at its stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    source: Box<str>,
    /// One more than there are stars; only the first and the last may be empty.
    parts: Box<[Box<str>]>,
}

impl Wildcard {
    /// Reads a wildcard: `*` is any run of characters, `\*` and `\\` are themselves.
    pub(crate) fn parse(source: &str) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut chars = source.chars().peekable();
        while let Some(next) = chars.next() {
            match next {
                '*' if chars.peek() == Some(&'*') => return Err(Fault::Consecutive),
                '*' => parts.push(std::mem::take(&mut part).into_boxed_str()),
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '\\')) => part.push(escaped),
                    _ => return Err(Fault::Escape),
                },
                plain => part.push(plain),
            }
        }
        parts.push(part.into_boxed_str());
        Ok(Self { source: source.into(), parts: parts.into_boxed_slice() })
    }

    /// The wildcard as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The literal parts between the stars.
    pub(crate) fn parts(&self) -> &[Box<str>] {
        &self.parts
    }

    /// Whether the whole of `value` fits.
    pub(crate) fn matches(&self, value: &str) -> bool {
        let [head, middle @ .., tail] = &*self.parts else {
            return self.parts.first().is_some_and(|only| **only == *value);
        };
        let Some(rest) = value.strip_prefix(&**head) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**tail) else { return false };
        // The leftmost place of each part leaves the most room for those behind it.
        for part in middle {
            let Some(at) = rest.find(&**part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }

    /// The most places in this wildcard that one value can be at simultaneously: what an automaton
    /// pays per byte, and what the service limits. Grows with the stars, and with text behind a
    /// star that repeats itself.
    pub(crate) fn complexity(&self) -> usize {
        let stars = self.parts.len() - 1;
        if stars == 0 {
            return 1;
        }
        self.parts[1..].iter().map(|part| 1 + overlaps(part.as_bytes())).sum()
    }
}

/// How many proper prefixes of `text` can also be its suffix at one point, plus one.
fn overlaps(text: &[u8]) -> usize {
    let mut border = vec![0usize; text.len()];
    let mut depth = vec![0usize; text.len()];
    let mut length = 0;
    for at in 1..text.len() {
        while length > 0 && text[at] != text[length] {
            length = border[length - 1];
        }
        if text[at] == text[length] {
            length += 1;
        }
        border[at] = length;
        depth[at] = if length > 0 { 1 + depth[length - 1] } else { 0 };
    }
    usize::from(!text.is_empty()) + depth.iter().copied().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Fault, Wildcard};

    fn fits(wildcard: &str, value: &str) -> bool {
        Wildcard::parse(wildcard).expect("a wildcard").matches(value)
    }

    #[test]
    fn stars_stand_for_any_run_of_characters() {
        assert!(fits("*", "") && fits("*", "anything") && fits("", ""));
        assert!(fits("a*c", "ac") && fits("a*c", "abbc") && !fits("a*c", "abcd"));
        assert!(fits("*a*a*", "aba") && !fits("*a*a*", "ba"));
        assert!(!fits("ab*ba", "aba"), "head and tail may not overlap");
        assert!(fits("é*", "é") && !fits("", "x"));
    }

    #[test]
    fn escapes_make_stars_and_backslashes_literal() {
        assert!(fits(r"x\*y", "x*y") && !fits(r"x\*y", "xzy"));
        assert!(fits(r"a\\*", r"a\b"));
    }

    #[test]
    fn doubled_stars_and_unknown_escapes_are_faults() {
        assert_eq!(Wildcard::parse("a**b").unwrap_err(), Fault::Consecutive);
        assert_eq!(Wildcard::parse(r"a\b").unwrap_err(), Fault::Escape);
        assert_eq!(Wildcard::parse(r"a\").unwrap_err(), Fault::Escape);
        assert!(Wildcard::parse(r"*\**").is_ok());
    }

    #[test]
    fn complexity_counts_stars_and_repetition_behind_them() {
        let of = |text: &str| Wildcard::parse(text).expect("a wildcard").complexity();
        assert_eq!(of("abc"), 1);
        assert_eq!(of("abc*"), 1);
        assert_eq!(of("*abc"), 2);
        assert!(of("*aaaaaaaa") > of("*abcdefgh"));
    }
}

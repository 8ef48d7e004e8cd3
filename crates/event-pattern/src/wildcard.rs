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
    /// The literal texts before, between and after the stars. Only the first text and the last text
    /// may be empty, because a wildcard with two stars in a row is refused.
    parts: Box<[Box<str>]>,
}

impl Wildcard {
    /// Reads a wildcard: `*` matches any characters, `\*` a star and `\\` a backslash.
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

    /// The literal texts before, between and after the stars.
    pub(crate) fn parts(&self) -> &[Box<str>] {
        &self.parts
    }

    /// Whether the wildcard matches the whole of `value`.
    pub(crate) fn matches(&self, value: &str) -> bool {
        let [head, middle @ .., tail] = &*self.parts else {
            return self.parts.first().is_some_and(|only| **only == *value);
        };
        let Some(rest) = value.strip_prefix(&**head) else { return false };
        let Some(mut rest) = rest.strip_suffix(&**tail) else { return false };
        // The leftmost occurrence of a part leaves the most text for the later parts. So no other
        // occurrence has to be tried.
        for part in middle {
            let Some(at) = rest.find(&**part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
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
}

//! Case-insensitive text as EventBridge's engine compares it: each character in its lower or its
//! upper case.
//!
//! The engine works on UTF-16 units, one at a time. So a title-case letter matches its lower and
//! upper case but not itself, and `ß` also matches `SS`. A character beyond the Basic Multilingual
//! Plane is two units. The engine encodes each of these units as a question mark, so that such a
//! character matches only `??`.

use std::borrow::Cow;

/// The two texts that one character of the pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    lower: Box<str>,
    upper: Box<str>,
}

impl Step {
    fn of(unit: char) -> Self {
        if u32::from(unit) > 0xFFFF {
            return Self { lower: "??".into(), upper: "??".into() };
        }
        Self {
            lower: unit.to_lowercase().collect::<String>().into(),
            upper: unit.to_uppercase().collect::<String>().into(),
        }
    }
}

/// A text that is compared with strings regardless of case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnyCase {
    source: Box<str>,
    folded: Box<str>,
    /// One step for each character; empty for ASCII text, which is compared byte by byte.
    steps: Box<[Step]>,
}

impl AnyCase {
    /// Prepares a text for comparisons.
    pub(crate) fn new(source: &str) -> Self {
        if source.is_ascii() {
            let folded = source.to_ascii_lowercase().into_boxed_str();
            return Self { source: source.into(), folded, steps: Box::default() };
        }
        let steps: Box<[Step]> = source.chars().map(Step::of).collect();
        let lower: String = steps.iter().map(|step| &*step.lower).collect();
        Self { source: source.into(), folded: fold(&lower).into(), steps }
    }

    /// The text as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Returns, for each character, the two texts that the character matches: its lower case and
    /// its upper case.
    pub(crate) fn cases(&self) -> Vec<[Box<str>; 2]> {
        self.source
            .chars()
            .map(|unit| {
                let Step { lower, upper } = Step::of(unit);
                [lower, upper]
            })
            .collect()
    }

    /// The folded form of this text, which is also the folded form of every string that this text
    /// matches.
    pub(crate) fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether `value` equals this text, regardless of case.
    pub(crate) fn equals(&self, value: &str) -> bool {
        if self.steps.is_empty() {
            return value.eq_ignore_ascii_case(&self.source);
        }
        self.strip_prefix(value).is_some_and(str::is_empty)
    }

    /// Whether `value` starts with this text, regardless of case.
    pub(crate) fn starts(&self, value: &str) -> bool {
        if self.steps.is_empty() {
            let head = value.as_bytes().get(..self.source.len());
            return head.is_some_and(|head| head.eq_ignore_ascii_case(self.source.as_bytes()));
        }
        self.strip_prefix(value).is_some()
    }

    /// Whether `value` ends with this text, regardless of case.
    pub(crate) fn ends(&self, value: &str) -> bool {
        if self.steps.is_empty() {
            let start = value.len().checked_sub(self.source.len());
            let tail = start.and_then(|start| value.as_bytes().get(start..));
            return tail.is_some_and(|tail| tail.eq_ignore_ascii_case(self.source.as_bytes()));
        }
        let mut rest = value;
        self.steps.iter().rev().all(|step| {
            let shorter = rest.strip_suffix(&*step.lower).or(rest.strip_suffix(&*step.upper));
            rest = shorter.unwrap_or(rest);
            shorter.is_some()
        })
    }

    fn strip_prefix<'v>(&self, value: &'v str) -> Option<&'v str> {
        self.steps.iter().try_fold(value, |rest, step| {
            rest.strip_prefix(&*step.lower).or_else(|| rest.strip_prefix(&*step.upper))
        })
    }
}

/// Removes the differences of case from a text ("folds" it). Two texts have the same folded form if
/// an [`AnyCase`] of one text matches the other text.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    // Lower case comes first, so that `ẞ` becomes `ß`, then `SS`, then `ss`. Without this first
    // step, `ẞ` would become `ß` only: the upper case of `ẞ` is `ẞ`.
    let lower = text.chars().flat_map(char::to_lowercase);
    Cow::Owned(lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::{AnyCase, Step, fold};

    #[test]
    fn letters_match_in_either_case() {
        let order = AnyCase::new("Order");
        assert!(order.equals("oRDER") && !order.equals("orders"));
        assert!(order.starts("ORDERS") && order.ends("my-order") && !order.ends("rder"));
        let accent = AnyCase::new("Éa");
        assert!(accent.equals("éA") && accent.starts("ÉAb") && accent.ends("xéa"));
        assert!(AnyCase::new("straße").equals("STRASSE"));
    }

    #[test]
    fn halves_of_a_pair_are_question_marks_as_in_the_engine() {
        assert!(!AnyCase::new("😀").equals("😀"));
        assert!(AnyCase::new("😀").equals("??"));
    }

    #[test]
    fn no_character_makes_matching_ambiguous_and_both_cases_fold_alike() {
        for unit in '\0'..=char::MAX {
            let Step { lower, upper } = Step::of(unit);
            assert_eq!(fold(&lower), fold(&upper), "{unit:?}");
            if lower != upper {
                assert!(!lower.starts_with(&*upper) && !upper.starts_with(&*lower), "{unit:?}");
                assert!(!lower.ends_with(&*upper) && !upper.ends_with(&*lower), "{unit:?}");
            }
        }
    }
}

//! A checked pattern. Each `$or` is unfolded, so that the pattern is a list of combinations of
//! conditions. The pattern matches an event that meets all conditions of one combination.

use std::sync::Arc;

use crate::comparison::Comparison;
use crate::condition::{Combination, Condition};
use crate::error::{EventError, PatternError};
use crate::event::{self, PathTrie, Reading, Term};
use crate::explain::Explanation;
use crate::limits::Limits;
use crate::parse;

/// An EventBridge event pattern that has been checked.
///
/// ```
/// use event_pattern::Pattern;
///
/// let pattern = Pattern::parse(r#"{"detail": {"total": [{"numeric": [">=", 1000]}]}}"#)?;
/// assert!(pattern.matches(br#"{"detail": {"total": 1000.00}}"#)?);
/// assert!(!pattern.matches(br#"{"detail": {"total": 999.99}}"#)?);
///
/// let refused = Pattern::parse(r#"{"detail": {"total": 1000}}"#).unwrap_err();
/// assert_eq!(refused.path, "$.detail.total");
/// assert_eq!(refused.remedy(), Some("wrap the value in an array"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    pub(crate) combinations: Arc<[Combination]>,
    trie: Arc<PathTrie>,
    terms: Arc<[Box<[Term]>]>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.combinations == other.combinations
    }
}

/// A field that a pattern constrains, and what the pattern asks of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FieldConstraint {
    /// The names on the way to the field, joined with dots.
    pub path: String,
    /// Whether the pattern accepts an event without the field.
    pub absent: bool,
    /// The comparisons as written in the pattern. One of these comparisons must accept a value of
    /// the field.
    pub any_of: Vec<serde_json::Value>,
}

impl Pattern {
    /// Parses `source`, and checks that it keeps the limits of EventBridge.
    ///
    /// # Errors
    /// Refuses what EventBridge refuses, with the path into the pattern and a remedy.
    pub fn parse(source: impl AsRef<[u8]>) -> Result<Self, PatternError> {
        Self::parse_within(source, &Limits::default())
    }

    /// Parses `source`, and checks that it keeps `limits` instead of the limits of EventBridge.
    ///
    /// # Errors
    /// Fails as [`Pattern::parse`] does.
    pub fn parse_within(source: impl AsRef<[u8]>, limits: &Limits) -> Result<Self, PatternError> {
        let combinations = parse::combinations(source.as_ref(), limits)?;
        let mut trie = PathTrie::default();
        let terms = combinations
            .iter()
            .map(|combination| combination.iter().map(|one| Term::enter(&mut trie, one)).collect())
            .collect();
        Ok(Self { combinations: combinations.into(), trie: Arc::new(trie), terms })
    }

    /// Whether the pattern matches `event`.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches(&self, event: impl AsRef<[u8]>) -> Result<bool, EventError> {
        event::observe(event.as_ref(), &self.trie, Reading::Whole, |view| {
            for terms in &*self.terms {
                if view.satisfies(terms)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Whether the pattern matches a parsed event.
    ///
    /// Prefer [`Pattern::matches`]: parsing rounds numbers that a double cannot hold. Such a number
    /// must be compared as it is spelled in the event's text.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches_value(&self, event: &serde_json::Value) -> Result<bool, EventError> {
        self.matches(event.to_string())
    }

    /// Explains why the pattern matches `event`, or why it does not.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn explain(&self, event: impl AsRef<[u8]>) -> Result<Explanation, EventError> {
        event::observe(event.as_ref(), &self.trie, Reading::Whole, |view| {
            Explanation::new(&self.terms, &view)
        })
    }

    /// Returns the paths of the fields that the pattern constrains, each once and sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let conditions = self.combinations.iter().flat_map(|combination| combination.iter());
        let mut fields: Vec<&str> = conditions.map(|condition| &*condition.path).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Returns the alternatives of the pattern, each with its fields. The pattern matches if all
    /// fields of one alternative match. A pattern without `$or` has one alternative.
    #[must_use]
    pub fn alternatives(&self) -> Vec<Vec<FieldConstraint>> {
        let constraint = |condition: &Arc<Condition>| FieldConstraint {
            path: condition.path.to_string(),
            absent: condition.absent,
            any_of: condition.comparisons.iter().map(Comparison::to_json).collect(),
        };
        let of = |combination: &Combination| combination.iter().map(constraint).collect();
        self.combinations.iter().map(of).collect()
    }

    /// Returns the plain strings that the pattern accepts in `field`. Returns `None` if an
    /// alternative does not constrain `field`, or has other comparisons than plain strings for it.
    /// `literals("detail-type")` returns the event types that a rule is about.
    #[must_use]
    pub fn literals(&self, field: &str) -> Option<Vec<&str>> {
        let mut literals = Vec::new();
        for combination in &*self.combinations {
            let condition = combination.iter().find(|condition| &*condition.path == field)?;
            if condition.absent {
                return None;
            }
            for comparison in &condition.comparisons {
                match comparison {
                    Comparison::Text(text) | Comparison::Address(text, _) => literals.push(&**text),
                    _ => return None,
                }
            }
        }
        literals.sort_unstable();
        literals.dedup();
        Some(literals)
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        Self::parse(source)
    }
}

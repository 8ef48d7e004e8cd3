//! Compares two patterns: whether one pattern matches every event that the other matches, and
//! whether some event matches both. The result includes events that prove it.
//!
//! A class is a set of values that all conditions on a field treat alike. An event is described by
//! one class, or absence, for each field. The search goes through these descriptions to find an
//! event that both patterns match, and events that only one of them matches. Each event is checked
//! with the matcher before it is returned. Arrays of objects can make a difference if a pattern
//! asks for a field to be absent and for other fields to be present. The search then also tries
//! some events with arrays of objects. If none of them decides the relation, the relation is
//! undecided, because an event that was not tried may decide it.

mod arrays;
mod axis;
mod numbers;
mod review;
mod search;
mod strings;
mod witness;

use serde::Serialize;

use crate::pattern::Pattern;
use axis::Space;
pub(crate) use review::review;
use search::Outcome;

/// How the events that a pattern matches relate to the events that another pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// No event matches both patterns.
    Disjoint,
    /// Both patterns match the same events.
    Equal,
    /// The other pattern matches every event that this pattern matches, and more.
    Within,
    /// This pattern matches every event that the other pattern matches, and more.
    Contains,
    /// Some events match both patterns, and each pattern matches some events that the other does
    /// not.
    Overlapping,
    /// The relation is not known. The search looked for an event that both patterns match, for one
    /// that only the first matches, and for one that only the second matches. For at least one of
    /// these three events, it found neither an example nor a proof that there is none. The result
    /// contains the examples that were found.
    Undecided,
}

/// Which events a comparison considers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// Every JSON object. Any field may then be an array, so that one event can match both `["a"]`
    /// and `["b"]`.
    #[default]
    Any,
    /// Events as EventBridge delivers them: `source`, `detail-type`, `account`, `region`, `time`,
    /// `id` and `version` are present, each with a single string.
    Delivered,
}

/// The relation of two patterns, and events that prove it. Each event has been checked with the
/// matcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The relation of the first pattern to the second.
    pub relation: Relation,
    /// An event that both patterns match, as JSON; absent if none was found.
    pub both: Option<String>,
    /// An event that only the first pattern matches; absent if none was found.
    pub only_first: Option<String>,
    /// An event that only the second pattern matches; absent if none was found.
    pub only_second: Option<String>,
}

impl Pattern {
    /// Determines how the events that this pattern matches relate to the events that `other`
    /// matches.
    ///
    /// ```
    /// use event_pattern::{Events, Pattern, Relation};
    ///
    /// let high = Pattern::parse(r#"{"total": [{"numeric": [">", 1000]}]}"#)?;
    /// let some = Pattern::parse(r#"{"total": [{"numeric": [">=", 1]}]}"#)?;
    /// let compared = high.compare(&some, Events::Any);
    /// assert_eq!(compared.relation, Relation::Within);
    /// let between = compared.only_second.expect("an event that tells the two apart");
    /// assert!(some.matches(&between)? && !high.matches(&between)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn compare(&self, other: &Self, events: Events) -> Compared {
        let space = Space::new(self, other, events);
        let only = |inside: &Self, outside: &Self, flip: bool| {
            let accepts_event = |event: &str| is(inside, event, true) && is(outside, event, false);
            search::outside(&space, flip, &accepts_event)
        };
        let only_first = only(self, other, false);
        let only_second = only(other, self, true);
        let meets = |event: &str| is(self, event, true) && is(other, event, true);
        let both = search::find_overlap(&space, &meets);
        let relation = relation(&only_first, &only_second, &both);
        Compared {
            relation,
            both: both.event(),
            only_first: only_first.event(),
            only_second: only_second.event(),
        }
    }
}

/// Whether the matcher gives the expected result; false if the matcher cannot read the event.
fn is(pattern: &Pattern, event: &str, expected: bool) -> bool {
    pattern.matches(event).is_ok_and(|matched| matched == expected)
}

fn relation(only_first: &Outcome, only_second: &Outcome, both: &Outcome) -> Relation {
    use Outcome::{Found, None, Unknown};
    match (only_first, only_second, both) {
        (None, None, _) => Relation::Equal,
        (_, _, None) => Relation::Disjoint,
        (None, Found(_), Found(_)) => Relation::Within,
        (Found(_), None, Found(_)) => Relation::Contains,
        (Found(_), Found(_), Found(_)) => Relation::Overlapping,
        (Unknown, ..) | (_, Unknown, _) | (.., Unknown) => Relation::Undecided,
    }
}

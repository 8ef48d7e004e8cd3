//! How two patterns relate: whether one matches all that the other does, whether they meet at all,
//! each told with an event that proves it.
//!
//! Values that no condition on a field tells apart form a class; an event is a class, or absence,
//! for each field. Whether some event is matched by one pattern and not by the other is searched
//! over these; each event that is found is put to the matcher before it is told. Arrays of objects
//! can make a difference where a field is asked to be absent beside others: where that cannot be
//! excluded, events with such arrays are tried, and if none tells, the relation is undecided.

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

/// How the events of one pattern lie to those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// No event matches both.
    Disjoint,
    /// Both match the same events.
    Equal,
    /// The other matches everything that this one does, and more.
    Within,
    /// This one matches everything that the other does, and more.
    Contains,
    /// Some events match both, and each matches some that the other does not.
    Overlapping,
    /// Neither events nor a proof were found for one of the questions; the events that were found
    /// hold nevertheless.
    Undecided,
}

/// Which events are considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// Every JSON object. Any field may then be an array, so that `["a"]` and `["b"]` have an event
    /// in common.
    #[default]
    Any,
    /// Events as EventBridge delivers them: `source`, `detail-type`, `account`, `region`, `time`,
    /// `id` and `version` are there, and each is one string.
    Delivered,
}

/// The relation of two patterns, and events that show it. Each event has been matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The relation of the first pattern to the second.
    pub relation: Relation,
    /// An event that both match, as JSON.
    pub both: Option<String>,
    /// An event that only the first matches.
    pub only_first: Option<String>,
    /// An event that only the second matches.
    pub only_second: Option<String>,
}

impl Pattern {
    /// Tells how the events that this pattern matches lie to those that `other` does.
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
            let tells = |event: &str| is(inside, event, true) && is(outside, event, false);
            search::outside(&space, flip, &tells)
        };
        let only_first = only(self, other, false);
        let only_second = only(other, self, true);
        let meets = |event: &str| is(self, event, true) && is(other, event, true);
        let both = search::both(&space, &meets);
        let relation = relation(&only_first, &only_second, &both);
        Compared {
            relation,
            both: both.event(),
            only_first: only_first.event(),
            only_second: only_second.event(),
        }
    }
}

/// Whether the matcher says so; an event that it cannot read proves nothing.
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

//! Explains why a pattern matches an event or not: which field decided, which values the field has,
//! and what the pattern asks of it.

mod display;
mod hints;
mod verdict;

use std::collections::HashSet;

pub(crate) use hints::differ_in_style_only;
use serde::Serialize;

use crate::error::EventError;
use crate::event::{Places, Term, View};

/// Whether a pattern matches an event, and why. `Display` writes one line for the result and one
/// for each field, then the other alternatives and the hints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// Whether the pattern matches.
    pub matched: bool,
    /// How many alternatives the pattern has once every `$or` is unfolded; 1 without `$or`.
    pub alternatives: usize,
    /// The number of the alternative that `fields` describes, counted from 0. This is the first
    /// alternative that matches or, if no alternative matches, the alternative with the fewest
    /// failing fields.
    pub alternative: usize,
    /// Where the described alternative is in the pattern, such as `$.detail.$or[1]`; `$` without
    /// `$or`.
    pub place: String,
    /// The path of the first field that fails; absent if the pattern matches.
    pub decided_by: Option<String>,
    /// Every field of the described alternative, in the order in which the fields are checked.
    pub fields: Vec<FieldVerdict>,
    /// The alternatives that `fields` does not describe; empty if the pattern matches.
    pub others: Vec<Alternative>,
    /// Hints at what the pattern's author may have meant; empty if the pattern matches.
    pub hints: Vec<String>,
    /// Members of the envelope that the event lacks. A rule can match an event without these
    /// members, but `TestEventPattern` refuses that event: `Parameter Event is not valid.`
    pub lacks: Vec<String>,
}

/// An alternative that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alternative {
    /// The number of the alternative, counted from 0.
    pub alternative: usize,
    /// Where the alternative is in the pattern, such as `$.detail.$or[1]`.
    pub place: String,
    /// The path of the first field that fails.
    pub decided_by: String,
    /// Every field of the alternative, in the order in which the fields are checked.
    pub fields: Vec<FieldVerdict>,
}

/// What a pattern asks of one field, which values the field has, and the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldVerdict {
    /// The names on the way to the field, joined with dots.
    pub path: String,
    /// Where the pattern has its condition on the field, as a path into the pattern.
    pub place: String,
    /// The comparisons that the pattern lists for the field, one of which must be met. Each is JSON
    /// as in the pattern.
    pub asked: Vec<String>,
    /// The first few values of the field. If the other fields have determined an array element, the
    /// list has only values in that element.
    pub held: Vec<Held>,
    /// How many further values the field has: those beyond the first few, and those in other array
    /// elements.
    pub more: usize,
    /// The result for the field.
    pub outcome: Outcome,
}

/// A value in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// The value, as JSON.
    pub value: String,
    /// Where the value is, such as `detail.items[2].sku`.
    pub at: String,
}

/// The result for one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// A value of the field satisfies the condition.
    Met {
        /// The value, as JSON.
        value: String,
        /// Where the value is, such as `detail.items[2].sku`.
        at: String,
        /// The comparison that the value meets, as JSON.
        asked: String,
    },
    /// The field is absent from the event, or at least from the array element that the other fields
    /// have determined. The pattern accepts this.
    Absent,
    /// The field is absent, and the pattern does not accept this.
    Missing,
    /// The field has a value, and the pattern asks for its absence.
    Present,
    /// The field is an object or an empty array. For a pattern, neither is a value: the field
    /// counts as absent.
    NoValue {
        /// `an object`, `an empty object` or `an empty array`.
        found: &'static str,
        /// Whether the pattern accepts absence.
        #[serde(rename = "as_asked")]
        absence_accepted: bool,
    },
    /// No value of the field satisfies the condition.
    Unmet,
    /// A value satisfies the condition, but it is not in the array element that the other fields
    /// have determined.
    OtherElement {
        /// The element that the other fields have determined, such as `detail.items[0]`.
        element: String,
        /// A value that satisfies the condition; it is in another element.
        elsewhere: Held,
    },
    /// The pattern had already failed before this field, so the field decides nothing.
    Undecided,
}

impl Outcome {
    fn is_against(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::Present
                | Self::Unmet
                | Self::OtherElement { .. }
                | Self::NoValue { absence_accepted: false, .. }
        )
    }
}

impl Explanation {
    pub(crate) fn new(alternatives: &[Box<[Term]>], view: &View<'_>) -> Result<Self, EventError> {
        let asked: HashSet<&str> =
            alternatives.iter().flatten().map(|term| &*term.condition.path).collect();
        let places = Places::of(view.event, &asked);
        let mut explained = Vec::new();
        for (index, terms) in alternatives.iter().enumerate() {
            let fields = verdict::of_all(terms, view, &places)?;
            let decided_by = fields.iter().find(|field| field.outcome.is_against());
            let decided_by = decided_by.map(|field| field.path.clone());
            let matched = decided_by.is_none();
            explained.push((index, decided_by, fields));
            if matched {
                explained = explained.split_off(index);
                break;
            }
        }
        let against = |(_, _, fields): &(usize, Option<String>, Vec<FieldVerdict>)| {
            fields.iter().filter(|field| field.outcome.is_against()).count()
        };
        let best = (0..explained.len()).min_by_key(|at| against(&explained[*at]));
        let (alternative, decided_by, fields) =
            explained.remove(best.expect("a checked pattern has an alternative"));
        let others = explained.into_iter().map(|(alternative, decided_by, fields)| Alternative {
            alternative,
            place: place(&fields),
            decided_by: decided_by.unwrap_or_default(),
            fields,
        });
        let mut explanation = Self {
            matched: decided_by.is_none(),
            alternatives: alternatives.len(),
            alternative,
            place: place(&fields),
            decided_by,
            fields,
            others: others.collect(),
            hints: Vec::new(),
            lacks: Vec::new(),
        };
        hints::add(&mut explanation, view.event);
        Ok(explanation)
    }
}

/// Returns where an alternative is in the pattern: the branches of `$or` that its fields come from.
fn place(fields: &[FieldVerdict]) -> String {
    let branches = fields.iter().filter_map(|field| {
        let at = field.place.rfind("$or[")?;
        let end = at + field.place[at..].find(']')?;
        Some(&field.place[..=end])
    });
    let mut branches: Vec<&str> = branches.collect();
    branches.sort_unstable();
    branches.dedup();
    let inner = branches.clone();
    branches
        .retain(|one| !inner.iter().any(|other| other.len() > one.len() && other.starts_with(one)));
    if branches.is_empty() { "$".to_owned() } else { branches.join(" and ") }
}

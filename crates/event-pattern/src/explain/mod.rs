//! Why a pattern matches an event, or does not: which field decided, what it held, what was asked.

mod display;
mod hints;
mod verdict;

use std::collections::HashSet;

pub(crate) use hints::alike;
use serde::Serialize;

use crate::error::EventError;
use crate::event::{Places, Term, View};

/// A verdict and its grounds. Its `Display` is one line for the verdict and one for each field,
/// then the other alternatives and the hints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// Whether the pattern matches.
    pub matched: bool,
    /// How many alternatives the pattern's `$or` unfold into; 1 without `$or`.
    pub alternatives: usize,
    /// Which of them `fields` is about, from 0: the first that matches, or else the one with the
    /// fewest fields against it.
    pub alternative: usize,
    /// Where that alternative stands, as a path into the pattern: `$.detail.$or[1]`.
    pub place: String,
    /// The path of the field that decided, if the pattern does not match.
    pub decided_by: Option<String>,
    /// Every field of that alternative, in the order in which they are decided.
    pub fields: Vec<FieldVerdict>,
    /// The other alternatives, if the pattern does not match.
    pub others: Vec<Alternative>,
    /// What may have been meant instead, if the pattern does not match.
    pub hints: Vec<String>,
    /// Members of the envelope that the event lacks. A rule matches any object, but
    /// `TestEventPattern` refuses an event without them: `Parameter Event is not valid.`
    pub lacks: Vec<String>,
}

/// An alternative that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alternative {
    /// Its number, from 0.
    pub alternative: usize,
    /// Where it stands, as a path into the pattern.
    pub place: String,
    /// The path of the field that decided.
    pub decided_by: String,
    /// Every field, in the order in which they are decided.
    pub fields: Vec<FieldVerdict>,
}

/// What was asked of one field, what it held, and how that came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldVerdict {
    /// The names on the way to the field, joined with dots.
    pub path: String,
    /// Where that is asked, as a path into the pattern.
    pub place: String,
    /// What was asked: any one of these will do. Each is JSON as in the pattern.
    pub asked: Vec<String>,
    /// The values found. Where the other fields settled on an element of an array, those in it.
    pub held: Vec<Held>,
    /// How many more values there were: of very many the first few are held, and of several
    /// elements those in the one that counts.
    pub more: usize,
    /// How that came out.
    pub outcome: Outcome,
}

/// A value in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// The value, as JSON.
    pub value: String,
    /// Where it stands: `detail.items[2].sku`.
    pub at: String,
}

/// How one field came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// A value is what was asked.
    Met {
        /// The value, as JSON.
        value: String,
        /// Where it stands.
        at: String,
        /// What it met, as JSON.
        asked: String,
    },
    /// The field is absent, as was asked; from the array's element that the other fields settled
    /// on, if there are values in others.
    Absent,
    /// The field is absent, which was not asked.
    Missing,
    /// The field is there, and was asked to be absent.
    Present,
    /// What is there is an object or empty. To a pattern that is no value: the field counts as
    /// absent.
    NoValue {
        /// `an object`, `an empty object` or `an empty array`.
        found: &'static str,
        /// Whether absence was asked.
        as_asked: bool,
    },
    /// No value is what was asked.
    Unmet,
    /// A value is what was asked, in another array element than the other fields settled on.
    OtherElement {
        /// The element that the other fields settled on: `detail.items[0]`.
        element: String,
        /// Where a value stands that would do.
        elsewhere: Held,
    },
    /// The pattern had failed before this field.
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
                | Self::NoValue { as_asked: false, .. }
        )
    }
}

impl Explanation {
    pub(crate) fn new(alternatives: &[Box<[Term]>], view: &View<'_>) -> Result<Self, EventError> {
        let asked: HashSet<&str> =
            alternatives.iter().flatten().map(|term| &*term.condition.path).collect();
        let places = Places::of(view.event, &asked);
        let mut told = Vec::new();
        for (index, terms) in alternatives.iter().enumerate() {
            let fields = verdict::of_all(terms, view, &places)?;
            let decided_by = fields.iter().find(|field| field.outcome.is_against());
            let decided_by = decided_by.map(|field| field.path.clone());
            let matched = decided_by.is_none();
            told.push((index, decided_by, fields));
            if matched {
                told = told.split_off(index);
                break;
            }
        }
        let against = |(_, _, fields): &(usize, Option<String>, Vec<FieldVerdict>)| {
            fields.iter().filter(|field| field.outcome.is_against()).count()
        };
        let best = (0..told.len()).min_by_key(|at| against(&told[*at]));
        let (alternative, decided_by, fields) =
            told.remove(best.expect("a checked pattern has an alternative"));
        let others = told.into_iter().map(|(alternative, decided_by, fields)| Alternative {
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

/// Where an alternative stands: the branches of `$or` that its fields come from.
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

//! Why a pattern matches an event, or does not: which field decided, what it held, what was asked.

use std::fmt;

use serde::Serialize;

use crate::comparison::Value;
use crate::error::EventError;
use crate::event::{Term, View};

/// At most so many of a field's values are shown.
const SHOWN: usize = 16;

/// A verdict and its grounds. Its `Display` is one line for the verdict and one for each field.
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
    /// The path of the field that decided, if the pattern does not match.
    pub decided_by: Option<String>,
    /// Every field of that alternative, in the order in which they are decided.
    pub fields: Vec<FieldVerdict>,
}

/// What was asked of one field, what it held, and how that came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldVerdict {
    /// The names on the way to the field, joined with dots.
    pub path: String,
    /// What was asked: any one of these will do. Each is JSON as in the pattern.
    pub asked: Vec<String>,
    /// The values found, as JSON; of very many, the first few.
    pub held: Vec<String>,
    /// How that came out.
    pub outcome: Outcome,
}

/// How one field came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// A value is what was asked.
    Met {
        /// The value, as JSON.
        value: String,
        /// What it met, as JSON.
        asked: String,
    },
    /// The field is absent, as was asked.
    Absent,
    /// The field is absent, which was not asked.
    Missing,
    /// The field is there, and was asked to be absent.
    Present,
    /// No value is what was asked.
    Unmet,
    /// A value is what was asked, in another array element than the fields above need.
    OtherElement,
    /// The pattern had failed before this field.
    Undecided,
}

impl Outcome {
    fn is_against(&self) -> bool {
        matches!(self, Self::Missing | Self::Present | Self::Unmet | Self::OtherElement)
    }
}

impl Explanation {
    pub(crate) fn new(alternatives: &[Box<[Term]>], view: &View<'_>) -> Result<Self, EventError> {
        let mut best: Option<(usize, Self)> = None;
        for (index, terms) in alternatives.iter().enumerate() {
            let fields = verdicts(terms, view)?;
            let decisive = fields.iter().find(|field| field.outcome.is_against());
            let decided_by = decisive.map(|field| field.path.clone());
            let against = fields.iter().filter(|field| field.outcome.is_against()).count();
            if best.as_ref().is_none_or(|(least, _)| against < *least) {
                let explanation = Self {
                    matched: decided_by.is_none(),
                    alternatives: alternatives.len(),
                    alternative: index,
                    decided_by,
                    fields,
                };
                best = Some((against, explanation));
            }
            if against == 0 {
                break;
            }
        }
        Ok(best.expect("a checked pattern has an alternative").1)
    }
}

/// How each term comes out by itself and, if all hold by themselves, together.
fn verdicts(terms: &[Term], view: &View<'_>) -> Result<Vec<FieldVerdict>, EventError> {
    let mut fields: Vec<_> = terms.iter().map(|term| verdict(term, view)).collect();
    let apart = |field: &FieldVerdict| matches!(field.outcome, Outcome::Missing | Outcome::Unmet);
    if fields.iter().any(apart) {
        return Ok(fields);
    }
    // The array elements are settled field by field: the first prefix that fails, fails at its end.
    for end in 1..=terms.len() {
        if view.satisfies(&terms[..end])? {
            // Absent from the elements that count.
            if fields[end - 1].outcome == Outcome::Present {
                fields[end - 1].outcome = Outcome::Absent;
            }
            continue;
        }
        if !fields[end - 1].outcome.is_against() {
            fields[end - 1].outcome = Outcome::OtherElement;
        }
        for field in &mut fields[end..] {
            field.outcome = Outcome::Undecided;
        }
        break;
    }
    Ok(fields)
}

fn verdict(term: &Term, view: &View<'_>) -> FieldVerdict {
    let condition = &term.condition;
    let mut asked: Vec<String> = condition.comparisons.iter().map(ToString::to_string).collect();
    if condition.absent {
        asked.push(r#"{"exists":false}"#.into());
    }
    let met = view.values(term.path).find_map(|(value, _)| {
        let met = condition.comparisons.iter().find(|comparison| comparison.accepts(value))?;
        Some(Outcome::Met { value: rendered(value), asked: met.to_string() })
    });
    let held: Vec<_> =
        view.values(term.path).take(SHOWN).map(|(value, _)| rendered(value)).collect();
    let outcome = match (met, held.is_empty()) {
        (Some(met), _) => met,
        (None, true) if condition.absent => Outcome::Absent,
        (None, true) => Outcome::Missing,
        (None, false) if condition.absent => Outcome::Present,
        (None, false) => Outcome::Unmet,
    };
    FieldVerdict { path: condition.path.to_string(), asked, held, outcome }
}

fn rendered(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(held) => held.to_string(),
        Value::Number { text, .. } => text.to_owned(),
        Value::Text(text) => serde_json::Value::from(text).to_string(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decided_by {
            None => write!(formatter, "match")?,
            Some(path) => write!(formatter, "no match: {path} decided")?,
        }
        if self.alternatives > 1 {
            write!(formatter, " (alternative {} of {})", self.alternative + 1, self.alternatives)?;
        }
        for field in &self.fields {
            write!(formatter, "\n  {field}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked.join(" or ");
        let held = self.held.join(", ");
        let path = &self.path;
        match &self.outcome {
            Outcome::Met { value, asked } => {
                write!(formatter, "+ {path} is {value}, as asked: {asked}")
            }
            Outcome::Absent => write!(formatter, "+ {path} is absent, as asked: {asked}"),
            Outcome::Missing => write!(formatter, "- {path} is absent; asked: {asked}"),
            Outcome::Present | Outcome::Unmet => {
                write!(formatter, "- {path} is {held}; asked: {asked}")
            }
            Outcome::OtherElement => write!(
                formatter,
                "- {path} is {held}; asked, in the same array element as the fields above: {asked}"
            ),
            Outcome::Undecided => write!(formatter, "  {path} is {held}; asked: {asked}"),
        }
    }
}

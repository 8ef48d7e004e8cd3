//! Determines the result for each field of one alternative of a pattern, first for the field alone,
//! then together with the other fields.

use super::{FieldVerdict, Held, Outcome};
use crate::comparison::Value;
use crate::error::EventError;
use crate::event::{NonValue, Places, Term, View};

/// How many values of a field are shown at most. Further values are only counted.
const SHOWN: usize = 16;

/// Returns the result for each term. If every term holds by itself, the results also show whether
/// the terms hold together, in the same array elements.
pub(super) fn of_all(
    terms: &[Term],
    view: &View<'_>,
    places: &Places,
) -> Result<Vec<FieldVerdict>, EventError> {
    let mut fields: Vec<_> = terms.iter().map(|term| by_itself(term, view, places)).collect();
    let apart =
        |field: &FieldVerdict| field.outcome.is_against() && field.outcome != Outcome::Present;
    if fields.iter().any(apart) {
        around_the_rest(terms, &mut fields, view, places)?;
        return Ok(fields);
    }
    // Array elements are chosen field by field. The field that fails is the first that cannot hold
    // together with all earlier fields.
    for end in 1..=terms.len() {
        if view.satisfies(&terms[..end])? {
            // The field is present elsewhere, but absent from the array elements in which the
            // earlier fields hold.
            if fields[end - 1].outcome == Outcome::Present {
                fields[end - 1].outcome = Outcome::Absent;
            }
            continue;
        }
        let settled = settle(&terms[..end - 1], &mut fields[..end - 1], view, places)?;
        record_mismatch(&terms[end - 1], &mut fields[end - 1], &settled, view, places);
        for field in &mut fields[end..] {
            // A field that is absent from the whole event is absent from every array element, so
            // its outcome is known.
            if matches!(field.outcome, Outcome::Met { .. } | Outcome::Present) {
                field.outcome = Outcome::Undecided;
            }
        }
        return Ok(fields);
    }
    settle(terms, &mut fields, view, places)?;
    Ok(fields)
}

/// Limits which values are shown of the fields that fail by themselves. If all other fields hold
/// together in one array element, a failing field shows only its values in that element, or all its
/// values if it has none there.
fn around_the_rest(
    terms: &[Term],
    fields: &mut [FieldVerdict],
    view: &View<'_>,
    places: &Places,
) -> Result<(), EventError> {
    let (mut held, mut verdicts) = (Vec::new(), Vec::new());
    for (term, field) in terms.iter().zip(&*fields) {
        if !field.outcome.is_against() {
            held.push(term.clone());
            verdicts.push(field.clone());
        }
    }
    if !view.satisfies(&held)? {
        return Ok(());
    }
    let settled = settle(&held, &mut verdicts, view, places)?;
    let mut verdicts = verdicts.into_iter();
    for (term, field) in terms.iter().zip(fields) {
        if !field.outcome.is_against() {
            if let Some(verdict) = verdicts.next() {
                *field = verdict;
            }
        } else if let Some(element) = element_for(&field.path, &settled) {
            let (inside, more) = inside(term, &element, view, places);
            if !inside.is_empty() {
                (field.held, field.more) = (inside, more);
            }
        }
    }
    Ok(())
}

/// Records which values meet the terms, and returns the places of these values. The caller knows
/// that one choice of array elements meets all terms.
fn settle(
    terms: &[Term],
    fields: &mut [FieldVerdict],
    view: &View<'_>,
    places: &Places,
) -> Result<Vec<String>, EventError> {
    let mut settled = Vec::new();
    for ((term, field), value) in terms.iter().zip(fields).zip(view.settle(terms)?) {
        let met = value.and_then(|number| {
            let (value, _) = view.values(term.path).nth(number)?;
            met(term, value, place(places, &field.path, number))
        });
        if let Some(met) = met {
            if let Outcome::Met { at, .. } = &met {
                settled.push(at.clone());
            }
            field.outcome = met;
        }
    }
    Ok(settled)
}

fn place(places: &Places, path: &str, number: usize) -> String {
    places.values(path).get(number).map_or_else(|| path.to_owned(), Clone::clone)
}

fn met(term: &Term, value: Value<'_>, at: String) -> Option<Outcome> {
    let mut comparisons = term.condition.comparisons.iter();
    let met = comparisons.find(|comparison| comparison.accepts(value))?;
    Some(Outcome::Met { value: rendered(value), at, asked: met.to_string() })
}

/// Records why a field does not hold together with the earlier fields, although it holds by itself.
fn record_mismatch(
    term: &Term,
    field: &mut FieldVerdict,
    settled: &[String],
    view: &View<'_>,
    places: &Places,
) {
    if field.outcome.is_against() {
        return;
    }
    let Some(element) = element_for(&field.path, settled) else {
        field.outcome = Outcome::Unmet;
        return;
    };
    if let Outcome::Met { value, at, .. } = &field.outcome {
        let elsewhere = Held { value: value.clone(), at: at.clone() };
        (field.held, field.more) = inside(term, &element, view, places);
        field.outcome = Outcome::OtherElement { element, elsewhere };
    }
}

/// Returns at most [`SHOWN`] of the values that a term's field has inside an array element, and how
/// many values the field has besides these.
fn inside(term: &Term, element: &str, view: &View<'_>, places: &Places) -> (Vec<Held>, usize) {
    let array = &element[..element.rfind('[').unwrap_or(element.len())];
    let agrees = |at: &str| {
        let elsewhere = at.strip_prefix(array).is_some_and(|rest| rest.starts_with('['));
        !elsewhere
            || at.strip_prefix(element).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let all = all_held(term, view, places);
    let total = all.len();
    let inside: Vec<Held> = all.into_iter().filter(|held| agrees(&held.at)).take(SHOWN).collect();
    let more = total - inside.len();
    (inside, more)
}

fn all_held(term: &Term, view: &View<'_>, places: &Places) -> Vec<Held> {
    let path = &term.condition.path;
    let held = view.values(term.path).enumerate().map(|(number, (value, _))| Held {
        value: rendered(value),
        at: place(places, path, number),
    });
    held.collect()
}

/// Returns the innermost array element that lies on `path` and contains one of the places in
/// `settled`; `None` if there is no such element.
fn element_for(path: &str, settled: &[String]) -> Option<String> {
    let mut best: Option<&str> = None;
    for at in settled {
        for (end, _) in at.match_indices(']') {
            let element = &at[..=end];
            let node = without_indices(element);
            let is_around = path.strip_prefix(&*node);
            let is_around = is_around.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if is_around && best.is_none_or(|best| best.len() < element.len()) {
                best = Some(element);
            }
        }
    }
    best.map(str::to_owned)
}

fn without_indices(place: &str) -> String {
    let mut names = String::new();
    let mut rest = place;
    while let Some(at) = rest.find('[') {
        names.push_str(&rest[..at]);
        rest = rest[at..].split_once(']').map_or("", |(_, behind)| behind);
    }
    names + rest
}

fn by_itself(term: &Term, view: &View<'_>, places: &Places) -> FieldVerdict {
    let condition = &term.condition;
    let mut asked: Vec<String> = condition.comparisons.iter().map(ToString::to_string).collect();
    if condition.absent {
        asked.push(r#"{"exists":false}"#.into());
    }
    let found = view
        .values(term.path)
        .enumerate()
        .find_map(|(number, (value, _))| met(term, value, place(places, &condition.path, number)));
    let mut held = all_held(term, view, places);
    let more = held.len().saturating_sub(SHOWN);
    held.truncate(SHOWN);
    let absence_accepted = condition.absent;
    let outcome = match (found, held.is_empty(), places.non_value(&condition.path)) {
        (Some(met), ..) => met,
        (None, true, Some(non_value)) => {
            Outcome::NoValue { found: name_of(non_value), absence_accepted }
        }
        (None, true, None) if absence_accepted => Outcome::Absent,
        (None, true, None) => Outcome::Missing,
        (None, false, _) if absence_accepted => Outcome::Present,
        (None, false, _) => Outcome::Unmet,
    };
    let (path, place) = (condition.path.to_string(), condition.place.to_string());
    FieldVerdict { path, place, asked, held, more, outcome }
}

fn name_of(non_value: NonValue) -> &'static str {
    match non_value {
        NonValue::Object => "an object",
        NonValue::EmptyObject => "an empty object",
        NonValue::EmptyArray => "an empty array",
    }
}

fn rendered(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(held) => held.to_string(),
        Value::Number { text, .. } => text.to_owned(),
        Value::Text(text) => serde_json::Value::from(text).to_string(),
    }
}

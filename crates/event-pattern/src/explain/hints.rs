//! Hints at what the author of a pattern may have meant, if the pattern nearly matches an event.

use serde_json::{Map, Value};

use super::{Explanation, FieldVerdict, Outcome};

/// The members that `TestEventPattern` requires of an event.
const ENVELOPE: [&str; 7] =
    ["id", "account", "source", "time", "region", "resources", "detail-type"];

/// Adds hints to the explanation, and the names of the required members that the event lacks.
pub(super) fn add(explanation: &mut Explanation, event: &str) {
    let Ok(Value::Object(event)) = serde_json::from_str::<Value>(event) else { return };
    let lacks = ENVELOPE.iter().filter(|name| !event.contains_key(**name));
    explanation.lacks = lacks.map(|name| (*name).to_owned()).collect();
    if explanation.matched {
        return;
    }
    let mut hints = Vec::new();
    hints.extend(form(&event));
    let others = explanation.others.iter().flat_map(|other| &other.fields);
    for field in explanation.fields.iter().chain(others) {
        if field.outcome.is_against() {
            hints.extend(of_name(field, &event));
            hints.extend(of_values(field));
        }
    }
    let mut seen = std::collections::HashSet::new();
    hints.retain(|hint| seen.insert(hint.clone()));
    explanation.hints = hints;
}

/// Returns a hint if the event does not have the form in which a rule receives events, but is, for
/// example, a request to `PutEvents`.
fn form(event: &Map<String, Value>) -> Option<String> {
    if event.get("Entries").is_some_and(Value::is_array) {
        return Some(
            "this is a request to PutEvents; a rule sees each entry as a separate event, with \
             `source`, `detail-type` and `detail`"
                .to_owned(),
        );
    }
    if event.contains_key("DetailType") || event.get("Detail").is_some_and(Value::is_string) {
        return Some(
            "this is an entry as PutEvents takes it; a rule sees `source` for Source, \
             `detail-type` for DetailType, and `detail` as an object for the text in Detail"
                .to_owned(),
        );
    }
    match event.get("detail") {
        Some(Value::String(_)) => Some(
            "`detail` is a string; a rule sees the object that this JSON text contains".to_owned(),
        ),
        _ => None,
    }
}

/// Returns a hint if a name in the field's path begins with `$`, as operators do, or if the event
/// has the missing field under another name or in another place.
fn of_name(field: &FieldVerdict, event: &Map<String, Value>) -> Option<String> {
    let names: Vec<&str> = field.path.split('.').collect();
    if let Some(operator) = names.iter().find(|name| name.starts_with('$')) {
        return Some(format!(
            "`{operator}` is a field's name here: the only operator beside fields is `$or`, an \
             array of two objects or more; fields side by side must all match"
        ));
    }
    if !matches!(field.outcome, Outcome::Missing | Outcome::NoValue { absence_accepted: false, .. })
    {
        return None;
    }
    let path = &field.path;
    if names.first() == Some(&"detail") && !event.contains_key("detail") {
        let below = names.get(1).filter(|name| event.contains_key(**name))?;
        return Some(format!(
            "the event has `{below}` at its top level: if this is a bare detail, put it under \
             `detail`"
        ));
    }
    let detail = event.get("detail").and_then(Value::as_object);
    if !event.contains_key(names[0]) && detail.is_some_and(|all| all.contains_key(names[0])) {
        return Some(format!("the event has `{path}` inside `detail`: ask for `detail.{path}`"));
    }
    let mut at = event;
    for name in names {
        match at.get(name) {
            Some(Value::Object(inner)) => at = inner,
            Some(Value::Array(list)) => at = list.iter().find_map(Value::as_object)?,
            Some(_) => return None,
            None => {
                let near = at.keys().find(|own| differ_in_style_only(own, name))?;
                return Some(format!(
                    "the event has `{near}`, the pattern asks for `{name}`; names are compared \
                     exactly"
                ));
            }
        }
    }
    None
}

/// Whether two names differ only in case, hyphens, underscores and spaces.
pub(crate) fn differ_in_style_only(left: &str, right: &str) -> bool {
    let plain = |name: &str| -> String {
        let kept = name.chars().filter(|one| !matches!(one, '-' | '_' | ' '));
        kept.flat_map(char::to_lowercase).collect()
    };
    left != right && plain(left) == plain(right)
}

/// Returns a hint if a value of the field nearly meets the pattern's condition.
fn of_values(field: &FieldVerdict) -> Option<String> {
    if !matches!(field.outcome, Outcome::Unmet | Outcome::OtherElement { .. }) {
        return None;
    }
    let asked = field.asked.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    let asked: Vec<Value> = asked.collect();
    field.held.iter().find_map(|held| {
        let value = serde_json::from_str::<Value>(&held.value).ok()?;
        asked.iter().find_map(|asked| near_miss(asked, &value)).map(|hint| {
            format!(
                "{} is {}, the pattern asks for {}: {hint}",
                held.at,
                held.value,
                written(&asked, &value)
            )
        })
    })
}

/// Returns, as JSON, the pattern's first comparison that `value` nearly meets; empty if there is
/// none.
fn written(asked: &[Value], value: &Value) -> String {
    let near = asked.iter().find(|asked| near_miss(asked, value).is_some());
    near.map(ToString::to_string).unwrap_or_default()
}

fn near_miss(asked: &Value, held: &Value) -> Option<&'static str> {
    match (asked, held) {
        (Value::String(asked), Value::String(held)) => {
            if asked.trim() == held.trim() {
                Some("they differ in white space at the start or the end")
            } else if asked.to_lowercase() == held.to_lowercase() {
                Some("they differ in case; {\"equals-ignore-case\": ..} takes either")
            } else if asked.contains('*')
                && crate::wildcard::Wildcard::parse(asked).is_ok_and(|one| one.matches(held))
            {
                Some(
                    "a `*` in a plain string is an ordinary character, not a wildcard; {\"wildcard\": ..} takes any characters",
                )
            } else {
                None
            }
        }
        (Value::Number(asked), Value::String(held)) => {
            let same = held.trim().parse::<f64>().ok() == asked.as_f64();
            same.then_some("the event has a string, the pattern a number; they never match")
        }
        (Value::String(asked), Value::Number(held)) => {
            let same = asked.trim().parse::<f64>().ok() == held.as_f64();
            same.then_some("the event has a number, the pattern a string; they never match")
        }
        (Value::String(asked), Value::Bool(_) | Value::Null) => (asked == &*held.to_string())
            .then_some("in a pattern, `true`, `false` and `null` are written without quotes"),
        (Value::Bool(_) | Value::Null, Value::String(held)) => {
            let same = &*asked.to_string() == held;
            same.then_some("the event has a string: in the pattern, put it in quotes")
        }
        (Value::Object(operator), held) => near_miss_of(operator, held),
        _ => None,
    }
}

fn near_miss_of(operator: &Map<String, Value>, held: &Value) -> Option<&'static str> {
    let (name, operand) = operator.iter().next()?;
    match (name.as_str(), operand, held) {
        ("numeric", _, Value::String(text)) => {
            let is_number = text.trim().parse::<f64>().is_ok();
            is_number.then_some("`numeric` matches numbers only, and the event has a string")
        }
        ("prefix" | "suffix" | "wildcard" | "equals-ignore-case", _, Value::Number(_)) => {
            Some("this operator matches strings only, and the event has a number")
        }
        ("prefix", Value::String(asked), Value::String(held)) => {
            let same = held.to_lowercase().starts_with(&asked.to_lowercase());
            same.then_some(
                "they differ in case; {\"prefix\": {\"equals-ignore-case\": ..}} takes either",
            )
        }
        ("suffix", Value::String(asked), Value::String(held)) => {
            let same = held.to_lowercase().ends_with(&asked.to_lowercase());
            same.then_some(
                "they differ in case; {\"suffix\": {\"equals-ignore-case\": ..}} takes either",
            )
        }
        ("wildcard", Value::String(asked), Value::String(held)) => {
            let folded = crate::wildcard::Wildcard::parse(&asked.to_lowercase()).ok()?;
            folded
                .matches(&held.to_lowercase())
                .then_some("they differ in case, and `wildcard` is case-sensitive")
        }
        _ => None,
    }
}

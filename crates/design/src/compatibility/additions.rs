//! Whether a schema differs from a published one by optional fields alone. Public events may change
//! in no other way, because their readers, outside of the application, are unknown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::containment::{Comparison, Kind, Problem};
use super::published::without_words;

/// The differences of `after` from `before`, other than optional fields that `before` does not have.
pub(super) fn beyond(before: &Value, after: &Value) -> Vec<Problem> {
    let mut problems = differences(before, after, &Comparison::default());
    let (was, is) = (object(before, "$defs"), object(after, "$defs"));
    for (name, definition) in &was {
        let at = Comparison::default().at(name);
        match is.get(name) {
            Some(now) => problems.extend(differences(definition, now, &at)),
            None => problems.push(at.problem(Kind::Narrower, "is defined no more")),
        }
    }
    problems
}

fn differences(before: &Value, after: &Value, at: &Comparison) -> Vec<Problem> {
    let mut problems = Vec::new();
    if keywords(before) != keywords(after) {
        problems.push(at.problem(Kind::Narrower, "differs from what was published"));
    }
    let (was, is) = (object(before, "properties"), object(after, "properties"));
    let (needed, needs) = (required(before), required(after));
    for (name, field) in &was {
        let at = at.at(name);
        match is.get(name) {
            Some(now) => problems.extend(differences(field, now, &at)),
            None => problems.push(at.problem(Kind::Absent, "is gone")),
        }
        if needed.contains(name) && !needs.contains(name) {
            problems.push(at.problem(Kind::Absent, "may be absent"));
        }
    }
    for name in needs.difference(&needed) {
        problems.push(at.at(name).problem(Kind::Narrower, "is required from now on"));
    }
    problems
}

/// Everything that a schema says beside its fields, without words for people.
fn keywords(schema: &Value) -> Value {
    let mut kept = without_words(schema);
    if let Some(keywords) = kept.as_object_mut() {
        keywords
            .retain(|keyword, _| !["properties", "required", "$defs"].contains(&keyword.as_str()));
    }
    kept
}

fn object(schema: &Value, keyword: &str) -> Map<String, Value> {
    schema[keyword].as_object().cloned().unwrap_or_default()
}

fn required(schema: &Value) -> BTreeSet<String> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

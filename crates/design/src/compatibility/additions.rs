//! Checks that a schema differs from the published schema only in additional optional fields. The
//! schemas of public events must not change in any other way, because the readers of these events
//! are outside of the application and unknown.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::containment::{Comparison, Kind, Problem};
use super::published::without_words;

/// Reports every difference of `after` from `before`, except for additional optional fields.
pub(super) fn non_additive_differences(before: &Value, after: &Value) -> Vec<Problem> {
    let mut problems = differences(before, after, &Comparison::default());
    let (was, is) = (object(before, "$defs"), object(after, "$defs"));
    for (name, definition) in &was {
        let at = Comparison::default().at(name);
        match is.get(name) {
            Some(now) => problems.extend(differences(definition, now, &at)),
            None => problems.push(at.problem(Kind::Narrower, "was removed from `$defs`")),
        }
    }
    problems
}

fn differences(before: &Value, after: &Value, at: &Comparison) -> Vec<Problem> {
    let mut problems = Vec::new();
    if keywords(before) != keywords(after) {
        problems.push(at.problem(Kind::Narrower, "differs from the published schema"));
    }
    let (was, is) = (object(before, "properties"), object(after, "properties"));
    let (needed, needs) = (required(before), required(after));
    for (name, field) in &was {
        let at = at.at(name);
        match is.get(name) {
            Some(now) => problems.extend(differences(field, now, &at)),
            None => problems.push(at.problem(Kind::Absent, "was removed")),
        }
        if needed.contains(name) && !needs.contains(name) {
            problems.push(at.problem(Kind::Absent, "is no longer required"));
        }
    }
    for name in needs.difference(&needed) {
        problems.push(at.at(name).problem(Kind::Narrower, "has become required"));
    }
    problems
}

/// The keywords of a schema, without its fields and definitions, and without its titles and
/// descriptions.
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

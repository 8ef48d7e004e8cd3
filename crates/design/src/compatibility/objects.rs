//! Compares objects: required fields, optional fields, and fields that the schema does not name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::containment::{self, Comparison, Kind, Problem};
use super::schema::{Alternative, Schema};
use super::texts;

/// Reports objects that `writer` allows and `reader` does not accept.
pub(super) fn refused(
    writer: &Alternative<'_>,
    reader: &Alternative<'_>,
    at: &Comparison,
) -> Vec<Problem> {
    let always = required(writer);
    let mut problems: Vec<Problem> = required(reader)
        .difference(&always)
        .map(|name| at.at(name).problem(Kind::Absent, "may be absent, but its readers require it"))
        .collect();
    let (written, read) = (named(writer), named(reader));
    for name in &written {
        let Some(own) = field(writer, name) else { continue };
        match field(reader, name) {
            Some(other) => problems.extend(containment::refused(&own, &other, at.at(name))),
            None if own.alternatives().is_ok_and(|ways| ways.is_empty()) => {}
            None => {
                let problem = "may be present, but its readers reject unknown fields";
                problems.push(at.at(name).problem(Kind::Unknown, problem));
            }
        }
    }
    problems.extend(unnamed(writer, reader, read.difference(&written), at));
    problems.extend(names(writer, reader, at));
    problems.extend(counts(writer, reader, at));
    problems
}

pub(super) fn required(alternative: &Alternative<'_>) -> BTreeSet<String> {
    let listed = alternative.each("required").filter_map(Value::as_array).flatten();
    listed.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The names in `properties`.
pub(super) fn named(alternative: &Alternative<'_>) -> BTreeSet<String> {
    let objects = alternative.each("properties").filter_map(Value::as_object);
    objects.flat_map(Map::keys).cloned().collect()
}

/// The schema of the field `name`; `None` if the field is not allowed.
pub(super) fn field<'d>(alternative: &Alternative<'d>, name: &str) -> Option<Schema<'d>> {
    let mut parts = Vec::new();
    for map in &alternative.maps {
        let own = map.get("properties").and_then(|all| all.get(name));
        let matching = patterned(map).filter(|(pattern, _)| matches(pattern, name));
        let stated: Vec<&Value> =
            own.into_iter().chain(matching.map(|(_, schema)| schema)).collect();
        match (stated.is_empty(), map.get("additionalProperties")) {
            (true, Some(others)) => parts.push(others.clone()),
            _ => parts.extend(stated.into_iter().cloned()),
        }
    }
    if !named(alternative).contains(name) {
        parts.extend(alternative.each("unevaluatedProperties").cloned());
    }
    (!parts.contains(&Value::Bool(false))).then(|| Schema::of(alternative.root, parts))
}

fn patterned(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.get("patternProperties").and_then(Value::as_object).into_iter().flatten()
}

fn matches(pattern: &str, name: &str) -> bool {
    let schema = json!({ "pattern": pattern });
    jsonschema::draft202012::new(&schema).is_ok_and(|it| it.is_valid(&Value::from(name)))
}

/// The schema of fields that are not named in `properties`; `None` if no such field is allowed.
fn others<'d>(alternative: &Alternative<'d>) -> Option<Schema<'d>> {
    let open = ["additionalProperties", "unevaluatedProperties"];
    let parts: Vec<Value> =
        open.iter().flat_map(|keyword| alternative.each(keyword)).cloned().collect();
    (!parts.contains(&Value::Bool(false))).then(|| Schema::of(alternative.root, parts))
}

/// Whether the schema describes a map: fields with any names, whose values have one schema. A
/// schema that permits unnamed fields without describing their values is not a map, because our
/// producers never write such fields.
fn is_map(alternative: &Alternative<'_>) -> bool {
    let stated = |keyword| alternative.each(keyword).filter_map(Value::as_object);
    let both = stated("additionalProperties").chain(stated("unevaluatedProperties"));
    both.filter(|schema| !schema.is_empty()).count() > 0
}

/// Checks that the reader's schema accepts the fields that the writer's schema permits but does not
/// name. `only_read` are the fields that only the reader's schema names.
fn unnamed<'n>(
    writer: &Alternative<'_>,
    reader: &Alternative<'_>,
    only_read: impl Iterator<Item = &'n String>,
    at: &Comparison,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for map in &writer.maps {
        for (pattern, schema) in patterned(map) {
            let own = Schema::of(writer.root, vec![schema.clone()]);
            problems.extend(by_pattern(pattern, &own, reader, at));
        }
    }
    let Some(own) = others(writer) else { return problems };
    let map = is_map(writer);
    match others(reader) {
        Some(other) if map => {
            problems.extend(containment::refused(&own, &other, at.inside("{}")));
        }
        None => {
            let problem = "may have fields that its schema does not name, which its readers reject";
            problems.push(at.problem(Kind::Unknown, problem));
        }
        Some(_) => {}
    }
    if map {
        for name in only_read {
            let Some(other) = field(reader, name) else { continue };
            problems.extend(containment::refused(&own, &other, at.at(name)));
        }
    }
    problems
}

/// Compares `own`, the writer's schema for fields whose names match `pattern`, with the reader's
/// schema for the same fields.
fn by_pattern(
    pattern: &str,
    own: &Schema<'_>,
    reader: &Alternative<'_>,
    at: &Comparison,
) -> Vec<Problem> {
    let at = at.inside("{}");
    let covering = reader.maps.iter().flat_map(patterned).find(|(other, _)| {
        *other == pattern || texts::contained(&[pattern.to_owned()], other) == Some(true)
    });
    let other = match covering {
        Some((_, schema)) => Some(Schema::of(reader.root, vec![schema.clone()])),
        None => others(reader),
    };
    match other {
        Some(other) => containment::refused(own, &other, at),
        None => {
            vec![at.problem(
                Kind::Unknown,
                format!(
                    "may have any name that matches `{pattern}`, but consumers reject some of these \
                     names"
                ),
            )]
        }
    }
}

/// Reports field names that the reader's schema does not accept.
fn names(writer: &Alternative<'_>, reader: &Alternative<'_>, at: &Comparison) -> Vec<Problem> {
    let rules: Vec<Value> = reader.each("propertyNames").cloned().collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let rules = Schema::of(reader.root, rules);
    let mut own: Vec<Value> =
        named(writer).into_iter().map(|name| json!({ "const": name })).collect();
    if is_map(writer) {
        let mut any: Vec<Value> = writer.each("propertyNames").cloned().collect();
        any.push(json!({ "type": "string" }));
        own.push(json!({ "allOf": any }));
    }
    let one =
        |schema| containment::refused(&Schema::of(writer.root, vec![schema]), &rules, at.clone());
    let problem =
        |found: Problem| Problem { problem: format!("has a name that {}", found.problem), ..found };
    own.into_iter().flat_map(one).map(problem).collect()
}

fn counts(writer: &Alternative<'_>, reader: &Alternative<'_>, at: &Comparison) -> Vec<Problem> {
    let of = |one: &Alternative<'_>, keyword: &str| {
        one.each(keyword).filter_map(Value::as_u64).collect::<Vec<u64>>()
    };
    let mut problems = Vec::new();
    let least = of(writer, "minProperties").into_iter().max().unwrap_or_default();
    let least = least.max(required(writer).len() as u64);
    if let Some(bound) = of(reader, "minProperties").into_iter().max().filter(|it| *it > least) {
        let problem = format!("may have fewer than {bound} fields, which consumers reject");
        problems.push(at.problem(Kind::Narrower, problem));
    }
    let closed = others(writer).is_none().then(|| named(writer).len() as u64);
    let most = of(writer, "maxProperties").into_iter().chain(closed).min();
    let bound = of(reader, "maxProperties").into_iter().min();
    if let Some(bound) = bound.filter(|bound| most.is_none_or(|most| most > *bound)) {
        let problem = format!("may have more than {bound} fields, which consumers reject");
        problems.push(at.problem(Kind::Narrower, problem));
    }
    problems
}

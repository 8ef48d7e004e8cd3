//! Checks public events, which rules forward to other AWS accounts. Their consumers are unknown, so
//! the requirements are stricter than for the events of the application's own bus.

use std::collections::BTreeSet;

use chorus_table::{EventSpec, Message, OutsideBus, RowSpec};
use serde_json::Value;

use crate::Finding;

/// Reports three kinds of faults: a row forwards an event that is not public; no row forwards a
/// public event; a public event contains data that it must not contain.
pub(crate) fn check(rows: &[RowSpec], messages: &[Message]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let forwarding = || rows.iter().filter_map(|row| Some((row, row.outside_bus()?)));
    for (row, bus) in forwarding() {
        let secret = row.on.iter().filter(|event| event.owner.source() != bus.source);
        findings.extend(secret.map(|event| of_another_source(row, bus, event)));
        for message in messages.iter().filter(|message| row.on.contains(&message.spec)) {
            findings.extend(data(message, bus));
        }
    }
    let public: BTreeSet<&str> = forwarding().map(|(_, bus)| bus.source).collect();
    let forwarded = |event: &EventSpec| forwarding().any(|(row, _)| row.on.contains(event));
    for row in rows {
        let kept = row.emits.iter().filter(|event| public.contains(event.owner.source()));
        for event in kept.filter(|event| !forwarded(event)) {
            let problem =
                format!("emits the public event {}, which no row forwards", event.detail_type);
            findings.push(Finding::new(
                row.action,
                problem,
                "Add the event to the row that forwards public events",
            ));
        }
    }
    findings
}

fn of_another_source(row: &RowSpec, bus: OutsideBus, event: &EventSpec) -> Finding {
    let (name, source) = (event.detail_type, event.owner.source());
    let problem = format!("forwards {name} of {source} to the bus {}", bus.name);
    let remedy = format!(
        "Emit an event of {} that has only the data that may leave the account",
        bus.source
    );
    Finding::new(row.action, problem, remedy)
}

/// Reports the data that a public event must not contain, in each published version.
fn data(message: &Message, bus: OutsideBus) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (version, schema) in message.published() {
        let schema = schema().to_value();
        let mut problems = Vec::new();
        fields(&schema, "", &mut problems);
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        for (name, definition) in definitions {
            if bus.personal.contains(&name.as_str()) {
                problems.push((name.clone(), "identifies a person", "Leave it out"));
                continue;
            }
            fields(definition, name, &mut problems);
            value(definition, name, &mut problems);
        }
        let event = message.spec.detail_type;
        findings.extend(problems.into_iter().map(|(place, problem, remedy)| {
            let problem = format!("is public, and its {place} {problem}");
            Finding::new(format!("{event} version {version}"), problem, remedy)
        }));
    }
    findings
}

/// A field's path in the data, the problem as the end of a sentence, and the remedy.
type Problem = (String, &'static str, &'static str);

/// Collects the problems of an object's fields, nested ones included.
fn fields(schema: &Value, at: &str, problems: &mut Vec<Problem>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        if field["description"].as_str().is_none_or(str::is_empty) {
            problems.push((place.clone(), "is not documented", "Write a doc comment for it"));
        }
        value(field, &place, problems);
        fields(field, &place, problems);
    }
}

/// Collects the problems of a value. Text must be restricted by a pattern, a format or listed
/// values, because free text may contain personal data. Encrypted text is not restricted, so it is
/// reported, too. Every field must have a name and a type.
fn value(schema: &Value, place: &str, problems: &mut Vec<Problem>) {
    let of_type = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    };
    let shaped = ["pattern", "format", "enum", "const"].iter().any(|it| !schema[it].is_null());
    if of_type("string") && !shaped {
        let remedy = "Give it a type whose text has a pattern, a format or listed values";
        problems.push((place.to_owned(), "may be any text, such as a person's name", remedy));
    }
    let known = ["type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"];
    let open = known.iter().all(|keyword| schema[keyword].is_null());
    let map = schema.get("additionalProperties").is_some_and(|rest| *rest != Value::Bool(false));
    if open || map {
        problems.push((place.to_owned(), "may be anything", "Give each field a name and a type"));
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        for one in schema[keyword].as_array().into_iter().flatten() {
            value(one, place, problems);
            fields(one, place, problems);
        }
    }
    if schema["items"].is_object() {
        value(&schema["items"], place, problems);
        fields(&schema["items"], place, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judged(field: &Value) -> Vec<&'static str> {
        let mut problems = Vec::new();
        fields(&json!({ "properties": { "it": field } }), "", &mut problems);
        problems.into_iter().map(|(_, problem, _)| problem).collect()
    }

    #[test]
    fn a_documented_field_with_a_form_is_public_and_any_other_is_not() {
        let good = [
            json!({ "description": "It.", "type": "string", "pattern": "^a$" }),
            json!({ "description": "It.", "type": ["string", "null"], "format": "date-time" }),
            json!({ "description": "It.", "type": "array", "items": { "type": "integer" } }),
            json!({ "description": "It.", "$ref": "#/$defs/Money" }),
        ];
        for field in good {
            assert_eq!(judged(&field), [""; 0], "{field}");
        }
        let any_text = "may be any text, such as a person's name";
        let bad = [
            (json!({ "type": "boolean" }), "is not documented"),
            (json!({ "description": "It.", "type": "string" }), any_text),
            (json!({ "description": "It.", "anyOf": [{ "type": "string" }] }), any_text),
            (
                json!({ "description": "It.", "type": "array", "items": { "type": "string" } }),
                any_text,
            ),
            (json!({ "description": "It." }), "may be anything"),
            (
                json!({ "description": "It.", "type": "object", "additionalProperties": {} }),
                "may be anything",
            ),
        ];
        for (field, problem) in bad {
            assert_eq!(judged(&field), [problem], "{field}");
        }
    }
}

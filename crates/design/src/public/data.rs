//! Checks the schema of a public event's data.

use serde_json::Value;

use crate::compatibility::matches_text;

/// A part of a public event's data that the event must not contain.
pub(super) struct Problem {
    /// The path of a field in the data, or the name of a type.
    pub(super) place: String,
    /// The fault, as the end of a sentence that begins with `place`.
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// The JSON Schema keywords that this check reads, and those that only restrict values. Any other
/// keyword is reported, because the keyword might permit values that this check does not see.
const KEYWORDS: [&str; 36] = [
    "$comment",
    "$id",
    "$ref",
    "$schema",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "title",
    "type",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Samples of free text. A pattern that matches one of these samples does not exclude free text.
const FREE_TEXTS: [&str; 2] = ["Anna Smith", "Renée O'Hara, 5 Main Street"];

const NAME_AND_TYPE: &str = "Give each field a name and a type";

/// Returns the problems of an event's data, and of the types in the `$defs` of the data's schema.
/// `personal` lists the types that identify a person.
pub(super) fn problems(mut schema: Value, personal: &[&str]) -> Vec<Problem> {
    let definitions = schema.as_object_mut().and_then(|root| root.remove("$defs"));
    let mut problems = Vec::new();
    value(&schema, "", &mut problems);
    for (name, definition) in definitions.iter().filter_map(Value::as_object).flatten() {
        if personal.contains(&name.as_str()) {
            let (place, problem) = (name.clone(), "identifies a person".to_owned());
            problems.push(Problem { place, problem, remedy: "Leave it out" });
        } else {
            value(definition, name, &mut problems);
        }
    }
    problems
}

/// Collects the problems of a value, and of the values inside the value. `place` is the value's
/// path, which is empty for the event's whole data.
fn value(schema: &Value, place: &str, problems: &mut Vec<Problem>) {
    let name = if place.is_empty() { "data" } else { place };
    let own = text(schema).into_iter().chain(object(schema)).chain(array(schema));
    let own = own.map(|(problem, remedy)| (problem.to_owned(), remedy)).chain(unread(schema));
    problems.extend(own.map(|(problem, remedy)| {
        let place = name.to_owned();
        Problem { place, problem, remedy }
    }));
    fields(schema, place, problems);
    for keyword in ["anyOf", "oneOf", "allOf"] {
        for one in schema[keyword].as_array().into_iter().flatten() {
            value(one, place, problems);
        }
    }
    for (pattern, one) in schema["patternProperties"].as_object().into_iter().flatten() {
        value(one, &within(place, pattern), problems);
    }
    for (index, one) in schema["prefixItems"].as_array().into_iter().flatten().enumerate() {
        value(one, &format!("{name}[{index}]"), problems);
    }
    if schema["items"].is_object() {
        value(&schema["items"], name, problems);
    }
}

/// Collects the problems of an object's fields, including nested fields.
fn fields(schema: &Value, at: &str, problems: &mut Vec<Problem>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let place = within(at, name);
        if field["description"].as_str().is_none_or(str::is_empty) {
            let (place, problem) = (place.clone(), "is not documented".to_owned());
            problems.push(Problem { place, problem, remedy: "Write a doc comment for it" });
        }
        value(field, &place, problems);
    }
}

/// The path of the field `name` of the object at `place`.
fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// A problem, as the end of a sentence that begins with the field's path, and the problem's remedy.
type Reported = (&'static str, &'static str);

/// Reports text without a pattern, a format or listed values, because free text may contain
/// personal data. Encrypted text has none of these restrictions, so it is reported, too.
fn text(schema: &Value) -> Option<Reported> {
    let formed = schema["format"].is_string() || schema["pattern"].as_str().is_some_and(restricts);
    let free = of_type(schema, "string") && !lists_values(schema) && !formed;
    free.then_some((
        "may be any text, such as a person's name",
        "Give it a type whose text has a pattern, a format or listed values",
    ))
}

/// Whether a pattern excludes free text. The pattern must be anchored at both ends, because
/// otherwise any text may precede or follow the match.
fn restricts(pattern: &str) -> bool {
    let anchored = pattern.starts_with('^') && pattern.ends_with('$');
    anchored && FREE_TEXTS.iter().all(|free| matches_text(pattern, free) == Some(false))
}

/// Reports a value without a type, and an object whose fields lack a name or a type.
fn object(schema: &Value) -> Option<Reported> {
    let has = |keyword: &&str| schema.get(keyword).is_some();
    let closed = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(false));
    if *schema == Value::Bool(false) || lists_values(schema) {
        return None;
    }
    let combined = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(has);
    let open = |keyword: &&str| has(keyword) && !closed(keyword);
    let rest = ["additionalProperties", "unevaluatedProperties"];
    let named = ["properties", "patternProperties"].iter().any(has) || rest.iter().any(has);
    let nameless = of_type(schema, "object") && !named && !combined;
    let untyped = schema.get("type").is_none() && !combined;
    if untyped || nameless || rest.iter().any(open) {
        return Some(("may be anything", NAME_AND_TYPE));
    }
    let mut patterns = schema["patternProperties"].as_object().into_iter().flatten();
    let mapped = has(&"patternProperties");
    (mapped && (!closed("additionalProperties") || patterns.any(|(name, _)| !restricts(name))))
        .then_some((
            "may have fields of any name",
            "Give each field a name, or give the names a pattern from ^ to $, and set \
             `additionalProperties: false`",
        ))
}

/// Reports an array whose items have no type, and a tuple (an array with a type for each position)
/// that may have items after the last typed position.
fn array(schema: &Value) -> Option<Reported> {
    let listed = schema["prefixItems"].as_array().map_or(0, Vec::len) as u64;
    let open = match &schema["items"] {
        Value::Object(_) | Value::Bool(false) => false,
        Value::Null => schema["maxItems"].as_u64().is_none_or(|most| most > listed),
        _ => true,
    };
    (of_type(schema, "array") && !lists_values(schema) && open).then_some((
        "may have items of any type",
        "Give its items a type, or end a tuple with `items: false` or `maxItems`",
    ))
}

/// Reports keywords that this check does not read, and references to schemas in other documents.
fn unread(schema: &Value) -> Vec<(String, &'static str)> {
    let keywords = schema.as_object().into_iter().flatten().map(|(keyword, _)| keyword);
    let unknown = keywords.filter(|keyword| !KEYWORDS.contains(&keyword.as_str()));
    let mut found: Vec<_> = unknown
        .map(|keyword| {
            let problem =
                format!("has the schema keyword `{keyword}`, which this check does not read");
            (problem, "Describe the data without this keyword")
        })
        .collect();
    if let Some(other) = schema["$ref"].as_str().filter(|reference| !reference.starts_with('#')) {
        let problem = format!("has its schema in another document, `{other}`");
        found.push((problem, "Put the referenced schema into the event's schema"));
    }
    found
}

fn of_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    }
}

/// Whether the schema lists all allowed values.
fn lists_values(schema: &Value) -> bool {
    schema.get("enum").is_some() || schema.get("const").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ANY_TEXT: &str = "may be any text, such as a person's name";
    const ANYTHING: &str = "may be anything";
    const ANY_ITEMS: &str = "may have items of any type";
    const ANY_NAME: &str = "may have fields of any name";

    /// The problems of an event with the field `it`, each after the path of the faulty value.
    fn judged(field: &Value) -> Vec<String> {
        let event = json!({ "type": "object", "properties": { "it": field } });
        let found = problems(event, &[]).into_iter();
        found.map(|Problem { place, problem, .. }| format!("{place} {problem}")).collect()
    }

    /// The problems that [`judged`] finds after a description is added to the field.
    fn documented(mut field: Value) -> Vec<String> {
        field["description"] = json!("It.");
        judged(&field)
    }

    #[test]
    fn a_documented_field_with_a_form_is_public() {
        let (code, number) =
            (json!({ "type": "string", "pattern": "^a$" }), json!({ "type": "integer" }));
        let good = [
            code.clone(),
            json!({ "type": ["string", "null"], "format": "date-time" }),
            json!({ "type": "number", "multipleOf": 0.01 }),
            json!({ "$ref": "#/$defs/Money" }),
            json!({ "oneOf": [{ "const": "a", "type": "string" }, { "type": "null" }] }),
            json!({ "const": null }),
            json!({ "type": "object", "additionalProperties": false }),
            json!({
                "type": "object", "patternProperties": { "^[a-z]+$": number },
                "additionalProperties": false,
            }),
            json!({ "type": "array", "items": number, "uniqueItems": true }),
            json!({ "type": "array", "items": false }),
            json!({ "type": "array", "enum": [[1], [2]] }),
            json!({ "type": "array", "prefixItems": [code, number], "maxItems": 2 }),
            json!({ "type": "array", "prefixItems": [code], "items": number }),
        ];
        for field in good {
            assert_eq!(documented(field.clone()), [""; 0], "{field}");
        }
    }

    #[test]
    fn a_field_without_a_doc_comment_is_reported_also_in_arrays() {
        assert_eq!(judged(&json!({ "type": "boolean" })), ["it is not documented"]);
        let line = json!({ "type": "object", "properties": { "sku": { "type": "integer" } } });
        let lines = json!({ "type": "array", "items": line });
        assert_eq!(documented(lines), ["it.sku is not documented"]);
        let pair = json!({ "type": "array", "prefixItems": [line], "items": false });
        assert_eq!(documented(pair), ["it[0].sku is not documented"]);
    }

    #[track_caller]
    fn is_reported(place: &str, problem: &str, fields: &[Value]) {
        for field in fields {
            assert_eq!(documented(field.clone()), [format!("{place} {problem}")], "{field}");
        }
    }

    #[test]
    fn free_text_is_reported_wherever_it_is() {
        let free = || json!({ "type": "string" });
        is_reported(
            "it",
            ANY_TEXT,
            &[
                free(),
                json!({ "anyOf": [free()] }),
                json!({ "type": ["string", "null"], "maxLength": 64 }),
                json!({ "type": "array", "items": free() }),
            ],
        );
        let tuple = json!({ "type": "array", "prefixItems": [free(), free()], "maxItems": 2 });
        let both = ["it[0]", "it[1]"].map(|place| format!("{place} {ANY_TEXT}"));
        assert_eq!(documented(tuple), both);
        let mapped = json!({
            "type": "object", "patternProperties": { "^[a-z]$": free() },
            "additionalProperties": false,
        });
        is_reported("it.^[a-z]$", ANY_TEXT, &[mapped]);
    }

    #[test]
    fn a_pattern_that_admits_free_text_does_not_restrict_it() {
        for pattern in ["", ".*", "^.+$", "^[^<>]*$", "[A-Z]{3}", "^[A-Z]{3}", "^[a-zA-Z ]+$"] {
            is_reported("it", ANY_TEXT, &[json!({ "type": "string", "pattern": pattern })]);
            let mapped = json!({
                "type": "object", "patternProperties": { pattern: { "type": "integer" } },
                "additionalProperties": false,
            });
            is_reported("it", ANY_NAME, &[mapped]);
        }
    }

    #[test]
    fn what_has_no_type_is_reported() {
        let number = json!({ "type": "integer" });
        is_reported(
            "it",
            ANYTHING,
            &[
                json!({}),
                json!({ "properties": {} }),
                json!({ "type": "object" }),
                json!({ "type": "object", "additionalProperties": {} }),
                json!({ "type": "object", "additionalProperties": true }),
                json!({ "type": "object", "additionalProperties": number }),
                json!({ "type": "array", "items": {} }),
                json!({ "anyOf": [true] }),
            ],
        );
        is_reported(
            "it",
            ANY_NAME,
            &[json!({ "type": "object", "patternProperties": { "^a$": number } })],
        );
        assert_eq!(judged(&json!(true)), ["it is not documented", "it may be anything"]);
    }

    #[test]
    fn items_without_a_type_are_reported() {
        let number = json!({ "type": "integer" });
        is_reported(
            "it",
            ANY_ITEMS,
            &[
                json!({ "type": "array" }),
                json!({ "type": "array", "items": true }),
                json!({ "type": ["array", "null"], "maxItems": 3 }),
                json!({ "type": "array", "prefixItems": [number] }),
                json!({ "type": "array", "prefixItems": [number], "maxItems": 2 }),
                json!({ "type": "array", "prefixItems": [number], "items": true }),
            ],
        );
        let tuple = json!({ "type": "array", "prefixItems": [number, true], "maxItems": 2 });
        is_reported("it[1]", ANYTHING, &[tuple]);
    }

    #[test]
    fn what_this_check_does_not_read_is_reported() {
        let unread = json!({ "type": "array", "items": { "type": "integer" }, "contains": true });
        let problem = "has the schema keyword `contains`, which this check does not read";
        is_reported("it", problem, &[unread]);
        let elsewhere = json!({ "$ref": "https://schema.example/name" });
        let problem = "has its schema in another document, `https://schema.example/name`";
        is_reported("it", problem, &[elsewhere]);
        let nested = json!({ "$ref": "#/$defs/Name", "$defs": { "Name": { "type": "string" } } });
        let problem = "has the schema keyword `$defs`, which this check does not read";
        is_reported("it", problem, &[nested]);
    }

    #[test]
    fn the_data_itself_and_its_types_are_checked_as_fields_are() {
        let found = |schema: Value| {
            let found = problems(schema, &["CustomerId"]).into_iter();
            found.map(|it| format!("{} {}", it.place, it.problem)).collect::<Vec<_>>()
        };
        assert_eq!(found(json!({ "type": "array" })), [format!("data {ANY_ITEMS}")]);
        let event = json!({ "type": "object", "properties": {}, "additionalProperties": true });
        assert_eq!(found(event), [format!("data {ANYTHING}")]);
        let kinds = json!({ "oneOf": [{
            "type": "object",
            "properties": { "a": { "type": "string", "description": "It." } },
        }] });
        assert_eq!(found(kinds), [format!("a {ANY_TEXT}")]);
        let named = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object", "properties": {},
            "$defs": { "CustomerId": { "type": "string" }, "Tags": { "type": "array" } },
        });
        let expected = ["CustomerId identifies a person".to_owned(), format!("Tags {ANY_ITEMS}")];
        assert_eq!(found(named), expected);
    }
}

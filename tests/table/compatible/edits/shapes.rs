//! Edits of the arrays, objects and variants in a schema.

use serde_json::{Value, json};

use super::Breaks::{Both, NewConsumers, Nobody, OldConsumers};
use super::{Edit, field, inner};

pub(super) fn arrays() -> Vec<Edit> {
    let of = |keyword: &str, value: Value| json!({ "type": "array", "items": { "type": "string" }, keyword: value });
    let items = |schema: Value| json!({ "type": "array", "items": schema });
    let nested = |schema: Value| items(items(schema));
    vec![
        inner(
            "items are of another type",
            [items(json!({ "type": "string" })), items(json!({ "type": "integer" }))],
            Both,
            &["status[]"],
        ),
        inner(
            "items may be null",
            [items(json!({ "type": "string" })), items(json!({ "type": ["null", "string"] }))],
            OldConsumers,
            &["status[]"],
        ),
        inner(
            "items of items have a bound",
            [
                nested(json!({ "type": "integer" })),
                nested(json!({ "type": "integer", "minimum": 0 })),
            ],
            NewConsumers,
            &["status[][]"],
        ),
        field(
            "there has to be an item",
            of("minItems", json!(0)),
            of("minItems", json!(1)),
            NewConsumers,
        ),
        field(
            "there may be more items",
            of("maxItems", json!(90)),
            of("maxItems", json!(100)),
            OldConsumers,
        ),
        field(
            "no item may be there twice",
            of("uniqueItems", json!(false)),
            of("uniqueItems", json!(true)),
            NewConsumers,
        ),
        inner(
            "a pair's second place differs",
            [
                json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "minItems": 2, "maxItems": 2 }),
                json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "number" }], "minItems": 2, "maxItems": 2 }),
            ],
            OldConsumers,
            &["status[1]"],
        ),
        field(
            "an array becomes one item",
            items(json!({ "type": "string" })),
            json!({ "type": "string" }),
            Both,
        ),
    ]
}

pub(super) fn objects() -> Vec<Edit> {
    let closed = |fields: Value| json!({ "type": "object", "properties": fields, "additionalProperties": false });
    let map = |schema: Value| json!({ "type": "object", "additionalProperties": schema });
    let text = json!({ "type": "string" });
    vec![
        inner(
            "an optional field is added where unknown ones are refused",
            [closed(json!({ "a": text })), closed(json!({ "a": text, "b": text }))],
            OldConsumers,
            &["status.b"],
        ),
        inner(
            "an optional field is removed where unknown ones are refused",
            [closed(json!({ "a": text, "b": text })), closed(json!({ "a": text }))],
            NewConsumers,
            &["status.b"],
        ),
        inner(
            "unknown fields are ignored from now on",
            [
                closed(json!({ "a": text })),
                json!({ "type": "object", "properties": { "a": text } }),
            ],
            OldConsumers,
            &["status"],
        ),
        inner(
            "a map's values differ",
            [map(json!({ "type": "integer" })), map(json!({ "type": "number" }))],
            OldConsumers,
            &["status{}"],
        ),
        inner(
            "a map's names have a pattern",
            [
                map(text.clone()),
                json!({ "type": "object", "additionalProperties": { "type": "string" }, "propertyNames": { "pattern": "^a" } }),
            ],
            NewConsumers,
            &["status"],
        ),
        inner(
            "there have to be two fields",
            [
                map(text.clone()),
                json!({ "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 2 }),
            ],
            NewConsumers,
            &["status"],
        ),
        inner(
            "parts are written as one",
            [
                json!({ "allOf": [{ "type": "object", "properties": { "a": text } }, { "required": ["a"] }] }),
                json!({ "type": "object", "properties": { "a": text }, "required": ["a"] }),
            ],
            Nobody,
            &[],
        ),
        inner(
            "a keyword that nobody can judge is new",
            [
                json!({ "type": "object" }),
                json!({ "type": "object", "not": { "required": ["a"] } }),
            ],
            NewConsumers,
            &["status"],
        ),
    ]
}

pub(super) fn unions() -> Vec<Edit> {
    let tagged = |tag: &str, kind: &str| {
        json!({
            "type": "object", "required": ["kind", "data"],
            "properties": { "kind": { "const": tag }, "data": { "type": kind } },
        })
    };
    let any = |all: Vec<Value>| json!({ "oneOf": all });
    let both = || vec![tagged("a", "string"), tagged("b", "integer")];
    vec![
        field(
            "the order of variants differs",
            any(both()),
            any(both().into_iter().rev().collect()),
            Nobody,
        ),
        inner(
            "a variant is added",
            [any(both()), any([both(), vec![tagged("c", "string")]].concat())],
            OldConsumers,
            &["status.kind"],
        ),
        inner(
            "a variant holds something else",
            [any(both()), any(vec![tagged("a", "string"), tagged("b", "number")])],
            OldConsumers,
            &["status.data"],
        ),
        field(
            "variants that hold the same are written as one",
            any(vec![tagged("a", "string"), tagged("b", "string")]),
            json!({ "type": "object", "required": ["kind", "data"], "properties": { "kind": { "enum": ["b", "a"] }, "data": { "type": "string" } } }),
            Nobody,
        ),
        field(
            "a second type is allowed",
            json!({ "anyOf": [{ "type": "string" }] }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            OldConsumers,
        ),
    ]
}

//! Edits of a field's schema: of its allowed values, of the bounds of a number, or of the rules for
//! a text.

use serde_json::{Value, json};

use super::Breaks::{Both, NewConsumers, Nobody, OldConsumers};
use super::{Edit, field};

pub(super) fn values() -> Vec<Edit> {
    let of = |values: &[&str]| json!({ "enum": values });
    let each = |values: &[&str]| json!({ "oneOf": values.iter().map(|it| json!({ "const": it, "type": "string" })).collect::<Vec<_>>() });
    vec![
        field("a value is added", of(&["a"]), of(&["a", "b"]), OldConsumers),
        field("a value is removed", each(&["a", "b"]), each(&["a"]), NewConsumers),
        field("a value is renamed", each(&["a", "b"]), each(&["a", "c"]), Both),
        field("values are listed otherwise", of(&["a", "b"]), each(&["b", "a"]), Nobody),
        field("a text has only some values", json!({ "type": "string" }), of(&["a"]), NewConsumers),
        field(
            "a list of values matches the pattern",
            of(&["a", "b"]),
            json!({ "type": "string", "pattern": "^[ab]$" }),
            OldConsumers,
        ),
        field("a constant differs", json!({ "const": 1 }), json!({ "const": 2 }), Both),
        field(
            "a constant is written with its type",
            json!({ "const": 1 }),
            json!({ "const": 1, "type": "integer" }),
            Nobody,
        ),
        field(
            "null is a value",
            json!({ "enum": ["a", null] }),
            json!({ "enum": ["a"] }),
            NewConsumers,
        ),
    ]
}

pub(super) fn numbers() -> Vec<Edit> {
    let of = |keyword: &str, value: Value| json!({ "type": "integer", keyword: value });
    vec![
        field(
            "a bound is narrowed",
            of("maximum", json!(100)),
            of("maximum", json!(99)),
            NewConsumers,
        ),
        field("a bound is widened", of("minimum", json!(1)), of("minimum", json!(0)), OldConsumers),
        field(
            "a bound is new",
            json!({ "type": "number" }),
            json!({ "type": "number", "maximum": 1e6 }),
            NewConsumers,
        ),
        field(
            "an open end is the same for integers",
            of("minimum", json!(1)),
            of("exclusiveMinimum", json!(0)),
            Nobody,
        ),
        field(
            "an open end is not the same for numbers",
            json!({ "type": "number", "minimum": 0 }),
            json!({ "type": "number", "exclusiveMinimum": 0 }),
            NewConsumers,
        ),
        field(
            "a machine's integer is wider",
            of("format", json!("uint32")),
            of("format", json!("uint64")),
            OldConsumers,
        ),
        field(
            "an integer has a sign",
            of("format", json!("uint32")),
            of("format", json!("int32")),
            Both,
        ),
        field(
            "a format says what the bounds say",
            of("format", json!("uint8")),
            json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
            Nobody,
        ),
        field(
            "cents become tenths",
            json!({ "type": "number", "multipleOf": 0.01 }),
            json!({ "type": "number", "multipleOf": 0.1 }),
            NewConsumers,
        ),
        field(
            "steps are new",
            json!({ "type": "number" }),
            json!({ "type": "number", "multipleOf": 0.01 }),
            NewConsumers,
        ),
    ]
}

pub(super) fn texts() -> Vec<Edit> {
    let of = |keyword: &str, value: Value| json!({ "type": "string", keyword: value });
    let any = || json!({ "type": "string" });
    vec![
        field("a format is new", any(), of("format", json!("date-time")), NewConsumers),
        field("a format is away", of("format", json!("uuid")), any(), OldConsumers),
        field(
            "a format differs",
            of("format", json!("date")),
            of("format", json!("date-time")),
            Both,
        ),
        field("a length is new", any(), of("minLength", json!(1)), NewConsumers),
        field(
            "a length is widened",
            of("maxLength", json!(10)),
            of("maxLength", json!(20)),
            OldConsumers,
        ),
        field(
            "a length is narrowed",
            of("maxLength", json!(1000)),
            of("maxLength", json!(999)),
            NewConsumers,
        ),
        field("a pattern is new", any(), of("pattern", json!("^a")), NewConsumers),
        field(
            "a pattern is widened",
            of("pattern", json!("^[a-z]{1,64}$")),
            of("pattern", json!("^[a-z]{1,128}$")),
            OldConsumers,
        ),
        field(
            "a pattern is narrowed",
            of("pattern", json!("^[a-z0-9]+$")),
            of("pattern", json!("^[a-z]+$")),
            NewConsumers,
        ),
        field(
            "a pattern is written otherwise",
            of("pattern", json!("^[A-Za-z._-]{1,8}$")),
            of("pattern", json!("^[-_.a-zA-Z]{1,8}$")),
            Nobody,
        ),
        field(
            "a pattern says what the lengths say",
            json!({ "type": "string", "minLength": 1, "maxLength": 3 }),
            of("pattern", json!("^(?s:.){1,3}$")),
            Nobody,
        ),
        field(
            "a pattern that nobody can compare differs",
            of("pattern", json!("^(?=a)a$")),
            of("pattern", json!("^(?=a)[a]$")),
            Both,
        ),
    ]
}

//! Edits of the fields, types and references in a schema.

use serde_json::{Value, json};

use super::Breaks::{Both, NewConsumers, Nobody, OldConsumers};
use super::{Edit, field, whole};

const REQUIRED: [&str; 8] = [
    "order-id",
    "customer-id",
    "status",
    "lines",
    "total",
    "country",
    "shipping-address",
    "placed-at",
];

fn required(change: impl Fn(&mut Vec<&'static str>)) -> Option<Value> {
    let mut names = REQUIRED.to_vec();
    change(&mut names);
    Some(json!(names))
}

pub(super) fn fields() -> Vec<Edit> {
    let text = || Some(json!({ "type": "string" }));
    let without = |name: &'static str| required(move |names| names.retain(|it| *it != name));
    vec![
        whole("an optional field is added", vec![("/properties/gift", text())], Nobody, &["gift"]),
        whole(
            "a required field is added",
            vec![("/properties/gift", text()), ("/required", required(|it| it.push("gift")))],
            NewConsumers,
            &["gift"],
        ),
        whole(
            "a required field with a default is added",
            vec![
                ("/properties/gift", Some(json!({ "type": "string", "default": "" }))),
                ("/required", required(|it| it.push("gift"))),
            ],
            NewConsumers,
            &["gift"],
        ),
        whole(
            "a field may be absent",
            vec![("/required", without("country"))],
            OldConsumers,
            &["country"],
        ),
        whole(
            "a field may be absent, and has a default",
            vec![
                ("/required", without("country")),
                ("/properties/country", Some(json!({ "type": "string", "default": "Germany" }))),
            ],
            OldConsumers,
            &["country"],
        ),
        whole(
            "a required field is removed",
            vec![("/properties/country", None), ("/required", without("country"))],
            OldConsumers,
            &["country"],
        ),
        whole(
            "a required field is renamed",
            vec![
                ("/properties/country", None),
                ("/properties/land", text()),
                ("/required", required(|it| it[5] = "land")),
            ],
            Both,
            &["country", "land"],
        ),
        whole(
            "the order of what is required differs",
            vec![("/required", required(|it| it.reverse()))],
            Nobody,
            &[],
        ),
        whole(
            "the description differs",
            vec![("/description", Some(json!("Other words.")))],
            Nobody,
            &[],
        ),
        whole("the title is away", vec![("/title", None)], Nobody, &[]),
        whole(
            "an inner field becomes required",
            vec![(
                "/$defs/ShippingAddress/required",
                Some(json!(["name", "street", "city", "country", "postal-code"])),
            )],
            NewConsumers,
            &["shipping-address.postal-code"],
        ),
        whole(
            "an optional inner field is removed",
            vec![("/$defs/ShippingAddress/properties/postal-code", None)],
            Nobody,
            &[],
        ),
        whole(
            "an item's field is removed",
            vec![
                ("/$defs/Line/properties/unit-price", None),
                ("/$defs/Line/required", Some(json!(["sku", "quantity"]))),
            ],
            OldConsumers,
            &["lines[].unit-price"],
        ),
        whole(
            "fields that are not known are refused",
            vec![("/additionalProperties", Some(json!(false)))],
            NewConsumers,
            &[""],
        ),
        whole(
            "it is said that unknown fields are allowed",
            vec![("/additionalProperties", Some(json!(true)))],
            Nobody,
            &[],
        ),
        whole(
            "an optional field is always absent",
            vec![("/properties/gift", Some(json!(false)))],
            Nobody,
            &[],
        ),
    ]
}

pub(super) fn kinds() -> Vec<Edit> {
    let of = |kind: &str| json!({ "type": kind });
    vec![
        field("a text becomes a number", of("string"), of("number"), Both),
        field("an integer becomes a number", of("integer"), of("number"), OldConsumers),
        field(
            "an integer becomes a multiple of one",
            of("integer"),
            json!({ "type": "number", "multipleOf": 1 }),
            Nobody,
        ),
        field(
            "a text may be null",
            of("string"),
            json!({ "type": ["string", "null"] }),
            OldConsumers,
        ),
        field(
            "null is written otherwise",
            json!({ "type": ["string", "null"] }),
            json!({ "anyOf": [{ "type": "null" }, { "type": "string" }] }),
            Nobody,
        ),
        field("a flag becomes a text", of("boolean"), of("string"), Both),
        field("a flag may only be true", of("boolean"), json!({ "const": true }), NewConsumers),
        field("a flag lists its values", of("boolean"), json!({ "enum": [false, true] }), Nobody),
        field("anything goes", of("string"), json!(true), OldConsumers),
        field("nothing is a type at all", json!({}), json!(true), Nobody),
        whole(
            "a definition has another name",
            vec![
                ("/$defs/Cash", Some(json!({ "type": "number", "multipleOf": 0.01 }))),
                ("/properties/total", Some(json!({ "$ref": "#/$defs/Cash" }))),
            ],
            Nobody,
            &[],
        ),
        whole(
            "a definition is written in place",
            vec![("/properties/total", Some(json!({ "type": "number", "multipleOf": 0.01 })))],
            Nobody,
            &[],
        ),
        whole(
            "another definition is referred to",
            vec![("/properties/total", Some(json!({ "$ref": "#/$defs/Quantity" })))],
            NewConsumers,
            &["total"],
        ),
        whole(
            "a reference leads nowhere",
            vec![("/properties/total", Some(json!({ "$ref": "#/$defs/Gone" })))],
            Both,
            &["total"],
        ),
    ]
}

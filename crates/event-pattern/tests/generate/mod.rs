//! Generates patterns and events from few names and few values, so that they often match.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "b", "c", "a.b", "a-b", "$or"];
const TEXTS: [&str; 12] =
    ["", "a", "A", "ab", "aB", "abc", "order-1", "ORDER", "é", "x*y", "10.0.0.1", "2001:db8::1"];
pub(crate) const BLOCKS: [&str; 7] =
    ["10.0.0.0/8", "10.0.0.0/31", "2001:db8::/32", "0.0.0.0/1", "2000::/3", "32.1.13.0/22", "::/0"];
const NUMBERS: [&str; 9] = ["0", "-0.0", "1", "1.0", "1e0", "-3.5", "301.8", "3.018e2", "1000"];
const WILDCARDS: [&str; 9] = ["*", "a*", "*b", "a*c", "*r*", "x\\*y", "*a*b*", "", "o*r-*"];

fn text() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(&TEXTS[..]).prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = Value> + Clone {
    prop::sample::select(&NUMBERS[..]).prop_map(|text| serde_json::from_str(text).expect("JSON"))
}

fn leaf() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        4 => text().prop_map(Value::from),
        3 => number(),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn name() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(&NAMES[..5]).prop_map(str::to_owned)
}

fn object(members: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    btree_map(name(), members, 1..=most)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

pub(crate) fn event() -> impl Strategy<Value = Value> {
    let value = leaf().prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => object(inner, 4),
        ]
    });
    object(value, 4)
}

fn one_or_list(one: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    prop_oneof![one.clone(), vec(one, 1..3).prop_map(Value::from)]
}

fn range() -> impl Strategy<Value = Value> {
    let operators = prop::sample::select(&["=", "<", "<=", ">", ">="][..]);
    let both = (any::<bool>(), any::<bool>(), -5i32..5, 1i32..900);
    prop_oneof![
        (operators, number()).prop_map(|(operator, bound)| json!([operator, bound])),
        both.prop_map(|(open, closed, low, width)| {
            json!([
                if open { ">" } else { ">=" },
                low,
                if closed { "<=" } else { "<" },
                low + width
            ])
        }),
    ]
}

pub(crate) fn comparison() -> BoxedStrategy<Value> {
    let wildcard = prop::sample::select(&WILDCARDS[..]).prop_map(Value::from);
    let texts = || one_or_list(text().prop_map(Value::from));
    let affixes = || {
        one_or_list(text().prop_filter("not empty", |text| !text.is_empty()).prop_map(Value::from))
    };
    let cidr = prop::sample::select(&BLOCKS[..]);
    prop_oneof![
        4 => leaf(),
        1 => text().prop_map(|text| json!({ "prefix": text })),
        1 => text().prop_map(|text| json!({ "suffix": text })),
        1 => text().prop_map(|text| json!({ "equals-ignore-case": text })),
        1 => text().prop_map(|text| json!({ "prefix": { "equals-ignore-case": text } })),
        1 => text().prop_map(|text| json!({ "suffix": { "equals-ignore-case": text } })),
        2 => wildcard.clone().prop_map(|wildcard| json!({ "wildcard": wildcard })),
        2 => range().prop_map(|range| json!({ "numeric": range })),
        1 => cidr.prop_map(|block| json!({ "cidr": block })),
        2 => any::<bool>().prop_map(|exists| json!({ "exists": exists })),
        1 => texts().prop_map(|texts| json!({ "anything-but": texts })),
        1 => one_or_list(number()).prop_map(|numbers| json!({ "anything-but": numbers })),
        1 => affixes().prop_map(|texts| json!({ "anything-but": { "prefix": texts } })),
        1 => affixes().prop_map(|texts| json!({ "anything-but": { "suffix": texts } })),
        1 => texts().prop_map(|texts| json!({ "anything-but": { "equals-ignore-case": texts } })),
        1 => one_or_list(wildcard).prop_map(|texts| json!({ "anything-but": { "wildcard": texts } })),
    ]
    .boxed()
}

pub(crate) fn pattern() -> impl Strategy<Value = Value> {
    let field = vec(comparison(), 1..4).prop_map(Value::from);
    let base = object(field.clone(), 3).boxed();
    base.prop_recursive(3, 12, 3, move |inner| {
        let member = prop_oneof![2 => field.clone(), 1 => inner.clone()];
        let or = vec(inner, 2..4);
        (object(member, 3), prop::option::of(or)).prop_map(|(mut object, or)| {
            if let (Some(or), Value::Object(members)) = (or, &mut object) {
                members.insert("$or".into(), or.into());
            }
            object
        })
    })
}

//! The fast matcher against the slow one, over generated patterns and events.

mod reference;

use event_pattern::{Matcher, Pattern};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["a", "b", "c", "a.b", "a-b", "$or"];
const TEXTS: [&str; 12] =
    ["", "a", "A", "ab", "aB", "abc", "order-1", "ORDER", "é", "x*y", "10.0.0.1", "2001:db8::1"];
const ADDRESSES: [&str; 7] =
    ["10.0.0.1", "32.1.13.184", "255.0.0.0", "a00:1::7", "::ffff:a00:1", "2001:db8::1", "ff00::"];
const BLOCKS: [&str; 7] =
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

fn event() -> impl Strategy<Value = Value> {
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

fn comparison() -> BoxedStrategy<Value> {
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

fn pattern() -> impl Strategy<Value = Value> {
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

fn parsed(pattern: &Value) -> Pattern {
    let limits = event_pattern::Limits::generous();
    Pattern::parse_within(pattern.to_string(), &limits).expect("a valid pattern")
}

fn both_agree(pattern: &Value, event: &Value) -> Result<(), TestCaseError> {
    let slow = reference::matches(pattern, event);
    let fast = parsed(pattern).matches(event.to_string()).expect("an event");
    prop_assert_eq!(fast, slow, "{} on {}", pattern, event);
    Ok(())
}

#[test]
fn an_address_is_compared_by_its_digits() {
    let blocks = BLOCKS.iter().map(|block| json!({ "a": [{ "cidr": block }] }));
    let plain = ADDRESSES.iter().map(|address| json!({ "a": [address] }));
    for pattern in blocks.chain(plain) {
        for held in ADDRESSES {
            both_agree(&pattern, &json!({ "a": held })).expect("one verdict");
        }
    }
}

proptest! {
    #[test]
    fn the_fast_matcher_agrees_with_the_slow_one(pattern in pattern(), event in event()) {
        both_agree(&pattern, &event)?;
    }

    #[test]
    fn an_explanation_agrees_with_the_verdict(pattern in pattern(), event in event()) {
        let pattern = parsed(&pattern);
        let explanation = pattern.explain(event.to_string()).expect("an event");
        prop_assert_eq!(explanation.matched, pattern.matches(event.to_string()).expect("an event"));
        let decided = explanation.decided_by.as_ref();
        prop_assert_eq!(decided.is_none(), explanation.matched);
        prop_assert!(decided.is_none_or(|path| explanation.fields.iter().any(|one| one.path == *path)));
    }

    #[test]
    fn many_rules_match_as_each_alone(
        patterns in vec(pattern(), 1..12),
        removed in any::<u16>(),
        event in event(),
    ) {
        let patterns: Vec<Pattern> = patterns.iter().map(parsed).collect();
        let event = event.to_string();
        let mut matcher = Matcher::new();
        for (id, pattern) in patterns.iter().enumerate() {
            matcher.add(id, pattern);
        }
        let alone = |keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
            let matches = |id: &usize| patterns[*id].matches(&event).expect("an event");
            (0..patterns.len()).filter(|id| keep(*id)).filter(matches).collect()
        };
        prop_assert_eq!(matcher.matches(&event).expect("an event"), alone(&|_| true));
        matcher = matcher.trusting_events();
        let stays = |id: usize| removed & (1 << id) == 0;
        for id in (0..patterns.len()).filter(|id| !stays(*id)) {
            prop_assert!(matcher.remove(&id));
        }
        prop_assert_eq!(matcher.matches(&event).expect("an event"), alone(&stays));
        for (id, pattern) in patterns.iter().enumerate() {
            prop_assert_eq!(matcher.add(id, pattern), stays(id));
        }
        prop_assert_eq!(matcher.matches(&event).expect("an event"), alone(&|_| true));
    }

    #[test]
    fn any_bytes_are_a_verdict_or_an_error(bytes in vec(any::<u8>(), 0..64), event in event()) {
        if let Ok(pattern) = Pattern::parse(&bytes) {
            prop_assert!(pattern.matches(event.to_string()).is_ok());
        }
        let one = parsed(&json!({"a": [1]}));
        let is_object = bytes.contains(&0x7b);
        prop_assert!(one.matches(&bytes).is_err() || is_object);
    }

    #[test]
    fn a_damaged_pattern_is_refused_or_still_a_pattern(
        pattern in pattern(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(&b"[]{},:\"0-\\*"[..]),
        event in event(),
    ) {
        let mut text = pattern.to_string().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        match Pattern::parse(&text) {
            Ok(pattern) => prop_assert!(pattern.matches(event.to_string()).is_ok()),
            Err(refusal) => {
                prop_assert!(refusal.path.starts_with('$'));
                prop_assert!(refusal.offset <= text.len());
            }
        }
    }
}

//! Compares the crate's matcher with a slow and simple one, over generated patterns and events.

mod generate;
mod reference;

use event_pattern::{Matcher, Pattern};
use generate::{BLOCKS, event, pattern};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

const ADDRESSES: [&str; 7] =
    ["10.0.0.1", "32.1.13.184", "255.0.0.0", "a00:1::7", "::ffff:a00:1", "2001:db8::1", "ff00::"];
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

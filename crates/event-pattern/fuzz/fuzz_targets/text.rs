//! Uses the first line of any text as a pattern, and the rest of the text as an event. Nothing
//! panics, and all ways to match give the same result.

#![no_main]

use event_pattern::{Limits, Matcher, Pattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let pattern = parts.next().unwrap_or_default();
    let event = parts.next().unwrap_or_default();
    let refused = Pattern::parse(pattern).err();
    if let Some(refused) = &refused {
        assert!(refused.offset <= pattern.len());
        assert!(!refused.to_string().is_empty());
    }
    let Ok(pattern) = Pattern::parse_within(pattern, &Limits::generous()) else {
        assert!(refused.is_some(), "the generous limits refuse what the strict ones take");
        return;
    };
    let alone = pattern.matches(event);
    let mut matcher = Matcher::new();
    matcher.add(1, &pattern);
    matcher.add(2, &pattern);
    matcher.remove(&1);
    match (matcher.matches(event), pattern.explain(event)) {
        (Ok(ids), Ok(explanation)) => {
            assert_eq!(Ok(!ids.is_empty()), alone);
            assert_eq!(Ok(explanation.matched), alone);
            assert!(serde_json::from_slice::<serde_json::Value>(event).is_ok() || is_odd(event));
        }
        _ => assert!(alone.is_err()),
    }
});

/// Whether `serde_json` may refuse the event although this crate reads it: because of numbers
/// beyond the range of a double, unpaired surrogates, or nesting beyond 128 levels.
fn is_odd(event: &[u8]) -> bool {
    let deep = event.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() >= 127;
    deep || event.windows(2).any(|pair| pair == b"\\u")
        || event.iter().any(|byte| matches!(byte, b'e' | b'E'))
        || event.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() > 300)
}

//! Compares and lints any two texts, separated by a line break, as patterns. Nothing panics, and
//! each returned event is matched by exactly the patterns that the comparison names.

#![no_main]

use event_pattern::{Events, Limits, Pattern, Relation, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, "{\"a\":[1]}"));
    for finding in lint(first) {
        assert!(!finding.message.is_empty() && finding.position.line > 0);
    }
    let limits = Limits { combinations: 16, ..Limits::default() };
    let parsed = |text: &str| Pattern::parse_within(text, &limits);
    let (Ok(first), Ok(second)) = (parsed(first), parsed(second)) else { return };
    for events in [Events::Any, Events::Delivered] {
        let compared = first.compare(&second, events);
        for (event, expected) in [
            (&compared.both, (true, true)),
            (&compared.only_first, (true, false)),
            (&compared.only_second, (false, true)),
        ] {
            if let Some(event) = event {
                let found = (first.matches(event), second.matches(event));
                assert_eq!(found, (Ok(expected.0), Ok(expected.1)), "{event}");
            }
        }
    }
    let own = first.compare(&first, Events::Any).relation;
    assert!(matches!(own, Relation::Equal | Relation::Undecided), "{own:?}");
});

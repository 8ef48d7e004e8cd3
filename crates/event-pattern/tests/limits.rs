//! Checks that inputs that are too large, too deep or too complex are refused, or that their
//! processing is cut off. No such input takes long or crashes the process.

use std::time::{Duration, Instant};

use event_pattern::{EventError, Limits, Matcher, Pattern, PatternFault};

fn fault(pattern: &str) -> PatternFault {
    Pattern::parse(pattern).expect_err("a refusal").fault
}

#[test]
fn a_pattern_has_at_most_4096_characters() {
    let of = |length: usize| format!(r#"{{"a":["{}"]}}"#, "é".repeat(length - 10));
    assert!(Pattern::parse(of(4096)).is_ok());
    assert!(matches!(fault(&of(4097)), PatternFault::TooLarge { found: 4097, limit: 4096, .. }));
    assert!(Pattern::parse_within(of(4097), &Limits::generous()).is_ok());
}

#[test]
fn all_choices_unfold_into_at_most_1000_combinations() {
    let choice = |name: &str, size: usize| {
        let branches: Vec<_> =
            (0..size).map(|number| format!(r#"{{"{name}":[{number}]}}"#)).collect();
        format!(r#"{{"$or":[{}]}}"#, branches.join(","))
    };
    let both = |left, right| format!(r#"{{"x":{},"y":{}}}"#, choice("a", left), choice("b", right));
    assert!(Pattern::parse(both(40, 25)).is_ok());
    assert!(matches!(fault(&both(77, 13)), PatternFault::TooLarge { limit: 1000, .. }));
}

#[test]
fn wildcards_may_not_be_too_complex() {
    let asking = |wildcards: &[&str]| {
        let asked: Vec<String> =
            wildcards.iter().map(|text| format!(r#"{{"wildcard":"{text}"}}"#)).collect();
        format!(r#"{{"a":[{}]}}"#, asked.join(","))
    };
    // As observed, EventBridge accepts the patterns in the first loop, and refuses those in the
    // second.
    for taken in [
        asking(&["/Users/*/dir/dir/dir/dir/dir/doc.txt"]),
        asking(&["arn:aws:events:us-east-1:*:event-bus/*"]),
        asking(&["*.bif", "*.tiff", "*.tif", "*.svs"]),
        asking(&["*/datasync/*.bif", "*/datasync/*.tif"]),
        asking(&["*:stack/One/*", "*:stack/Two/*", "*:stack/Three/*"]),
    ] {
        assert!(Pattern::parse(&taken).is_ok(), "{taken}");
    }
    let branches = [asking(&["*/data/*.a", "*/data/*.b"]), asking(&["*/data/*.c", "*/data/*.d"])];
    for refused in [
        asking(&["*:*:*:*:*:event-bus/*"]),
        asking(&["*/datasync/*.bif", "*/datasync/*.tiff", "*/datasync/*.tif", "*/datasync/*.svs"]),
        asking(&["*:stack/One/*", "*:stack/Two/*", "*:stack/Three/*", "*:stack/Four/*"]),
        format!(r#"{{"$or":[{}]}}"#, branches.join(",")),
        r#"{"a":[{"anything-but":{"wildcard":["*a*a*a*a*","*b*b*b*b*"]}}]}"#.into(),
    ] {
        let found = fault(&refused);
        assert!(matches!(found, PatternFault::WildcardComplexity { .. }), "{refused}: {found}");
        assert!(Pattern::parse_within(&refused, &Limits::generous()).is_ok());
    }
    // The wildcards of two alternatives are counted separately if the alternatives ask for
    // different values of an earlier field.
    let apart = r#"{"$or":[{"0":[1],"a":[{"wildcard":"*/data/*.a"},{"wildcard":"*/data/*.b"}]},
                           {"0":[2],"a":[{"wildcard":"*/data/*.c"},{"wildcard":"*/data/*.d"}]}]}"#;
    assert!(Pattern::parse(apart).is_ok());
}

#[test]
fn numbers_can_be_held_to_the_documented_bound() {
    let limits = Limits { numeric_bound: Some(5e9), ..Limits::default() };
    let beyond = r#"{"a":[{"numeric":[">",5000000000.1]}]}"#;
    let refusal = Pattern::parse_within(beyond, &limits).expect_err("a refusal");
    assert_eq!(refusal.path, "$.a[0].numeric");
    assert!(Pattern::parse_within(r#"{"a":[{"numeric":[">",5e9]}]}"#, &limits).is_ok());
    assert!(Pattern::parse(beyond).is_ok());
}

#[test]
fn deep_patterns_and_events_are_refused_in_bounded_stack() {
    let deep =
        |open: &str, close: &str, times| format!("{}{}", open.repeat(times), close.repeat(times));
    let pattern = format!("{}[1]{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    assert!(
        Pattern::parse_within(pattern, &Limits { characters: usize::MAX, ..Limits::default() })
            .is_err()
    );
    let rule = Pattern::parse(r#"{"a":{"a":[1]}}"#).expect("a pattern");
    for event in [
        format!(r#"{{"a":{}}}"#, deep("[", "]", 500_000)),
        format!(r#"{{"b":{}}}"#, deep("[", "]", 500_000)),
        format!(r#"{{"a":{}1{}}}"#, r#"{"a":"#.repeat(500_000), "}".repeat(500_000)),
    ] {
        assert!(matches!(rule.matches(event), Err(EventError::NotJson(_))));
    }
    assert_eq!(rule.matches(format!(r#"{{"a":{}}}"#, deep("[", "]", 900))), Ok(false));
}

#[test]
fn what_is_no_object_is_no_event() {
    let rule = Pattern::parse(r#"{"a":[1]}"#).expect("a pattern");
    for event in ["1", "[]", "null", r#""a""#] {
        assert_eq!(rule.matches(event), Err(EventError::NotAnObject), "{event}");
    }
    for event in [
        "",
        "{",
        r#"{"a":1"#,
        r#"{"a":tru}"#,
        r#"{"b":[1,,2]}"#,
        r#"{"b":{"c" 1}}"#,
        "{} x",
        r#"{"a":01}"#,
    ] {
        assert!(matches!(rule.matches(event), Err(EventError::NotJson(_))), "{event}");
    }
    assert_eq!(rule.matches(b"\xff"), Err(EventError::NotUtf8));
}

/// Runs `work`, which must not take long even on a slow machine without optimizations.
fn soon<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    result
}

#[test]
fn intricate_wildcards_are_refused_in_bounded_time() {
    for part in ["*a", "*ab", "*abcdefghij", "a*bcb"] {
        let pattern = format!(r#"{{"a":[{{"wildcard":"{}"}}]}}"#, part.repeat(4000 / part.len()));
        assert!(matches!(soon(|| fault(&pattern)), PatternFault::WildcardComplexity { .. }));
    }
    let many: Vec<_> = (0..150).map(|n| format!(r#"{{"wildcard":"{n}*{n}x*y"}}"#)).collect();
    let many = format!(r#"{{"a":[{}]}}"#, many.join(","));
    assert!(matches!(soon(|| fault(&many)), PatternFault::WildcardComplexity { .. }));
    let long = format!(r#"{{"a":[{{"wildcard":"*{}*x"}}]}}"#, "ab0cd1ef2".repeat(400));
    assert!(matches!(soon(|| fault(&long)), PatternFault::WildcardComplexity { .. }));
}

#[test]
fn a_wildcard_takes_time_in_proportion_to_the_value() {
    let pattern = format!(r#"{{"a":[{{"wildcard":"{}b"}}]}}"#, "*a".repeat(20));
    let rule = Pattern::parse_within(pattern, &Limits::generous()).expect("a pattern");
    let event = format!(r#"{{"a":"{}"}}"#, "a".repeat(1_000_000));
    assert_eq!(soon(|| rule.matches(event)), Ok(false));
}

#[test]
fn large_arrays_of_objects_take_time_in_proportion_to_their_length() {
    let rule = Pattern::parse(r#"{"i":{"a":[1],"b":[2],"c":[3],"d":[{"exists":false}]}}"#)
        .expect("a pattern");
    let mut elements = vec![r#"{"a":1,"b":2,"c":0,"d":1}"#; 40_000];
    let event = |elements: &[&str]| format!(r#"{{"i":[{}]}}"#, elements.join(","));
    assert_eq!(soon(|| rule.matches(event(&elements))), Ok(false));
    elements.push(r#"{"a":1,"b":2,"c":3}"#);
    assert_eq!(soon(|| rule.matches(event(&elements))), Ok(true));
}

#[test]
fn independent_arrays_do_not_multiply() {
    let names = ["i", "j", "k", "l", "m"];
    let fields: Vec<_> =
        names.iter().map(|name| format!(r#""{name}":{{"a":[1],"b":[2]}}"#)).collect();
    let rule = Pattern::parse(format!("{{{}}}", fields.join(","))).expect("a pattern");
    let elements = vec![r#"{"a":1,"b":2}"#; 2000].join(",");
    let last = vec![r#"{"a":1},{"b":2}"#; 2000].join(",");
    let arrays: Vec<_> = names
        .iter()
        .map(|name| format!(r#""{name}":[{}]"#, if *name == "m" { &last } else { &elements }))
        .collect();
    assert_eq!(soon(|| rule.matches(format!("{{{}}}", arrays.join(",")))), Ok(false));
}

#[test]
fn repeated_names_cannot_make_arrays_multiply_without_bound() {
    let rule = Pattern::parse(r#"{"a":{"b":[1],"c":[1],"d":[1],"e":[1],"f":[1],"g":[1],"h":[2]}}"#)
        .expect("a pattern");
    let array = format!(
        r#""a":[{}]"#,
        vec![r#"{"b":1},{"c":1},{"d":1},{"e":1},{"f":1},{"g":1},{"h":1}"#; 20].join(",")
    );
    let event = format!("{{{}}}", vec![array; 40].join(","));
    assert!(matches!(soon(|| rule.matches(event)), Ok(false) | Err(EventError::TooIntricate)));
}

#[test]
fn ten_thousand_rules_are_added_and_removed_soon() {
    let rules: Vec<Pattern> = (0..10_000)
        .map(|number| {
            let text = format!(
                r#"{{"source":["s"],"d":{{"n":[{{"numeric":[">=",{number}]}}],"w":[{{"wildcard":"*x{number}*"}}],"p":[{{"prefix":"p{number}"}}]}}}}"#
            );
            Pattern::parse(text).expect("a pattern")
        })
        .collect();
    let mut matcher = Matcher::new();
    soon(|| rules.iter().enumerate().for_each(|(id, rule)| assert!(!matcher.add(id, rule))));
    let event = r#"{"source":"s","d":{"n":5000,"w":"ax42b","p":"p42x"}}"#;
    assert_eq!(matcher.matches(event).expect("an event"), [4, 42]);
    soon(|| (1..10_000).for_each(|id| assert!(matcher.remove(&id))));
    assert_eq!(matcher.len(), 1);
    assert_eq!(matcher.matches(event).expect("an event"), [0usize; 0]);
}

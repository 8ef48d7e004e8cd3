//! Checks what the linter finds in patterns, and what it accepts.

use event_pattern::{Code, Severity, lint};

fn found(pattern: &str) -> Vec<(Code, String)> {
    lint(pattern).into_iter().map(|finding| (finding.code, finding.place)).collect()
}

#[track_caller]
fn finds(pattern: &str, code: Code, place: &str) {
    let found = found(pattern);
    assert!(found.contains(&(code, place.to_owned())), "{pattern}: {found:?}");
}

#[test]
fn what_has_no_effect_is_found() {
    finds(r#"{"source":[{"exists":false}]}"#, Code::NeverMatches, "$.source");
    finds(r#"{"detail-type":[5]}"#, Code::NeverMatches, "$.detail-type");
    finds(r#"{"source":[{"exists":true}]}"#, Code::AlwaysTrue, "$.source");
    finds(r#"{"detail":{"a":[{"exists":true},{"exists":false}]}}"#, Code::AlwaysTrue, "$.detail.a");
    finds(
        r#"{"detail":{"a":[{"anything-but":"x"},{"anything-but":"y"}]}}"#,
        Code::AlwaysTrue,
        "$.detail.a",
    );
    finds(r#"{"detail":{"a":[{"prefix":"x"},"xy"]}}"#, Code::Shadowed, "$.detail.a");
    finds(r#"{"detail":{"a":["x","x"]}}"#, Code::Shadowed, "$.detail.a");
    finds(
        r#"{"$or":[{"source":["a"]},{"source":["a"],"detail":{"b":[1]}}]}"#,
        Code::Shadowed,
        "$.$or[1]",
    );
    finds(r#"{"$or":[{"source":["a"]},{"source":[1]}]}"#, Code::NeverMatches, "$.$or[1].source");
}

#[test]
fn slips_of_the_pen_are_found() {
    finds(r#"{"Source":["a"]}"#, Code::MisspeltEnvelope, "$.Source");
    finds(r#"{"source":["a"],"detailType":["b"]}"#, Code::MisspeltEnvelope, "$.detailType");
    finds(r#"{"source":["a"],"total":[1]}"#, Code::MisspeltEnvelope, "$.total");
    finds(r#"{"sorce":["a"]}"#, Code::MisspeltEnvelope, "$.sorce");
    finds(r#"{"details":{"a":[1]}}"#, Code::MisspeltEnvelope, "$.details.a");
    assert_eq!(found(r#"{"body":{"a":[1]},"time_s":[1]}"#), [], "a filter of a queue");
    finds(r#"{"source":["a"],"$and":[1]}"#, Code::OperatorAsField, "$.$and");
    finds(r#"{"source":["com.*"]}"#, Code::LiteralStar, "$.source");
    finds(r#"{"source":["a"],"source":["b"]}"#, Code::DuplicateName, "$.source");
}

#[test]
fn what_the_service_refuses_is_found_with_its_place() {
    let findings = lint("{\n  \"a\": \"x\"\n}");
    assert_eq!((findings[0].code, findings[0].severity), (Code::Invalid, Severity::Error));
    assert_eq!(findings[0].position.line, 2);
    finds(r#"{"a":[{"wildcard":"*a*a*a*a*a*a*a*a*"}]}"#, Code::TooComplex, "$.a");
}

#[test]
fn long_patterns_are_reported_with_their_compacted_length() {
    let values = vec!["\"vvvv\""; 240].join(",  \n");
    let findings = lint(&format!("{{\"a\": [{values}]}}"));
    let long = findings.iter().find(|finding| finding.code == Code::TooLong).expect("a finding");
    assert!(long.message.contains("2405 characters, 1687 without white space"), "{long}");
    assert!(long.remedy.as_deref().is_some_and(|remedy| remedy.contains("without white space")));
}

#[test]
fn good_patterns_are_left_alone() {
    for pattern in [
        r#"{"source":["com.orders"],"detail-type":["OrderCreated"]}"#,
        r#"{"detail":{"total":[{"numeric":[">=",1000]}],"a":[{"exists":true}]}}"#,
        r#"{"detail":{"a":[{"prefix":"x"},{"suffix":"y"},{"cidr":"10.0.0.0/8"}]}}"#,
        r#"{"$or":[{"source":["a"]},{"detail":{"b":[1,2.5,null,true]}}]}"#,
        r#"{"body":{"test2":[{"numeric":[">",100]}]}}"#,
        r#"{"detail":{"a":[{"anything-but":["x","y"]}],"b":[{"exists":false},"z"]}}"#,
    ] {
        assert_eq!(lint(pattern), [], "{pattern}");
    }
}

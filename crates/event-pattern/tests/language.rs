//! Checks what the API offers besides verdicts: refusals, explanations, ids.

use event_pattern::{FieldConstraint, Limits, Matcher, Outcome, Pattern};
use serde_json::json;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("a valid pattern")
}

#[track_caller]
fn refused(text: &str, path: &str, part: &str) {
    let refusal = Pattern::parse(text).expect_err("a refusal");
    assert_eq!(refusal.path, path);
    assert!(refusal.to_string().contains(part), "{refusal}");
}

#[test]
fn a_refusal_names_the_path_the_reason_and_the_remedy() {
    refused(r#"{"a":{"b":"x"}}"#, "$.a.b", "wrap the value in an array");
    refused(r#"{"a":["x",{"prefx":"y"}]}"#, "$.a[1].prefx", "unknown operator `prefx`");
    refused(
        r#"{"a":[{"numeric":[">",5,"<",3]}]}"#,
        "$.a[0].numeric",
        "the lower bound of a range, 5, must be less than its upper bound, 3",
    );
    refused(
        r#"{"a":[{"anything-but":["x",1]}]}"#,
        "$.a[0].anything-but",
        "only strings or only numbers",
    );
    refused(r#"{"a":[{"wildcard":"a**"}]}"#, "$.a[0].wildcard", "two `*` in a row");
    refused(r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, "$.a[0]", "alternatives");
    refused(r#"{"x":{"$or":[{"a":[1]},{"b":2}]}}"#, "$.x.$or[1].b", "bare value");
    refused(r#"{"$or":[{"a":[1]}]}"#, "$.$or", "at least two objects");
    refused(r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#, "$.a[0].cidr", "at most 31 bits");
    let and = r#"{"$and":[{"a":[1]},{"b":[2]}]}"#;
    refused(and, "$.$and[0].a", "fields side by side must all match");
    refused(r#"{"$or":[{"a":[1]},{"b":[{"c":1}]}]}"#, "$.$or[1].b[0].c", "use prefix, suffix");
    refused(r#"{"a":[1]"#, "$", "not JSON");
    refused(r#"["a"]"#, "$", "must be a JSON object");
    refused(r#"{"a":[["x"]]}"#, "$.a[0]", "another array");
}

#[test]
fn an_explanation_names_the_field_that_decided_its_value_and_the_condition() {
    let rule = pattern(r#"{"source":["com.orders"],"detail":{"total":[{"numeric":[">=",1000]}]}}"#);
    let explanation =
        rule.explain(r#"{"source":"com.orders","detail":{"total":237.510}}"#).expect("an event");
    assert!(!explanation.matched);
    assert_eq!(explanation.decided_by.as_deref(), Some("detail.total"));
    assert_eq!(
        explanation.to_string(),
        "no match: detail.total decided\n  \
         - detail.total is 237.510; asked: {\"numeric\":[\">=\",1000]}\n  \
         + source is \"com.orders\", as asked: \"com.orders\""
    );
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["decided-by"], "detail.total");
    assert_eq!(json["fields"][0]["outcome"]["is"], "unmet");
    assert_eq!(json["fields"][1]["outcome"]["value"], "\"com.orders\"");
}

#[test]
fn an_explanation_tells_a_missing_field_from_another_array_element() {
    let rule = pattern(r#"{"i":{"a":[1],"b":[2]}}"#);
    let outcomes = |event: &str| {
        let explanation = rule.explain(event).expect("an event");
        explanation.fields.into_iter().map(|field| field.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(r#"{"i":{"a":1}}"#)[1], Outcome::Missing);
    let other = outcomes(r#"{"i":[{"a":1},{"b":2}]}"#).remove(1);
    let Outcome::OtherElement { element, elsewhere } = other else { panic!("{other:?}") };
    assert_eq!((&*element, &*elsewhere.at, &*elsewhere.value), ("i[0]", "i[1].b", "2"));
    assert!(matches!(outcomes(r#"{"i":[{"a":1,"b":2}]}"#)[1], Outcome::Met { .. }));
}

#[test]
fn an_explanation_shows_the_alternative_with_the_least_against_it() {
    let rule = pattern(r#"{"$or":[{"a":[1],"b":[1],"c":[1]},{"d":[1]}]}"#);
    let explanation = rule.explain(r#"{"d":2}"#).expect("an event");
    assert_eq!((explanation.alternatives, explanation.alternative), (2, 1));
    assert_eq!(explanation.decided_by.as_deref(), Some("d"));
}

/// Returns the text of an explanation.
fn explained(rule: &str, event: &str) -> String {
    pattern(rule).explain(event).expect("an event").to_string()
}

#[test]
fn an_explanation_names_the_array_element_and_shows_its_values_only() {
    let rule = r#"{"items":{"sku":["B"],"qty":[{"numeric":[">",5]}]}}"#;
    let event = r#"{"items":[{"sku":"A","qty":9},{"sku":"B","qty":1}]}"#;
    assert_eq!(
        explained(rule, event),
        "no match: items.sku decided\n  \
         + items[0].qty is 9, as asked: {\"numeric\":[\">\",5]}\n  \
         - items[0].sku is \"A\", where the fields above are met; asked: \"B\"; \"B\" at \
         items[1].sku is in another element"
    );
    let event = r#"{"items":[{"sku":"A","qty":9},{"sku":"B","qty":6}]}"#;
    assert!(explained(rule, event).starts_with("match\n  + items[1].qty is 6, as asked"));
    let event = r#"{"items":[{"sku":"A","qty":2},{"sku":"B","qty":1}]}"#;
    assert!(explained(rule, event).contains("- items[1].qty is 1, and 1 more not shown; asked"));
    let nested = explained(r#"{"a":{"b":["x"]}}"#, r#"{"a":[[{"b":"y"},{"b":["z","x"]}]]}"#);
    assert!(nested.contains("+ a[0][1].b[1] is \"x\""), "{nested}");
}

#[test]
fn an_explanation_counts_what_it_does_not_show() {
    let rest = [r#"{"b":2}"#; 5].join(",");
    let event = format!(r#"{{"i":[{{"a":1}},{rest}]}}"#);
    let elsewhere = explained(r#"{"i":{"a":[1],"b":[2]}}"#, &event);
    assert!(
        elsewhere.ends_with("2 at i[1].b is in another element, and 4 more not shown"),
        "{elsewhere}"
    );
    let event = format!(r#"{{"a":[{}]}}"#, vec!["1"; 40].join(","));
    assert!(explained(r#"{"a":[2]}"#, &event).contains("and 24 more not shown"));
}

#[test]
fn an_object_or_an_empty_array_is_not_called_absent() {
    let rule = r#"{"a":["x"]}"#;
    assert!(explained(rule, r#"{"a":{"b":1}}"#).contains("- a is an object, which has no value"));
    assert!(explained(rule, r#"{"a":[]}"#).contains("- a is an empty array, which has no value"));
    assert!(explained(rule, r#"{"a":[{"b":1}]}"#).contains("- a is an object"));
    let behind = explained(
        r#"{"i":{"a":[1],"b":[2]},"z":[{"exists":false}]}"#,
        r#"{"i":[{"a":1},{"b":2}],"z":{"y":1}}"#,
    );
    assert!(
        behind.contains("+ z is an object, which has no value that a pattern can match"),
        "{behind}"
    );
    let absent = explained(r#"{"a":[{"exists":false}]}"#, r#"{"a":{}}"#);
    assert!(
        absent.contains(
            "+ a is an empty object, which has no value that a pattern can match, as asked"
        )
    );
    assert!(explained(rule, "{}").contains("- a is absent; asked"));
}

#[test]
fn every_alternative_of_a_failed_choice_is_reported_with_its_place() {
    let rule = r#"{"s":["t"],"detail":{"$or":[{"a":[1]},{"b":[2],"c":[3]},{"$or":[{"d":[4]},{"e":[5]}]}]}}"#;
    let explanation = pattern(rule).explain(r#"{"s":"t","detail":{"a":0}}"#).expect("an event");
    let places: Vec<&str> = std::iter::once(&explanation.place)
        .chain(explanation.others.iter().map(|other| &other.place))
        .map(String::as_str)
        .collect();
    let expected =
        ["$.detail.$or[0]", "$.detail.$or[1]", "$.detail.$or[2].$or[0]", "$.detail.$or[2].$or[1]"];
    assert_eq!(places, expected);
    assert_eq!(explanation.others[0].fields[1].place, "$.detail.$or[1].c");
    let text = explanation.to_string();
    assert!(
        text.contains("no match in alternative 2 ($.detail.$or[1]): detail.b decided"),
        "{text}"
    );
}

#[test]
fn a_near_miss_is_hinted_at() {
    for (rule, event, part) in [
        (r#"{"source":["a"]}"#, r#"{"Source":"a"}"#, "the event has `Source`"),
        (r#"{"detailType":["a"]}"#, r#"{"detail-type":"a"}"#, "the pattern asks for `detailType`"),
        (r#"{"source":["Orders"]}"#, r#"{"source":"orders"}"#, "differ in case"),
        (r#"{"detail":{"t":[237.51]}}"#, r#"{"detail":{"t":"237.51"}}"#, "the event has a string"),
        (r#"{"detail":{"t":["237.51"]}}"#, r#"{"detail":{"t":237.51}}"#, "the event has a number"),
        (r#"{"detail":{"t":["false"]}}"#, r#"{"detail":{"t":false}}"#, "written without quotes"),
        (r#"{"detail":{"t":[false]}}"#, r#"{"detail":{"t":"false"}}"#, "in quotes"),
        (r#"{"detail":{"t":[{"numeric":[">",1]}]}}"#, r#"{"detail":{"t":"5"}}"#, "numbers only"),
        (
            r#"{"source":["a*"]}"#,
            r#"{"source":"ab"}"#,
            "a `*` in a plain string is an ordinary character, not a wildcard",
        ),
        (
            r#"{"source":["a"]}"#,
            r#"{"Source":"a","DetailType":"b","Detail":"{}"}"#,
            "an entry as PutEvents takes it",
        ),
        (r#"{"source":["a"]}"#, r#"{"Entries":[{"Source":"a"}]}"#, "a request to PutEvents"),
        (r#"{"detail":{"t":[1]}}"#, r#"{"t":1}"#, "a bare detail"),
        (r#"{"t":[1]}"#, r#"{"detail":{"t":1}}"#, "ask for `detail.t`"),
        (r#"{"$and":[1]}"#, r#"{"a":1}"#, "`$and` is a field's name"),
    ] {
        let text = explained(rule, event);
        assert!(text.contains("\nhint: ") && text.contains(part), "{rule} {event}: {text}");
    }
    let far = explained(r#"{"source":["a"]}"#, r#"{"source":"b"}"#);
    assert!(!far.contains("hint"), "{far}");
}

#[test]
fn an_event_without_its_envelope_is_reported() {
    let explanation = pattern(r#"{"a":[1]}"#).explain(r#"{"a":1}"#).expect("an event");
    assert!(explanation.matched && explanation.lacks.contains(&"detail-type".to_owned()));
    let whole = r#"{"id":"1","account":"2","source":"s","time":"t","region":"r","resources":[],"detail-type":"d"}"#;
    assert!(pattern(r#"{"a":[1]}"#).explain(whole).expect("an event").lacks.is_empty());
}

#[test]
fn a_refusal_has_a_line_and_a_column() {
    let text = "{\n  \"a\": [\"é\", {\"prefx\": 1}]\n}";
    let refusal = Pattern::parse(text).expect_err("a refusal");
    assert_eq!(refusal.position(text).line, 2);
    assert_eq!(refusal.position(text).to_string(), "line 2, column 23");
}

#[test]
fn a_pattern_lists_its_fields_alternatives_and_literals() {
    let rule = pattern(
        r#"{"source":["com.orders"],"detail-type":["OrderCreated","OrderCanceled"],"$or":[{"x":[{"exists":false},null]},{"y":[{"prefix":"z"}]}]}"#,
    );
    assert_eq!(rule.fields(), ["detail-type", "source", "x", "y"]);
    assert_eq!(rule.literals("detail-type"), Some(vec!["OrderCanceled", "OrderCreated"]));
    assert_eq!(rule.literals("y"), None);
    let alternatives = rule.alternatives();
    assert_eq!(alternatives.len(), 2);
    let expected =
        FieldConstraint { path: "x".into(), absent: true, any_of: vec![serde_json::Value::Null] };
    assert_eq!(alternatives[0][2], expected);
    assert_eq!(alternatives[1][2].any_of, [json!({ "prefix": "z" })]);
}

#[test]
fn ids_come_back_in_order_and_once() {
    let mut rules = Matcher::new();
    for id in ["c", "a", "b"] {
        assert!(!rules.add(id, &pattern(r#"{"$or":[{"x":[1]},{"y":[1]}]}"#)));
    }
    assert_eq!(rules.matches(r#"{"y":1,"x":1}"#).expect("an event"), ["a", "b", "c"]);
    assert!(rules.add("a", &pattern(r#"{"x":[2]}"#)), "the rule is replaced");
    assert_eq!(rules.matches(r#"{"y":1,"x":1}"#).expect("an event"), ["b", "c"]);
    assert!(rules.remove(&"b") && !rules.remove(&"b"));
    assert_eq!((rules.len(), rules.contains(&"a"), rules.is_empty()), (2, true, false));
}

#[test]
fn a_parsed_event_matches_as_its_text_does() {
    let event = json!({"a": {"b": [1, 2.50, "x"]}});
    assert!(pattern(r#"{"a":{"b":[2.5]}}"#).matches_value(&event).expect("an event"));
    let mut rules = Matcher::new();
    rules.add(7, &pattern(r#"{"a":{"b":["x"]}}"#));
    assert_eq!(rules.matches_value(&event).expect("an event"), [7]);
}

#[test]
fn trusting_matchers_read_no_further_than_they_must() {
    let mut rules = Matcher::new().trusting_events();
    rules.add("tags", &pattern(r#"{"source":["s"],"tags":["b"]}"#));
    let broken_behind = r#"{"source":"s","tags":["a","b"],"detail":{"#;
    assert_eq!(rules.matches(broken_behind).expect("read far enough"), ["tags"]);
    assert!(rules.matches(r#"{"source":"s","tags":["b""#).is_err());
    rules.remove(&"tags");
    rules.add("absent", &pattern(r#"{"source":["s"],"z":[{"exists":false}]}"#));
    assert!(rules.matches(broken_behind).is_err(), "absence shows at the end");
}

#[test]
fn limits_can_be_lifted_together() {
    let choices: Vec<_> = (0..2000).map(|number| format!(r#"{{"a":[{number}]}}"#)).collect();
    let text = format!(r#"{{"$or":[{}]}}"#, choices.join(","));
    assert!(Pattern::parse(&text).is_err());
    let rule = Pattern::parse_within(&text, &Limits::generous()).expect("a pattern");
    assert!(rule.matches(r#"{"a":1999}"#).expect("an event"));
}

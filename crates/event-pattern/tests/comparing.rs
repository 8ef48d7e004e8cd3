//! Checks the relations of patterns by brute force: generates pairs of patterns, and events for
//! each pair.

mod generate;

use std::collections::BTreeSet;

use event_pattern::{Compared, Events, Limits, Pattern, Relation};
use generate::{event, pattern};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn parsed(pattern: &Value) -> Pattern {
    Pattern::parse_within(pattern.to_string(), &Limits::generous()).expect("a valid pattern")
}

#[track_caller]
fn relate(first: &str, second: &str, events: Events) -> Compared {
    let (first, second) =
        (Pattern::parse(first).expect("a pattern"), Pattern::parse(second).expect("a pattern"));
    let compared = first.compare(&second, events);
    proved(&first, &second, &compared).expect("events that prove the relation");
    compared
}

/// Checks the events in `compared`: `both` matches both patterns, `only_first` only the first, and
/// `only_second` only the second. Checks also that `compared.relation` fits the events that are not
/// `None`.
fn proved(first: &Pattern, second: &Pattern, compared: &Compared) -> Result<(), TestCaseError> {
    let cases = [
        (&compared.both, (true, true)),
        (&compared.only_first, (true, false)),
        (&compared.only_second, (false, true)),
    ];
    for (event, expected) in cases {
        if let Some(event) = event {
            let found =
                (first.matches(event).expect("an event"), second.matches(event).expect("an event"));
            prop_assert_eq!(found, expected, "{}", event);
        }
    }
    let shown = cases.map(|(event, _)| event.is_some());
    let wanted = match compared.relation {
        Relation::Within => Some([true, false, true]),
        Relation::Contains => Some([true, true, false]),
        Relation::Overlapping => Some([true, true, true]),
        Relation::Equal => Some([shown[0], false, false]),
        Relation::Disjoint => Some([false, shown[1], shown[2]]),
        Relation::Undecided => None,
    };
    prop_assert!(wanted.is_none_or(|wanted| wanted == shown), "{:?}", compared);
    Ok(())
}

#[test]
fn values_decide_how_patterns_relate() {
    for (first, second, expected) in [
        (r#"{"a":["x"]}"#, r#"{"a":["x","y"]}"#, Relation::Within),
        (r#"{"a":[{"prefix":"ab"}]}"#, r#"{"a":[{"prefix":"a"}]}"#, Relation::Within),
        (r#"{"a":[{"prefix":"a"}]}"#, r#"{"a":[{"wildcard":"a*"}]}"#, Relation::Equal),
        (r#"{"a":[{"exists":true}]}"#, r#"{"a":[{"anything-but":"x"},"x"]}"#, Relation::Equal),
        (
            r#"{"a":[{"numeric":[">",1,"<",5]}]}"#,
            r#"{"a":[{"numeric":[">=",0]}]}"#,
            Relation::Within,
        ),
        (r#"{"a":[5]}"#, r#"{"a":[{"numeric":["=",5]}]}"#, Relation::Equal),
        (r#"{"a":[{"exists":false}]}"#, r#"{"a":["x"]}"#, Relation::Disjoint),
        (r#"{"a":["x"]}"#, r#"{"a":["y"]}"#, Relation::Overlapping),
        (r#"{"a":["x"],"b":["y"]}"#, r#"{"a":["x"]}"#, Relation::Within),
        (r#"{"$or":[{"a":["x"]},{"b":["y"]}]}"#, r#"{"a":["x"]}"#, Relation::Contains),
        (r#"{"a":[{"cidr":"10.0.0.0/9"}]}"#, r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#, Relation::Within),
        (
            r#"{"a":[{"equals-ignore-case":"ab"}]}"#,
            r#"{"a":["ab","aB","Ab","AB"]}"#,
            Relation::Equal,
        ),
        (r#"{"a":[{"wildcard":"*a*b"}]}"#, r#"{"a":[{"suffix":"b"}]}"#, Relation::Within),
    ] {
        assert_eq!(relate(first, second, Events::Any).relation, expected, "{first} {second}");
    }
}

#[test]
fn an_array_is_no_way_out_where_the_service_sends_one_value() {
    let (first, second) = (r#"{"source":["a"]}"#, r#"{"source":["b"]}"#);
    assert_eq!(relate(first, second, Events::Any).relation, Relation::Overlapping);
    assert_eq!(relate(first, second, Events::Delivered).relation, Relation::Disjoint);
    let always = r#"{"source":[{"exists":true}],"detail":{"a":[1]}}"#;
    let compared = relate(always, r#"{"detail":{"a":[1]}}"#, Events::Delivered);
    assert_eq!(compared.relation, Relation::Equal);
}

#[test]
fn elements_of_arrays_can_tell_patterns_apart() {
    // Without arrays, the two patterns match the same events, because `a` is either absent or
    // present. If `a` and `b` are in different elements of an array, only the second pattern
    // matches.
    let either =
        r#"{"$or":[{"i":{"a":[{"exists":false}],"b":[2]}},{"i":{"a":[{"exists":true}],"b":[2]}}]}"#;
    let compared = relate(either, r#"{"i":{"b":[2]}}"#, Events::Any);
    assert_eq!(compared.relation, Relation::Within);
    assert!(compared.only_second.expect("an event").contains('['));
    let compared =
        relate(r#"{"i":{"0":[5],"a":[{"exists":false}]}}"#, r#"{"i":{"a":[1]}}"#, Events::Any);
    assert_eq!(compared.relation, Relation::Overlapping);
}

/// Whether the relation agrees with all events so far. `met` has a pair for each event: whether the
/// first pattern matched, and whether the second did.
fn not_contradicted(relation: Relation, met: &BTreeSet<(bool, bool)>) -> bool {
    let [both, first, second] =
        [(true, true), (true, false), (false, true)].map(|one| met.contains(&one));
    match relation {
        Relation::Disjoint => !both,
        Relation::Equal => !first && !second,
        Relation::Within => !first,
        Relation::Contains => !second,
        Relation::Overlapping | Relation::Undecided => true,
    }
}

/// Collects the values in a pattern, and values close to them.
fn values(pattern: &Value, into: &mut Vec<Value>) {
    match pattern {
        Value::Object(members) => members.values().for_each(|value| values(value, into)),
        Value::Array(elements) => elements.iter().for_each(|value| values(value, into)),
        Value::String(text) => {
            into.extend([json!(text), json!(format!("{text}x")), json!(format!("x{text}"))]);
            into.push(json!(text.replace('*', "")));
            into.push(json!(text.to_uppercase()));
        }
        Value::Number(number) => {
            let number = number.as_f64().expect("a small number");
            into.extend([json!(number), json!(number + 0.5), json!(number - 1.0)]);
        }
        _ => {}
    }
}

/// Returns the fields of two patterns, sorted and without duplicates, and values for these fields.
/// Events with such values in these fields are likely to show where the patterns differ.
fn material<'p>(
    first: &Value,
    one: &'p Pattern,
    second: &Value,
    two: &'p Pattern,
) -> (Vec<&'p str>, Vec<Value>) {
    let mut pool = vec![Value::Null, json!(true), json!("q")];
    values(first, &mut pool);
    values(second, &mut pool);
    let mut paths = [one.fields(), two.fields()].concat();
    paths.sort_unstable();
    paths.dedup();
    (paths, pool)
}

/// Makes an event with values from `pool` at some of `paths`. The values are either all outside of
/// arrays, or all in array elements.
fn directed(paths: &[&str], pool: &[Value], choices: &[u8]) -> Value {
    let mut choices = choices.iter().copied().cycle();
    let mut next = |bound: usize| usize::from(choices.next().unwrap_or(0)) % bound;
    let split = next(3);
    let mut root = Map::new();
    for turn in 0..1 + split {
        for path in paths {
            if next(3) == 0 {
                continue;
            }
            let value = pool[next(pool.len())].clone();
            let (top, rest) = path.split_once('.').unwrap_or((path, ""));
            let value = if rest.is_empty() { value } else { json!({ rest: value }) };
            if split == 0 {
                root.insert((*path).to_owned(), pool[next(pool.len())].clone());
                continue;
            }
            let elements = root.entry(top).or_insert_with(|| json!([]));
            let elements = elements.as_array_mut().expect("an array");
            match elements.last_mut().filter(|_| next(4) > 0 || turn == 0) {
                Some(Value::Object(last)) if !rest.is_empty() => {
                    last.insert(rest.to_owned(), value[rest].clone());
                }
                _ => elements.push(value),
            }
        }
    }
    Value::Object(root)
}

proptest! {
    #[test]
    fn no_event_contradicts_a_relation(
        first in pattern(),
        second in pattern(),
        mixed in any::<bool>(),
        events in vec(event(), 4),
        choices in vec(vec(any::<u8>(), 24), 40),
    ) {
        // Patterns with common members relate in more ways than independent patterns do. So in some
        // cases, the second pattern also gets the members of the first.
        let mut second = second;
        if let (true, Value::Object(own), Value::Object(more)) = (mixed, &first, &mut second) {
            more.extend(own.clone());
        }
        let (one, two) = (parsed(&first), parsed(&second));
        let compared = one.compare(&two, Events::Any);
        proved(&one, &two, &compared)?;
        let (paths, pool) = material(&first, &one, &second, &two);
        let directed = choices.iter().map(|choices| directed(&paths, &pool, choices));
        let mut met = BTreeSet::new();
        for event in events.into_iter().chain(directed) {
            let text = event.to_string();
            let found = (one.matches(&text).expect("an event"), two.matches(&text).expect("an event"));
            met.insert(found);
            prop_assert!(not_contradicted(compared.relation, &met), "{:?} but {}: {:?}", compared, text, found);
        }
        let mirrored = two.compare(&one, Events::Any).relation;
        let expected = match compared.relation {
            Relation::Within => Relation::Contains,
            Relation::Contains => Relation::Within,
            same => same,
        };
        prop_assert_eq!(mirrored, expected);
    }

    #[test]
    fn no_delivered_event_contradicts_a_relation(
        first in pattern(),
        second in pattern(),
        mixed in any::<bool>(),
        choices in vec(vec(any::<u8>(), 24), 40),
    ) {
        let (first, mut second) = (enveloped(first), enveloped(second));
        if let (true, Value::Object(own), Value::Object(more)) = (mixed, &first, &mut second) {
            more.extend(own.clone());
        }
        let (one, two) = (parsed(&first), parsed(&second));
        let compared = one.compare(&two, Events::Delivered);
        proved(&one, &two, &compared)?;
        let (mut paths, pool) = material(&first, &one, &second, &two);
        paths.retain(|path| !["source", "region"].contains(path));
        let texts: Vec<&Value> = pool.iter().filter(|value| value.is_string()).collect();
        let mut met = BTreeSet::new();
        for choices in &choices {
            let mut event = directed(&paths, &pool, choices);
            // In a delivered event, `source` and `region` are strings. So an event with fields
            // below one of them is skipped.
            if event.get("source").or(event.get("region")).is_some() {
                continue;
            }
            for (name, choice) in [("source", choices[22]), ("region", choices[23])] {
                event[name] = texts[usize::from(choice) % texts.len()].clone();
            }
            let text = event.to_string();
            let found = (one.matches(&text).expect("an event"), two.matches(&text).expect("an event"));
            met.insert(found);
            prop_assert!(not_contradicted(compared.relation, &met), "{:?} but {}: {:?}", compared, text, found);
        }
    }
}

/// Renames the pattern's top-level fields `a` and `b` to `source` and `region`, also inside a
/// top-level `$or`.
fn enveloped(pattern: Value) -> Value {
    let Value::Object(members) = pattern else { return pattern };
    let named = members.into_iter().map(|(name, value)| match (&*name, value) {
        ("a", value) => ("source".to_owned(), value),
        ("b", value) => ("region".to_owned(), value),
        ("$or", Value::Array(branches)) => {
            (name, branches.into_iter().map(enveloped).collect::<Value>())
        }
        (_, value) => (name, value),
    });
    Value::Object(named.collect())
}

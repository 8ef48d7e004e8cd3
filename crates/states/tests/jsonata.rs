//! How states evaluate JSONata, and how failing or malicious queries end.

#![cfg(feature = "jsonata")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use states::{Json, Machine, Mocks, Run, RunOptions, Severity, Status, run};

#[track_caller]
fn ran(states: &str, input: &str, mocks: &str) -> Run {
    let machine = format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{{states}}}}}"#);
    let machine = Machine::parse(&machine).unwrap_or_else(|problems| panic!("{problems}"));
    let mut mocks = Mocks::parse(mocks).unwrap();
    run(&machine, input.parse().unwrap(), &mut mocks, RunOptions::default()).unwrap()
}

#[track_caller]
fn ends(states: &str, input: &str, mocks: &str) -> String {
    match ran(states, input, mocks).status {
        Status::Succeeded { output } => output.to_string(),
        Status::Failed { error, cause } => {
            format!("{}: {}", error.unwrap_or_default(), cause.unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

/// Returns the output of a Pass state whose `Output` is the given JSON.
#[track_caller]
fn output(template: &str, input: &str) -> String {
    ends(&format!(r#""S":{{"Type":"Pass","Output":{template},"End":true}}"#), input, "{}")
}

#[test]
fn a_text_in_braces_is_a_query_and_any_other_value_is_itself() {
    let template = r#"{"sum":"{% $sum($states.input.n) %}","text":" {% 1 %} ","k.$":"$.x",
        "list":[1,"{% 'a' & 'b' %}",null],"half":"{% 1/2 %}","big":"{% 3.0 * 2 %}"}"#;
    let expected =
        r#"{"sum":6,"text":" {% 1 %} ","k.$":"$.x","list":[1,"ab",null],"half":0.5,"big":6}"#;
    assert_eq!(output(template, r#"{"n":[1,2,3]}"#), expected);
    assert_eq!(output(r#""{% $states.input %}""#, r#"{"b":1,"a":[]}"#), r#"{"b":1,"a":[]}"#);
    assert_eq!(output(r#""{% $states.context.State.Name %}""#, "{}"), r#""S""#);
    let merged = r#""{% $merge([$states.input.a, $states.input.b]) %}""#;
    assert_eq!(output(merged, r#"{"a":{"x":1},"b":{"y":2}}"#), r#"{"x":1,"y":2}"#);
    assert_eq!(output(r#""{% $contains('hello$world', /^hello\\$/) %}""#, "{}"), "true");
    let keys = r#""{% $keys($states) %}""#;
    assert_eq!(output(keys, "{}"), r#"["input","context"]"#);
    let map = r#""{% $states.input.l[v > 1].n %}""#;
    assert_eq!(output(map, r#"{"l":[{"v":1,"n":"a"},{"v":2,"n":"b"}]}"#), r#""b""#);
}

#[test]
fn the_functions_of_the_service_are_there_and_repeat_themselves() {
    for (query, expected) in [
        ("$partition([1,2,3], 2)", "[[1,2],[3]]"),
        ("$range(0, 9, 3)", "[0,3,6,9]"),
        ("$range(1, 9, 9)", "1"),
        ("$hash('input data', 'SHA-1')", r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#),
        ("$parse('-0')", "0"),
        (r#"$parse('{\"a\": [1]}').a"#, "[1]"),
        ("$millis()", "0"),
        ("$now()", r#""1970-01-01T00:00:00.000Z""#),
        ("$now('[Y]')", r#""1970""#),
        ("$random(7) = $random(7)", "true"),
        ("$random() = $random()", "false"),
        ("$length($uuid())", "36"),
        ("$uuid() = $uuid()", "false"),
        ("$count($shuffle([1..5]))", "5"),
    ] {
        let template = format!("\"{{% {query} %}}\"");
        assert_eq!(output(&template, "{}"), expected, "{query}");
    }
    let drawn = output(r#"["{% $uuid() %}","{% $random() %}","{% $shuffle([1..9]) %}"]"#, "{}");
    let again = output(r#"["{% $uuid() %}","{% $random() %}","{% $shuffle([1..9]) %}"]"#, "{}");
    assert_eq!(drawn, again, "a run repeats itself");
}

#[test]
fn variables_are_assigned_beside_the_output_and_seen_afterwards() {
    let states = r#""S":{"Type":"Pass","Assign":{"x":"{% $states.input.n + 1 %}","y":"plain"},
        "Output":{"was":"{% $states.input.n %}"},"Next":"T"},
        "T":{"Type":"Pass","Output":"{% {'x': $x, 'y': $y, 'was': $states.input.was} %}","End":true}"#;
    assert_eq!(ends(states, r#"{"n":1}"#, "{}"), r#"{"x":2,"y":"plain","was":1}"#);
}

#[test]
fn a_task_is_called_with_its_arguments_and_answers_as_result() {
    let states = r#""S":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
        "Arguments":{"FunctionName":"f","Payload":"{% $states.input.p %}"},
        "TimeoutSeconds":"{% 5 + 5 %}","Assign":{"r":"{% $states.result.Payload %}"},
        "Output":{"in":"{% $states.input %}","out":"{% $states.result.Payload %}"},
        "Catch":[{"ErrorEquals":["States.ALL"],"Output":"{% $states.errorOutput.Error %}",
        "Assign":{"r":"none"},"Next":"E"}],"Next":"E"},
        "E":{"Type":"Pass","Output":["{% $states.input %}","{% $r %}"],"End":true}"#;
    let good = ran(states, r#"{"p":7}"#, r#"{"S":{"Return":{"Payload":8}}}"#);
    let scheduled = good.history[2].details.as_ref().unwrap();
    assert_eq!(
        scheduled.1.get("parameters").unwrap().as_str().unwrap(),
        r#"{"FunctionName":"f","Payload":7}"#
    );
    assert_eq!(scheduled.1.get("timeoutInSeconds"), Some(&Json::from(10_u64)));
    let Status::Succeeded { output } = good.status else { panic!("{:?}", good.status) };
    assert_eq!(output.to_string(), r#"[{"in":{"p":7},"out":8},8]"#);
    let bad = ends(states, r#"{"p":7}"#, r#"{"S":{"Throw":{"Error":"Down"}}}"#);
    assert_eq!(bad, r#"["Down","none"]"#);
}

#[test]
fn a_callback_in_jsonata_is_given_its_token() {
    let states = r#""S":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments":{"QueueUrl":"q","MessageBody":"{% $states.context.Task.Token %}"},
        "TimeoutSeconds":9,"End":true}"#;
    let machine = format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{{states}}}}}"#);
    assert_eq!(Machine::check(&machine).1, [], "there is no warning");
    assert_eq!(ends(states, "{}", r#"{"S":{"Return":"done"}}"#), r#""done""#);
}

#[test]
fn a_choice_takes_the_first_condition_that_is_true() {
    let states = r#""S":{"Type":"Choice","Default":"D","Output":"by default","Choices":[
        {"Condition":false,"Next":"D"},
        {"Condition":"{% $states.input.v >= 20 and $states.input.v < 30 %}","Next":"D",
        "Output":{"twenties":"{% $states.input.v %}"}}]},"D":{"Type":"Succeed"}"#;
    assert_eq!(ends(states, r#"{"v":22}"#, "{}"), r#"{"twenties":22}"#);
    assert_eq!(ends(states, r#"{"v":2}"#, "{}"), r#""by default""#);
    let states = states.replace("$states.input.v >= 20 and $states.input.v < 30", "1");
    let outcome = ends(&states, "{}", "{}");
    assert!(outcome.contains("Expected 'boolean', but was 'number' for value: 1"), "{outcome}");
}

#[test]
fn waits_and_failures_are_computed() {
    let wait = r#""S":{"Type":"Wait","Seconds":"{% $states.input.s * 2 %}","Next":"F"},
        "F":{"Type":"Fail","Error":"{% 'E' & $states.input.s %}","Cause":"plain"}"#;
    let outcome = ran(wait, r#"{"s":4}"#, "{}");
    assert_eq!(outcome.ended.as_second(), 8);
    let failed = Status::Failed { error: Some("E4".to_owned()), cause: Some("plain".to_owned()) };
    assert_eq!(outcome.status, failed);
    let until = r#""S":{"Type":"Wait","Timestamp":"{% $states.input.t %}","End":true}"#;
    assert_eq!(ran(until, r#"{"t":"1970-01-01T00:01:00Z"}"#, "{}").ended.as_second(), 60);
    let outcome = ends(until, r#"{"t":"2016-12-05 21:29:29Z"}"#, "{}");
    let expected = "States.QueryEvaluationError: An error occurred while executing the state 'S' \
        (entered at the event id #2). The Timestamp field cannot be parsed as an ISO-8601 extended \
        offset date-time format string: 2016-12-05 21:29:29Z";
    assert_eq!(outcome, expected);
}

#[test]
fn a_map_runs_over_items_and_a_parallel_over_its_arguments() {
    let states = r#""S":{"Type":"Map","Items":"{% $states.input.l %}",
        "ItemSelector":{"v":"{% $states.context.Map.Item.Value %}","all":"{% $states.input.l %}"},
        "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","Output":"{% $states.input.v * 2 %}",
        "End":true}}},"Output":"{% $sum($states.result) %}","Next":"P"},
        "P":{"Type":"Parallel","Arguments":{"a":"{% $states.input %}"},"Branches":[{"StartAt":"B",
        "States":{"B":{"Type":"Pass","End":true}}}],"End":true}"#;
    assert_eq!(ends(states, r#"{"l":[1,2]}"#, "{}"), r#"[{"a":6}]"#);
}

/// Returns the last `count` events, each as `id<-previous Type`.
fn last(run: &Run, count: usize) -> Vec<String> {
    let outcome = run.history.iter();
    let outcome =
        outcome.map(|event| format!("{}<-{} {}", event.id, event.previous_event_id, event.kind));
    let outcome: Vec<String> = outcome.collect();
    outcome[outcome.len() - count..].to_vec()
}

#[test]
fn an_input_that_is_no_array_fails_a_map_without_items_and_may_be_caught() {
    let map = r#""S":{"Type":"Map","End":true,"Catch":[{"ErrorEquals":[
        "States.QueryEvaluationError"],"Output":"{% $states.errorOutput.Cause %}","Next":"C"}],
        "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}}},
        "C":{"Type":"Pass","End":true}"#;
    let outcome = ran(map, r#"{"a": "b"}"#, "{}");
    let kinds: Vec<&str> = outcome.history.iter().map(|event| &*event.kind).collect();
    assert_eq!(
        kinds[1..5],
        ["MapStateEntered", "EvaluationFailed", "MapStateFailed", "MapStateExited"]
    );
    let details = outcome.history[2].details.as_ref().unwrap();
    assert_eq!(details.1.get("location"), None, "the failure names no field");
    let cause = r#"An error occurred while executing the state 'S' (entered at the event id #2). Map state input must be an array but was: {"a":"b"}"#;
    assert_eq!(outcome.status, Status::Succeeded { output: cause.into() });
}

#[test]
fn a_query_that_fails_is_recorded_with_its_place() {
    let states = r#""S":{"Type":"Pass","Output":{"result":"{% $doesNotExist %}"},"End":true}"#;
    let outcome = ran(states, "{}", "{}");
    let expected = ["2<-0 PassStateEntered", "3<-0 EvaluationFailed", "4<-3 ExecutionFailed"];
    assert_eq!(last(&outcome, 3), expected);
    let cause = "An error occurred while executing the state 'S' (entered at the event id #2). The \
        JSONata expression '$doesNotExist' specified for the field 'Output/result' returned nothing \
        (undefined).";
    let details = outcome.history[2].details.as_ref().unwrap();
    let text = |name| details.1.get(name).and_then(Json::as_str);
    assert_eq!(text("cause"), Some(cause));
    assert_eq!((text("location"), text("state")), (Some("Output/result"), Some("S")));
    let map = r#""S":{"Type":"Map","Items":"{% 1 %}","End":true,"ItemProcessor":{"StartAt":"I",
        "States":{"I":{"Type":"Pass","End":true}}}}"#;
    let outcome = ran(map, "{}", "{}");
    let expected = ["3<-0 EvaluationFailed", "4<-3 MapStateFailed", "5<-4 ExecutionFailed"];
    assert_eq!(last(&outcome, 3), expected);
    for (query, expected) in [
        ("$fn := function($x){$x}", "returned an unsupported result type."),
        ("$nope(1)", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("'a' + 1", "threw an error during evaluation. T2001: "),
    ] {
        let outcome = output(&format!("\"{{% {query} %}}\""), "{}");
        assert!(outcome.contains(expected), "{outcome}");
    }
}

#[test]
fn one_state_of_a_machine_may_be_in_jsonata_and_none_in_jsonpath_the_other_way_round() {
    let machine = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"x.$":"$.n"},"Next":"B"},
        "B":{"Type":"Pass","QueryLanguage":"JSONata","Output":{"y":"{% $x + 1 %}"},"Next":"C"},
        "C":{"Type":"Pass","Parameters":{"z.$":"$.y"},"End":true}}}"#;
    let machine = Machine::parse(machine).unwrap();
    let input = r#"{"n":1}"#.parse().unwrap();
    let ran = run(&machine, input, &mut Mocks::default(), RunOptions::default()).unwrap();
    assert_eq!(ran.status, Status::Succeeded { output: r#"{"z":2}"#.parse().unwrap() });
    let errors = |states: &str| {
        let machine =
            format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{"S":{{{states}}}}}}}"#);
        let (_, problems) = Machine::check(&machine);
        let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
        errors.map(|problem| problem.field).collect::<Vec<_>>()
    };
    for (state, field) in [
        (r#""Type":"Pass","End":true,"QueryLanguage":"JSONPath""#, "QueryLanguage"),
        (r#""Type":"Pass","End":true,"InputPath":"$.a""#, "InputPath"),
        (r#""Type":"Pass","End":true,"Parameters":{}"#, "Parameters"),
        (r#""Type":"Pass","End":true,"Output":"{% 1 + %}""#, "Output"),
        (r#""Type":"Pass","End":true,"Output":"{% $eval('1') %}""#, "Output"),
        (r#""Type":"Wait","End":true,"SecondsPath":"$.a""#, "SecondsPath"),
        (r#""Type":"Wait","End":true,"Timestamp":"2016-12-05 21:29:29Z""#, "Timestamp"),
    ] {
        assert!(errors(state).iter().any(|found| found == field), "{state}: {:?}", errors(state));
    }
}

#[test]
fn distinct_keeps_each_value_once_whatever_its_name_is_bound_to() {
    let input = r#"{"a": [1, 1.0, "1", -0, 0, null, null, {"x": 1, "y": [2]}, {"y": [2], "x": 1},
        {"x": 1}, [1], [1], "a", "a"], "n": 7}"#;
    for (query, expected) in [
        ("$distinct($states.input.a)", r#"[1,"1",0,null,{"x":1,"y":[2]},{"x":1},[1],"a"]"#),
        ("$states.input.a ~> $distinct ~> $count", "8"),
        ("$distinct($states.input.n)", "7"),
        ("$distinct([])", "[]"),
        ("$distinct([2, 2])", "[2]"),
        ("$distinct($states.input.a[$type($) = 'array'])", "[1]"),
        ("$distinct(['a:1', 'a', ':1'])", r#"["a:1","a",":1"]"#),
        ("($distinct := 3; $distinct)", "3"),
        ("function($distinct){ $distinct + 1 }(4)", "5"),
        ("$map([[1, 1], [2, 2, 3]], $distinct)", "[[1],[2,3]]"),
    ] {
        let template = format!("\"{{% {query} %}}\"");
        assert_eq!(output(&template, input), expected, "{query}");
    }
    let states = r#""S":{"Type":"Pass","Assign":{"distinct":9},"Next":"T"},
        "T":{"Type":"Pass","Output":"{% $distinct %}","End":true}"#;
    assert_eq!(ends(states, "{}", "{}"), "9");
}

#[test]
fn a_query_that_means_harm_ends_in_an_error_within_its_limits() {
    let deep = format!("{}1{}", "[".repeat(150), "]".repeat(150));
    for query in [
        "$pad('x', 1e9)",
        "$pad('x', -1e9)",
        "[1..1e9]",
        "$count([1..1e7])",
        "$reduce([1..60], function($a, $b){ $a & $a }, 'xxxxxxxxxx')",
        "$reduce([1..60], function($a, $b){ [$a, $a] }, 1)",
        "$string($reduce([1..60], function($a, $b){ [$a, $a] }, 1))",
        "($f := function($n){ $f($n) + 1 }; $f(1))",
        "($f := function($n){ $f($n + 1) }; $f(1))",
        "$join($map([1..100000], function($i){ 'xxxxxxxxxx' }), $pad('y', 100000))",
        "$replace($pad('a', 100000, 'a'), 'a', $pad('b', 100000))",
        "$map([1..100000], function($i){ $map([1..100000], function($j){ $i * $j }) })",
        "($x := $reduce([1..60], function($a, $b){ {'l': $a, 'r': $a} }, 1); $x.** )",
        deep.as_str(),
        "$fromMillis(0, '[Y,*-99999999]')",
        "0 ~> $fromMillis('[Y000000000000000000000000]')",
        "$now('[Y,2-64]')",
        "$parseInteger('zzzzzzzzzzzzzzzzzzzz', 'a')",
        "$distinct([1..150000])",
        "$map([[1..150000]], $distinct)",
        "($d := $distinct; $d([1..150000]))",
    ] {
        let begun = Instant::now();
        let outcome = output(&format!("\"{{% {query} %}}\""), "{}");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{query} took {took:?}");
        let refused = outcome.starts_with("States.QueryEvaluationError")
            || outcome.starts_with("States.DataLimitExceeded");
        assert!(!outcome.contains("The evaluator panicked"), "{query} makes it panic");
        assert!(refused, "{query}: {}", outcome.chars().take(200).collect::<String>());
    }
    let errors = |query: String| {
        let machine = format!(
            r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{"S":{{"Type":"Pass","End":true,
            "Output":"{{% {query} %}}"}}}}}}"#
        );
        Machine::check(&machine).0.is_none()
    };
    assert!(errors(format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000))));
    assert!(errors(format!("1{}", "+1".repeat(20_000))));
    assert!(errors("-".repeat(20_000)));
    assert!(errors(format!("1{}", " and 1".repeat(5_000))));
}

/// Makes queries from pieces that are joined at random.
fn query() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$states",
        ".input",
        "$",
        "$$",
        "%",
        "**",
        "*",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ":=",
        ";",
        ",",
        "?",
        "??",
        "?:",
        "~>",
        "&",
        "+",
        "-",
        "/",
        "=",
        "<",
        ">",
        "!=",
        "in",
        "and",
        "or",
        "^(",
        "@$i",
        "#$i",
        "|",
        "'x'",
        "\"y\"",
        "`z`",
        "/a+/",
        "1",
        "1e9",
        "-0",
        "null",
        "true",
        "a",
        "b",
        "function($v){",
        "$map(",
        "$reduce(",
        "$pad(",
        "$string(",
        "$now(",
        "$random(",
        "$parse(",
        "$range(",
        "$partition(",
        "$fromMillis(",
        "$formatNumber(",
        "..",
        ".",
        " ",
        "$x",
        "$sum(",
        "$replace(",
        "$split(",
        "$join(",
        "$merge(",
        "$sift(",
        "$spread(",
        "$hash(",
        "$match(",
        "\\",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_query_ends_in_a_value_or_in_an_error(query in query()) {
        let pass = Json::object([
            ("Type", Json::from("Pass")),
            ("Output", Json::from(format!("{{% {query} %}}"))),
            ("End", Json::Bool(true)),
        ]);
        let machine = Json::object([
            ("QueryLanguage", Json::from("JSONata")),
            ("StartAt", Json::from("S")),
            ("States", Json::object([("S", pass)])),
        ]);
        if let Ok(machine) = Machine::parse(&machine.to_string()) {
            let input: Json = r#"{"a":[1,{"b":"c"}],"x":"y"}"#.parse().unwrap();
            run(&machine, input, &mut Mocks::default(), RunOptions::default()).unwrap();
        }
    }
}

//! Every problem of a definition is reported, with its state, field, reason and remedy.

use states::{Json, Machine, Mocks, RunOptions, Severity, Status, draw_svg, run};

/// Returns the errors of a machine as `state.field`.
#[track_caller]
fn places(machine: &str) -> Vec<String> {
    let (_, problems) = Machine::check(machine);
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors
        .map(|problem| {
            assert!(!problem.reason.is_empty());
            format!("{}.{}", problem.state.as_deref().unwrap_or("*"), problem.field)
        })
        .collect()
}

/// Returns the errors of a machine that has one state with the given fields.
#[track_caller]
fn of_state(fields: &str) -> Vec<String> {
    places(&format!(r#"{{"StartAt":"S","States":{{"S":{{{fields}}}}}}}"#))
}

#[test]
fn a_sound_machine_has_no_problem() {
    let (machine, problems) = Machine::check(include_str!("machines/collect_payment.asl.json"));
    assert!(machine.is_some() && problems.is_empty(), "{problems:?}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let machine = r#"{"StartAt":"Nope","Version":"2.0","Extra":1,"States":{
        "A":{"Type":"Pass","Next":"Gone","Bogus":true},
        "B":{"Type":"Task","End":true,"Retry":[{"ErrorEquals":[],"BackoffRate":0.5}]},
        "C":{"Type":"Nonsense"}}}"#;
    assert_eq!(
        places(machine),
        [
            "*.Version",
            "A.Bogus",
            "B.Resource",
            "B.Retry[0].ErrorEquals",
            "B.Retry[0].BackoffRate",
            "C.Type",
            "*.StartAt",
            "*.Extra",
        ]
    );
}

#[test]
fn the_ways_through_a_machine_are_checked() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Pass","Next":"A"},"Island":{"Type":"Pass","End":true}}}"#;
    assert_eq!(places(machine), ["Island.", "*.States"]);
    assert_eq!(of_state(r#""Type":"Pass","Next":"Gone""#), ["S.Next", "*.States"]);
    assert_eq!(of_state(r#""Type":"Pass""#), ["S.Next"]);
    assert_eq!(of_state(r#""Type":"Pass","End":true,"Next":"S""#), ["S.End"]);
    assert_eq!(of_state(r#""Type":"Succeed","End":true"#), ["S.End"]);
    assert_eq!(of_state(r#""Type":"Fail","Next":"S""#), ["S.Next"]);
    assert_eq!(places(r#"{"States":{"A":{"Type":"Succeed"}}}"#), ["*.StartAt"]);
    assert_eq!(places(r#"{"StartAt":"A","States":{}}"#), ["*.States", "*.StartAt"]);
    assert_eq!(places(r#"{"StartAt":"A"}"#), ["*.States"]);
    assert_eq!(places("[]"), ["*."]);
    assert_eq!(places("{"), ["*."]);
}

#[test]
fn a_key_given_twice_is_reported() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Type":"Succeed"}}}"#;
    assert_eq!(places(machine), ["*."]);
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Map","End":true,"Iterator":{
        "StartAt":"A","States":{"A":{"Type":"Succeed"}}}}}}"#;
    assert_eq!(places(machine), ["S.States.A".replace("S.", "A.Iterator.")]);
    let name = "x".repeat(81);
    let machine = format!(r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Succeed"}}}}}}"#);
    assert_eq!(places(&machine).len(), 1);
}

#[test]
fn paths_templates_and_functions_are_read() {
    for (fields, place) in [
        (r#""Type":"Pass","End":true,"InputPath":"a""#, "S.InputPath"),
        (r#""Type":"Pass","End":true,"OutputPath":"$.a[""#, "S.OutputPath"),
        (r#""Type":"Pass","End":true,"ResultPath":"$.a[*]""#, "S.ResultPath"),
        (r#""Type":"Pass","End":true,"ResultPath":"$$.a""#, "S.ResultPath"),
        (r#""Type":"Pass","End":true,"Parameters":{"a":{"b.$":"c"}}"#, "S.Parameters.a.b.$"),
        (r#""Type":"Pass","End":true,"Parameters":{"a.$":1}"#, "S.Parameters.a.$"),
        (r#""Type":"Pass","End":true,"Parameters":{"a.$":"$.x","a":1}"#, "S.Parameters.a.$"),
        (r#""Type":"Pass","End":true,"Parameters":{"a.$":"States.Nope()"}"#, "S.Parameters.a.$"),
        (r#""Type":"Pass","End":true,"Parameters":{"a.$":"States.UUID(1)"}"#, "S.Parameters.a.$"),
        (r#""Type":"Wait","End":true"#, "S."),
        (r#""Type":"Wait","End":true,"Seconds":1,"Timestamp":"2020-01-01T00:00:00Z""#, "S."),
        (r#""Type":"Wait","End":true,"Timestamp":"2016-12-05 21:29:29Z""#, "S.Timestamp"),
        (r#""Type":"Wait","End":true,"Seconds":-1"#, "S.Seconds"),
        (r#""Type":"Fail","Error":"a","ErrorPath":"$.b""#, "S.Error"),
        (r#""Type":"Pass","End":true,"QueryLanguage":"XPath""#, "S.QueryLanguage"),
        (r#""Type":"Pass","End":true,"Output":"{% 1 %}""#, "S.Output"),
    ] {
        assert_eq!(of_state(fields), [place], "{fields}");
    }
}

#[test]
fn retriers_and_catchers_are_read() {
    const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true"#;
    for (fields, place) in [
        (r#""Retry":[{}]"#, "S.Retry[0].ErrorEquals"),
        (r#""Retry":[{"ErrorEquals":["a"],"IntervalSeconds":-1}]"#, "S.Retry[0].IntervalSeconds"),
        (r#""Retry":[{"ErrorEquals":["a"],"MaxAttempts":1.5}]"#, "S.Retry[0].MaxAttempts"),
        (r#""Retry":[{"ErrorEquals":["a"],"JitterStrategy":"x"}]"#, "S.Retry[0].JitterStrategy"),
        (r#""Retry":[{"ErrorEquals":["a"],"Next":"S"}]"#, "S.Retry[0].Next"),
        (r#""Retry":[{"ErrorEquals":["States.ALL","a"]}]"#, "S.Retry[0].ErrorEquals"),
        (
            r#""Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["a"]}]"#,
            "S.Retry[0].ErrorEquals",
        ),
        (r#""Catch":[{"ErrorEquals":["a"]}]"#, "S.Catch[0].Next"),
        (r#""Catch":[{"ErrorEquals":["a"],"Next":"Gone"}]"#, "S.Catch[0].Next"),
        (r#""TimeoutSeconds":5,"HeartbeatSeconds":5"#, "S.HeartbeatSeconds"),
        (r#""TimeoutSeconds":5,"TimeoutSecondsPath":"$.t""#, "S.TimeoutSeconds"),
        (r#""TimeoutSeconds":0"#, "S.TimeoutSeconds"),
    ] {
        assert_eq!(of_state(&format!("{TASK},{fields}")), [place], "{fields}");
    }
    assert_eq!(of_state(r#""Type":"Pass","End":true,"Retry":[]"#), ["S.Retry"]);
}

#[test]
fn choices_are_read() {
    let choice = |rules: &str| {
        let machine = format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Choice","Choices":{rules},"Default":"E"}},
            "E":{{"Type":"Succeed"}}}}}}"#
        );
        places(&machine)
    };
    for (rules, place) in [
        ("[]", "S.Choices"),
        (r#"[{"Variable":"$.a","Next":"E"}]"#, "S.Choices[0]"),
        (r#"[{"Variable":"$.a","IsNull":true}]"#, "S.Choices[0].Next"),
        (r#"[{"IsNull":true,"Next":"E"}]"#, "S.Choices[0].Variable"),
        (r#"[{"Variable":"$.a","IsNull":1,"Next":"E"}]"#, "S.Choices[0].IsNull"),
        (r#"[{"Variable":"$.a","StringEquals":1,"Next":"E"}]"#, "S.Choices[0].StringEquals"),
        (r#"[{"Variable":"$.a","Resembles":1,"Next":"E"}]"#, "S.Choices[0].Resembles"),
        (
            r#"[{"And":[{"Variable":"$.a","IsNull":true,"Next":"E"}],"Next":"E"}]"#,
            "S.Choices[0].And[0].Next",
        ),
        (
            r#"[{"Variable":"$.a","NumericEqualsPath":"b","Next":"E"}]"#,
            "S.Choices[0].NumericEqualsPath",
        ),
    ] {
        assert_eq!(choice(rules), [place], "{rules}");
    }
    let two = r#"[{"Variable":"$.a","IsNull":true,"IsString":true,"Next":"E"}]"#;
    assert_eq!(choice(two), ["S.Choices[0]"]);
}

#[test]
fn nested_machines_are_checked_too() {
    assert_eq!(of_state(r#""Type":"Parallel","End":true"#), ["S.Branches"]);
    assert_eq!(of_state(r#""Type":"Parallel","End":true,"Branches":[]"#), ["S.Branches"]);
    let fields = r#""Type":"Parallel","End":true,"Branches":[{"StartAt":"X","States":{
        "X":{"Type":"Pass","Next":"S"}}}]"#;
    assert_eq!(of_state(fields), ["X.Next", "S.Branches[0].States"]);
    assert_eq!(of_state(r#""Type":"Map","End":true"#), ["S.ItemProcessor"]);
    let processor = r#"{"StartAt":"X","States":{"X":{"Type":"Succeed"}}}"#;
    let map = |more: &str| {
        of_state(&format!(r#""Type":"Map","End":true,"ItemProcessor":{processor},{more}"#))
    };
    assert_eq!(map(&format!(r#""Iterator":{processor}"#)), ["S.Iterator"]);
    assert_eq!(map(r#""ItemReader":{}"#), ["S.ItemReader"]);
    assert_eq!(map(r#""MaxConcurrency":-1"#), ["S.MaxConcurrency"]);
    let fields = r#""Type":"Map","End":true,"ItemProcessor":{"ProcessorConfig":{
        "Mode":"SPREAD","ExecutionType":"STANDARD"},"StartAt":"X","States":{"X":{
        "Type":"Succeed"}}}"#;
    let place = "S.ItemProcessor.ProcessorConfig";
    assert_eq!(of_state(fields), [format!("{place}.Mode"), format!("{place}.ExecutionType")]);
}

#[test]
fn variables_are_checked() {
    assert_eq!(of_state(r#""Type":"Pass","End":true,"InputPath":"$gone.x""#), ["S."]);
    assert_eq!(of_state(r#""Type":"Pass","End":true,"Assign":{"1x":1}"#), ["S.Assign.1x"]);
    assert_eq!(of_state(r#""Type":"Pass","End":true,"Assign":{"states":1}"#), ["S.Assign.states"]);
    let fields = r#""Type":"Map","End":true,"Assign":{"x":1},"ItemProcessor":{"StartAt":"I",
        "States":{"I":{"Type":"Pass","Assign":{"x":2},"End":true}}}"#;
    assert_eq!(of_state(fields), ["I.Assign"]);
    let caught = r#""Type":"Map","End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"x":1},
        "Next":"S"}],"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","Assign":{"x":2},
        "End":true}}}"#;
    assert_eq!(of_state(caught), [""; 0], "a catcher assigns after the iterations have ended");
}

#[test]
fn a_problem_reads_as_a_sentence_with_a_remedy() {
    let machine = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}"#;
    let problems = Machine::parse(machine).unwrap_err();
    let shown = problems.to_string();
    assert_eq!(
        shown.lines().next().unwrap(),
        "error: state 'A', field Next: there is no state 'B' (the states that it can name are A)"
    );
}

#[test]
fn each_problem_has_the_code_and_the_location_that_the_service_gives_it() {
    let told = |machine: &str| {
        let (_, problems) = Machine::check(machine);
        let problems = problems.iter().filter_map(|problem| {
            let code = problem.code?.as_str();
            Some(format!("{code} {}", problem.location.as_deref().unwrap_or("nowhere")))
        });
        problems.collect::<Vec<_>>()
    };
    let task = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke","End":true"#;
    for (machine, expected) in [
        ("", vec!["SCHEMA_VALIDATION_FAILED nowhere"]),
        ("not a definition", vec!["INVALID_JSON_DESCRIPTION nowhere"]),
        ("{}", vec!["SCHEMA_VALIDATION_FAILED /", "SCHEMA_VALIDATION_FAILED /"]),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"NOPE"}}}"#,
            vec!["MISSING_TRANSITION_TARGET /States/A/Next", "MISSING_END_STATE nowhere"],
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#,
            vec!["MISSING_END_STATE nowhere"],
        ),
        (
            r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true},"C":{"Type":"Succeed"}}}"#,
            vec!["MISSING_TRANSITION_TARGET /States/C"],
        ),
        (
            r#"{"StartAt":"M","States":{"M":{"Type":"Map","TimeoutSeconds":5,"End":true,"Iterator":{
            "StartAt":"I","States":{"I":{"Type":"Pass","Next":"J"},"M":{"Type":"Succeed"}}}}}}"#,
            vec![
                "DUPLICATE_STATE_NAME /States/M/Iterator/States/M",
                "MISSING_TRANSITION_TARGET /States/M/Iterator/States/I/Next",
                "MISSING_TRANSITION_TARGET /States/M/Iterator/States/M",
                "MISSING_END_STATE nowhere",
                "SCHEMA_VALIDATION_FAILED /States/M",
            ],
        ),
        (
            &format!(
                r#"{{"StartAt":"T","States":{{"T":{{{task},"Catch":[{{"ErrorEquals":["E"],
                "Next":"X"}}],"Parameters":{{"a.$":"b","c":"$.d"}}}}}}}}"#
            ),
            vec![
                "SCHEMA_VALIDATION_FAILED /States/T/Parameters",
                "NO_DOLLAR /States/T/Parameters/c",
                "MISSING_TRANSITION_TARGET /States/T/Catch[0]/Next",
            ],
        ),
        (
            r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":{"a.$":"$.b"},"End":true}}}"#,
            vec!["PASS_RESULT_IS_STATIC /States/P/Result"],
        ),
    ] {
        let mut found = told(machine);
        found.sort_unstable();
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{machine}");
    }
}

#[test]
fn a_warning_does_not_refuse_a_machine() {
    let machine = r#"{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Variable":"$.t",
        "TimestampEquals":"noon","Next":"E"}],"Default":"E"},"E":{"Type":"Succeed"}}}"#;
    let (machine, problems) = Machine::check(machine);
    assert!(machine.is_some());
    assert_eq!(problems[0].severity, Severity::Warning);
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken"}}}"#;
    let (machine, problems) = Machine::check(machine);
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["Parameters", "TimeoutSeconds"]);
    assert!(machine.is_some());
}

#[test]
fn deep_nesting_is_refused_or_run_and_never_exhausts_the_stack() {
    let nested = |levels: usize| {
        let mut flow = r#"{"StartAt":"S0","States":{"S0":{"Type":"Succeed"}}}"#.to_owned();
        for level in 1..=levels {
            flow = format!(
                r#"{{"StartAt":"S{level}","States":{{"S{level}":{{"Type":"Parallel","End":true,
                "Branches":[{flow}]}}}}}}"#
            );
        }
        flow
    };
    let machine = Machine::parse(&nested(30)).unwrap();
    let ran = run(&machine, Json::Null, &mut Mocks::default(), RunOptions::default()).unwrap();
    let output = format!("{}null{}", "[".repeat(30), "]".repeat(30)).parse().unwrap();
    assert_eq!(ran.status, Status::Succeeded { output });
    assert!(draw_svg(&machine).contains("S30"));
    assert_eq!(places(&nested(200)), ["*."]);
    assert_eq!(places(&"[".repeat(500_000)), ["*."]);
    let path = format!("${}", "[?(!(".repeat(5_000));
    assert_eq!(of_state(&format!(r#""Type":"Pass","End":true,"InputPath":"{path}""#)).len(), 1);
    let call = "States.Array(".repeat(5_000);
    let fields = format!(r#""Type":"Pass","End":true,"Parameters":{{"a.$":"{call}"}}"#);
    assert_eq!(of_state(&fields).len(), 1);
}

#[cfg(not(feature = "jsonata"))]
#[test]
fn a_build_without_jsonata_says_so() {
    let fields = r#""Type":"Pass","End":true,"QueryLanguage":"JSONata""#;
    assert_eq!(of_state(fields), ["S.QueryLanguage"]);
}

#[test]
fn tolerated_failures_change_nothing_in_an_inline_map_and_are_warned_of() {
    let map = |field: &str| {
        format!(
            r#"{{"StartAt":"S","States":{{"S":{{"Type":"Map","End":true,{field},"ItemProcessor":{{
            "StartAt":"I","States":{{"I":{{"Type":"Pass","End":true}}}}}}}}}}}}"#
        )
    };
    for name in ["Count\":1", "CountPath\":\"$.n\"", "Percentage\":9.5", "PercentagePath\":\"$.n\""]
    {
        let (machine, problems) = Machine::check(&map(&format!("\"ToleratedFailure{name}")));
        assert!(machine.is_some(), "{problems:?}");
        assert_eq!(problems.len(), 1, "{name}");
        assert_eq!((problems[0].severity, problems[0].code), (Severity::Warning, None));
    }
    assert_eq!(places(&map(r#""ToleratedFailureCount":"many""#)), ["S.ToleratedFailureCount"]);
    assert_eq!(places(&map(r#""Label":"L""#)), ["S.Label"], "an inline Map cannot have a Label");
}

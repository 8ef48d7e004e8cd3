//! Behaviour of Step Functions that other implementations do not share. It is known from recorded
//! executions, from documentation or from reports.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Code, Json, Machine, Mocks, Problem, RunOptions, Severity, Status, Workflow, run};

#[track_caller]
fn ends(state: &str, input: &str, mocks: &str) -> Status {
    let machine = format!(r#"{{"StartAt":"S","States":{{"S":{{{state}}}}}}}"#);
    let machine = Machine::parse(&machine).unwrap();
    let mut mocks = Mocks::parse(mocks).unwrap();
    run(&machine, input.parse().unwrap(), &mut mocks, RunOptions::default()).unwrap().status
}

#[track_caller]
fn output(state: &str, input: &str, mocks: &str) -> String {
    match ends(&format!(r#"{state},"End":true"#), input, mocks) {
        Status::Succeeded { output } => output.to_string(),
        other => format!("{other:?}"),
    }
}

/// Returns the output of a payload template with one expression. The expression must be escaped as
/// in a JSON string.
#[track_caller]
fn read(expression: &str, input: &str) -> String {
    output(&format!(r#""Type":"Pass","Parameters":{{"v.$":"{expression}"}}"#), input, "{}")
}

#[track_caller]
fn errors(state: &str, workflow: Workflow) -> Vec<Problem> {
    let machine = format!(r#"{{"StartAt":"S","States":{{"S":{{{state},"End":true}}}}}}"#);
    let (_, problems) = Machine::check_as(&machine, workflow);
    problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
}

#[test]
fn a_path_that_may_find_many_finds_none_where_its_start_is_missing() {
    for path in [
        "$[*]",
        "$.items[*]",
        "$.items[1:]",
        "$.items[:1]",
        "$.item.items[*]",
        "$.item.items[1:5]",
        "$.items[*].itemValue",
        "$.items[1:].itemValue",
        "$.item.items[1:5].itemValue",
        "$.items[?(@.x == 1)]",
        "$.items..x",
    ] {
        assert_eq!(read(path, "{}"), r#"{"v":[]}"#, "{path}");
    }
}

#[test]
fn a_dot_before_a_bracket_and_spaces_after_a_path_are_taken() {
    assert_eq!(read("$.[0]", "[5]"), r#"{"v":5}"#);
    assert_eq!(read("$.['a b'].[0]", r#"{"a b":[5]}"#), r#"{"v":5}"#);
    assert_eq!(read("$.l.[*].s", r#"{"l":[{"s":1}]}"#), r#"{"v":[1]}"#);
    assert_eq!(read("$.l.[?(@.y < 9)].n", r#"{"l":[{"y":1,"n":2}]}"#), r#"{"v":[2]}"#);
    assert_eq!(read("$.a ", r#"{"a":1}"#), r#"{"v":1}"#);
    assert_eq!(read("$$.Execution.Name  ", "{}"), r#"{"v":"run"}"#);
    assert_eq!(output(r#""Type":"Pass","InputPath":"$.a ""#, r#"{"a":1}"#, "{}"), "1");
}

#[test]
fn a_filter_takes_a_text_without_quotes_and_keeps_objects_only() {
    let list = r#"{"l":[{"n":"/eggs/cooked/like","v":1},{"n":"OPEN","v":2}]}"#;
    assert_eq!(read("$.l[?(@.n==/eggs/cooked/like)].v", list), r#"{"v":[1]}"#);
    assert_eq!(read("$.l[?(@.n == OPEN && @.v > 1)].v", list), r#"{"v":[2]}"#);
    assert_eq!(read("$.l[?(@.n != OPEN)].v", list), r#"{"v":[1]}"#);
    assert_eq!(read("$.a[?(@ > 1)]", r#"{"a":[1,2]}"#), r#"{"v":[]}"#);
    assert_eq!(read("$.a[?(@ != 1)]", r#"{"a":[1,"x",null,[2]]}"#), r#"{"v":[]}"#);
    let regular = r#""Type":"Pass","Parameters":{"v.$":"$.l[?(@.n =~ /O.*/)]"}"#;
    assert_eq!(errors(regular, Workflow::Standard).len(), 1);
}

#[test]
fn a_backslash_is_a_part_of_a_quoted_name_unless_it_stands_before_the_quote() {
    let input = r#"{"Test\\\"\"Name\"":"found","it's":1,"a\\b":2}"#;
    assert_eq!(read(r#"$['Test\\\"\"Name\"']"#, input), r#"{"v":"found"}"#);
    assert_eq!(read(r"$['it\\'s']", input), r#"{"v":1}"#);
    assert_eq!(read(r"$['a\\b']", input), r#"{"v":2}"#);
}

#[test]
fn a_name_with_a_dash_stands_in_brackets_within_a_function_and_nowhere_else() {
    let input = r#"{"detail-type":1}"#;
    assert_eq!(read("$.detail-type", input), r#"{"v":1}"#);
    assert_eq!(read("States.Format('{}', $['detail-type'])", input), r#"{"v":"1"}"#);
    for call in ["States.Format('{}', $.detail-type)", "States.Array($.a, $.b.detail-type)"] {
        let state = format!(r#""Type":"Pass","Parameters":{{"v.$":"{call}"}}"#);
        assert_eq!(errors(&state, Workflow::Standard).len(), 1, "{call}");
    }
}

#[test]
fn an_integer_of_minus_zero_is_zero() {
    assert_eq!(read("States.StringToJson('-0')", "{}"), r#"{"v":0}"#);
    let text = r#"{"v":[-0,-0.0,"-0",-01e1,1e-0]}"#.replace("-01e1", "-0e1");
    let expected = r#"{"v":[0,-0.0,"-0",-0.0,1.0]}"#;
    assert_eq!(text.parse::<Json>().unwrap().to_string(), expected);
}

#[test]
fn an_error_that_was_reported_without_a_name_is_caught_with_null() {
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","TimeoutSeconds":9,
        "Parameters":{"MessageBody.$":"$$.Task.Token"},
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}]},"C":{"Type":"Pass","End":true}}}"#;
    let machine = Machine::parse(machine).unwrap();
    for (mocks, expected) in [
        (r#"{"T":{"Throw":{}}}"#, r#"{"Error":null,"Cause":null}"#),
        (r#"{"T":{"Throw":{"Error":"E"}}}"#, r#"{"Error":"E","Cause":null}"#),
        (r#"{"T":{"Throw":{"Cause":"c"}}}"#, r#"{"Error":null,"Cause":"c"}"#),
        (r#"{"T":{"Never":true}}"#, r#"{"Error":"States.Timeout","Cause":""}"#),
    ] {
        let mut mocks = Mocks::parse(mocks).unwrap();
        let ran = run(&machine, Json::Null, &mut mocks, RunOptions::default()).unwrap();
        assert_eq!(ran.status, Status::Succeeded { output: expected.parse().unwrap() });
    }
}

#[test]
fn a_job_has_a_token_where_its_fields_ask_for_one() {
    let job = |parameters: &str| {
        format!(
            r#""Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync",
            "Parameters":{{{parameters}}},"ResultPath":null"#
        )
    };
    let mocks = r#"{"S":{"Return":{}}}"#;
    assert_eq!(
        output(&job(r#""Input":{"t.$":"$$.Task.Token"}"#), r#"{"a":1}"#, mocks),
        r#"{"a":1}"#
    );
    let call = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
        "Parameters":{"t.$":"$$.Task.Token"}"#;
    let outcome = output(call, "{}", mocks);
    assert!(outcome.contains("States.Runtime"), "a plain call has no task token: {outcome}");
}

#[test]
fn a_wait_names_what_is_wrong_with_its_path() {
    for (field, input, expected) in [
        ("Seconds", r#"{"s":1.5}"#, "cannot be parsed as a long value: $.s == 1.5"),
        ("Seconds", r#"{"s":-1.5}"#, "cannot be parsed as a long value: $.s == -1.5"),
        ("Seconds", r#"{"s":-1}"#, "references a negative value: $.s == -1"),
        ("Seconds", "{}", "does not reference an input value: $.s"),
        ("Timestamp", "{}", "does not reference an input value: $.s"),
    ] {
        let outcome = output(&format!(r#""Type":"Wait","{field}Path":"$.s""#), input, "{}");
        let expected =
            format!("(entered at the event id #2). The {field}Path parameter {expected}");
        assert!(outcome.contains(&expected), "{outcome}");
    }
}

#[test]
fn a_wait_of_more_seconds_than_fit_in_32_bits_fails() {
    let wait = r#""Type":"Wait","TimestampPath":"$.t""#;
    let outcome = output(wait, r#"{"t":"2038-01-19T03:14:08Z"}"#, "{}");
    assert!(
        outcome.contains("(entered at the event id #2). Wait state delay is too long."),
        "{outcome}"
    );
    let input = r#"{"t":"2038-01-19T03:14:07Z"}"#;
    assert_eq!(output(wait, input, "{}"), input);
    let wait = r#""Type":"Wait","SecondsPath":"$.s""#;
    assert!(output(wait, r#"{"s":2147483648}"#, "{}").contains("delay is too long"));
}

#[test]
fn a_call_that_the_service_does_not_know_is_refused() {
    let task = |resource: &str| format!(r#""Type":"Task","Resource":"{resource}""#);
    for resource in [
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::dynamodb:getItem.sync",
        "arn:aws:states:::sqs:receiveMessage",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:::s3:getObject",
        "arn:aws-cn:states:::nosuch:thing",
        "arn:aws:states:::aws-sdk:glue:startJobRun.sync",
        "arn:aws:states:::aws-sdk:s3:GetObject",
        "arn:aws:states:::aws-sdk:S3:getObject",
        "charge",
        "arn:aws:lambda",
        "",
    ] {
        let found = errors(&task(resource), Workflow::Standard);
        assert_eq!(found.len(), 1, "{resource}");
        assert_eq!(found[0].code, Some(Code::SchemaValidationFailed));
        assert_eq!(found[0].location.as_deref(), Some("/States/S/Resource"));
    }
    for resource in [
        "arn:aws:states:::dynamodb:getItem",
        "arn:aws:states:::ecs:runTask.sync",
        "arn:aws:states:::ecs:runTask.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:${AWS::Partition}:states:::${Service}:call",
        "${FunctionArn}",
        "arn:aws:lambda:eu-west-1:1:function:f",
        "arn:aws:states:eu-west-1:1:activity:review",
    ] {
        assert_eq!(errors(&task(resource), Workflow::Standard), [], "{resource}");
    }
}

#[test]
fn credentials_name_a_role() {
    let task = |credentials: &str| {
        let resource = "arn:aws:states:::lambda:invoke";
        format!(r#""Type":"Task","Resource":"{resource}","Credentials":{credentials}"#)
    };
    for given in ["{}", r#"{"Role":"r"}"#] {
        let found = errors(&task(given), Workflow::Standard);
        assert_eq!(found[0].location.as_deref(), Some("/States/S/Credentials"));
    }
    assert_eq!(errors(&task(r#"{"RoleArn.$":"$.role"}"#), Workflow::Standard), []);
}

#[test]
fn an_express_machine_waits_for_nobody() {
    for resource in [
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync",
        "arn:aws:states:eu-west-1:1:activity:review",
    ] {
        let task = format!(r#""Type":"Task","Resource":"{resource}","TimeoutSeconds":9"#);
        assert_eq!(errors(&task, Workflow::Standard), []);
        let found = errors(&task, Workflow::Express);
        assert_eq!(found.len(), 1, "{resource}");
        assert_eq!(found[0].location.as_deref(), Some("/States/S/Resource"));
    }
}

/// Runs the contributed cases in `shared/cases/states`, if this folder exists.
#[test]
fn every_case_handed_over_ends_as_it_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/cases/states");
    let Ok(cases) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED: no cases at {folder}");
        return;
    };
    let mut differing = Vec::new();
    for case in cases {
        let case: Json = std::fs::read_to_string(case.unwrap().path()).unwrap().parse().unwrap();
        let name = case.get("name").and_then(Json::as_str).unwrap();
        let expected = case.get("expected").unwrap();
        let outcome = outcome(&case, name.contains("express"));
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wanted: Vec<String> = expected
            .as_object()
            .unwrap()
            .values()
            .map(|value| text(value).replace("… ", ""))
            .collect();
        let agrees = match expected.get("valid") {
            Some(valid) => outcome == format!("valid: {valid}"),
            None => wanted.iter().all(|wanted| outcome.contains(wanted.as_str())),
        };
        if !agrees {
            differing.push(format!("{name}: {outcome} is not {expected}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn outcome(case: &Json, express: bool) -> String {
    let workflow = if express { Workflow::Express } else { Workflow::Standard };
    let (machine, _) = Machine::check_as(&case.get("machine").unwrap().to_string(), workflow);
    let Some(machine) = machine else { return "valid: false".to_owned() };
    let Some(input) = case.get("input") else { return "valid: true".to_owned() };
    let mocks = case.get("mock").map_or("{}".to_owned(), ToString::to_string);
    let mut mocks = Mocks::parse(&mocks).unwrap();
    match run(&machine, input.clone(), &mut mocks, RunOptions::default()).unwrap().status {
        Status::Succeeded { output } => output.to_string(),
        other => format!("{other:?}"),
    }
}

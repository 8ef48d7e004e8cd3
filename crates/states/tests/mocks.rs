//! Mocks: how they are written, and what a run does with them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Json, Machine, Mocks, Run, RunError, RunOptions, Status, run};

const LOOP: &str = r#"{"StartAt":"Poll","States":{
    "Poll":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","TimeoutSeconds":30,
      "Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":2,"BackoffRate":3}],
      "Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Slow"}],"Next":"Done?"},
    "Done?":{"Type":"Choice","Choices":[{"Variable":"$.done","BooleanEquals":true,"Next":"End"}],
      "Default":"Poll"},
    "End":{"Type":"Succeed"},"Slow":{"Type":"Fail","Error":"Slow"}}}"#;

fn attempt(mocks: &str) -> Result<Run, RunError> {
    let machine = Machine::parse(LOOP).unwrap();
    run(&machine, Json::Null, &mut Mocks::parse(mocks).unwrap(), RunOptions::default())
}

fn output(mocks: &str) -> String {
    match attempt(mocks).unwrap().status {
        Status::Succeeded { output } => output.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn responses_are_given_by_the_number_of_the_call_and_the_last_one_stays() {
    let list = r#"{"Poll":[{"Return":{"done":false}},{"Return":{"done":true,"n":2}}]}"#;
    assert_eq!(output(list), r#"{"done":true,"n":2}"#);
    let numbered = r#"{"Poll":{"0":{"Throw":{"Error":"Busy","Cause":""}},
        "1-3":{"Return":{"done":false}},"4":{"Return":{"done":true}}}}"#;
    assert_eq!(output(numbered), r#"{"done":true}"#);
    assert_eq!(output(r#"{"Poll":{"Return":{"done":true}}}"#), r#"{"done":true}"#);
}

#[test]
fn time_is_virtual() {
    let mocks = r#"{"Poll":[{"Throw":{"Error":"Busy"}},{"Throw":{"Error":"Busy"}},
        {"Return":{"done":true},"AfterSeconds":10}]}"#;
    let ran = attempt(mocks).unwrap();
    // The first retry comes after two seconds, and the second after three times two seconds. The
    // task then takes ten seconds.
    assert_eq!(ran.ended.as_second(), 2 + 6 + 10);
}

#[test]
fn a_task_that_never_answers_times_out_or_leaves_the_run_stuck() {
    let ran = attempt(r#"{"Poll":{"Never":true}}"#).unwrap();
    let status = Status::Failed { error: Some("Slow".to_owned()), cause: None };
    assert_eq!((ran.status, ran.ended.as_second()), (status, 30));
    let late = attempt(r#"{"Poll":{"Return":{"done":true},"AfterSeconds":31}}"#).unwrap();
    assert!(matches!(late.status, Status::Failed { .. }));
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::lambda:invoke"}}}"#;
    let machine = Machine::parse(machine).unwrap();
    let mut mocks = Mocks::parse(r#"{"T":{"Never":true}}"#).unwrap();
    let stuck = run(&machine, Json::Null, &mut mocks, RunOptions::default()).unwrap_err();
    assert_eq!(
        stuck.to_string(),
        "the run cannot end, because nothing answers the tasks of these states: T"
    );
}

#[test]
fn a_state_without_a_mock_and_a_mock_without_a_state_are_named() {
    let error = attempt("{}").unwrap_err().to_string();
    assert_eq!(
        error,
        "the task of state 'Poll' cannot be answered: the mocks have no results for it; add \"Poll\" to the \
         mocks"
    );
    let mocks = Mocks::parse(r#"{"Pol":{"Return":1},"End":{"Return":1}}"#).unwrap();
    assert_eq!(mocks.unknown_names(&Machine::parse(LOOP).unwrap()), ["End", "Pol"]);
}

#[test]
fn a_configuration_of_step_functions_local_is_read_by_its_test_case() {
    let text = r#"{"StateMachines":{"Loop":{"TestCases":{
        "Happy":{"Poll":"Done"},"Busy":{"Poll":"BusyThenDone"}}}},
        "MockedResponses":{"Done":{"0":{"Return":{"done":true}}},
        "BusyThenDone":{"0":{"Throw":{"Error":"Busy","Cause":"c"}},"1":{"Return":{"done":true}}}}}"#;
    let machine = Machine::parse(LOOP).unwrap();
    let events = |case| {
        let mut mocks = Mocks::parse_case(text, Some(case)).unwrap();
        run(&machine, Json::Null, &mut mocks, RunOptions::default()).unwrap().history.len()
    };
    assert_eq!(events("Busy"), events("Happy") + 3);
    let error = Mocks::parse(text).unwrap_err().to_string();
    assert_eq!(error, "the mocks have several test cases; name one of them: Happy, Busy");
    let error = Mocks::parse(r#"{"StateMachines":{},"MockedResponses":{}}"#).unwrap_err();
    assert!(error.to_string().contains("has no test case"), "{error}");
    let error = Mocks::parse_case(text, Some("Sad")).unwrap_err().to_string();
    assert_eq!(error, "the mocks have no test case \"Sad\"; they have Happy, Busy");
}

#[test]
fn a_task_that_puts_an_object_by_the_sdk_is_answered_by_its_mock() {
    let machine = r#"{"StartAt":"Put","States":{"Put":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::aws-sdk:s3:putObject"}}}"#;
    let machine = Machine::parse(machine).unwrap();
    let ran = |mocks: &str| {
        run(&machine, Json::Null, &mut Mocks::parse(mocks).unwrap(), RunOptions::default())
    };
    let output = r#"{"ETag":"7"}"#.parse().unwrap();
    let ended = ran(r#"{"Put":{"Return":{"ETag":"7"}}}"#).unwrap().status;
    assert_eq!(ended, Status::Succeeded { output });
    assert!(matches!(ran("{}"), Err(RunError::Unanswered { .. })), "Put needs a mock");
}

#[test]
fn a_response_that_cannot_be_read_is_reported_with_its_place() {
    for (text, place) in [
        (r#"{"A":1}"#, "A"),
        (r#"{"A":[{"Return":1},{"Yield":1}]}"#, "A[1]"),
        (r#"{"A":{"Return":1,"Throw":{}}}"#, "A"),
        (r#"{"A":{"0":{"Return":1},"2":{"Return":1}}}"#, "A.2"),
        (r#"{"A":{"0-x":{"Return":1}}}"#, "A.0-x"),
    ] {
        let error = Mocks::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("mocks, {place}: ")), "{error}");
    }
    assert!(Mocks::parse("{").is_err());
}

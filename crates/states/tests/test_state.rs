//! [`Machine::test_state`] returns the same responses as the API operation `TestState` of Step
//! Functions, from which the expected responses were recorded.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Failure, Json, Machine, Mocks, StateTest, TestError};

/// Tests one state, and returns the result. If the text of the state mentions `"Z"`, the machine
/// also has a state Z.
#[track_caller]
fn tested(state: &str, test: StateTest) -> Json {
    let next = match state.contains(r#""Z""#) {
        true => r#","Z":{"Type":"Pass","End":true}"#,
        false => "",
    };
    let machine = format!(r#"{{"StartAt":"S","States":{{"S":{{{state}}}{next}}}}}"#);
    let machine = Machine::parse(&machine).unwrap_or_else(|problems| panic!("{problems}"));
    let inspected = machine.test_state("S", test, &mut Mocks::default()).unwrap();
    serde_json::to_string(&inspected).unwrap().parse().unwrap()
}

#[track_caller]
fn same(found: &Json, expected: &str) {
    let expected: Json = expected.parse().unwrap();
    assert_eq!(*found, expected, "\n{found}\n{expected}");
}

fn input(text: &str) -> StateTest {
    StateTest::new(text.parse().unwrap())
}

#[test]
fn a_pass_shows_each_field_and_a_fixed_result_only_what_follows_it() {
    let parameters = r#""Type":"Pass","InputPath":"$.a","Parameters":{"i.$":"$.f"},
        "ResultPath":"$.m","End":true"#;
    same(
        &tested(parameters, input(r#"{"a":{"f":1}}"#)),
        r#"{"status":"SUCCEEDED","output":{"a":{"f":1},"m":{"i":1}},"inspectionData":{
        "input":{"a":{"f":1}},"afterInputPath":{"f":1},"afterParameters":{"i":1},
        "afterResultSelector":{"i":1},"afterResultPath":{"a":{"f":1},"m":{"i":1}}}}"#,
    );
    same(
        &tested(r#""Type":"Pass","Result":{"k":"v"},"Next":"Z""#, input("{}")),
        r#"{"status":"SUCCEEDED","output":{"k":"v"},"nextState":"Z","inspectionData":{"input":{},
        "result":{"k":"v"},"afterResultSelector":{"k":"v"},"afterResultPath":{"k":"v"}}}"#,
    );
}

#[test]
fn a_choice_names_the_next_state_and_a_fail_its_error() {
    let choice =
        r#""Type":"Choice","Choices":[{"Variable":"$.v","NumericLessThan":30,"Next":"Z"}]"#;
    same(
        &tested(choice, input(r#"{"v":22}"#)),
        r#"{"status":"SUCCEEDED","output":{"v":22},"nextState":"Z",
        "inspectionData":{"input":{"v":22},"afterInputPath":{"v":22}}}"#,
    );
    if cfg!(feature = "jsonata") {
        let choice = r#""Type":"Choice","QueryLanguage":"JSONata","Choices":[{"Next":"Z",
            "Condition":"{% $states.input.v = 22 %}"}]"#;
        same(
            &tested(choice, input(r#"{"v":22}"#)),
            r#"{"status":"SUCCEEDED","output":{"v":22},"nextState":"Z",
            "inspectionData":{"input":{"v":22}}}"#,
        );
    }
    same(
        &tested(r#""Type":"Fail","Error":"E","Cause":"c""#, input("{}")),
        r#"{"status":"FAILED","error":"E","cause":"c",
        "inspectionData":{"input":{},"afterInputPath":{}}}"#,
    );
    let wait = tested(r#""Type":"Wait","Seconds":86400,"Next":"Z""#, input("{}"));
    assert_eq!(wait.get("nextState"), Some(&"Z".into()));
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
    "Parameters":{"FunctionName":"f"},"ResultSelector":{"p.$":"$.Payload"},
    "Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":2,"MaxAttempts":4}],
    "Catch":[{"ErrorEquals":["No"],"Next":"Z"},{"ErrorEquals":["States.ALL"],
    "ResultPath":"$.e","Next":"Z"}],"Next":"Z""#;

fn failing(error: &str, retries: u64) -> StateTest {
    let outcome = Some(Err(Failure::new(error, "c")));
    StateTest { outcome, retries, ..input(r#"{"a":1}"#) }
}

#[test]
fn a_task_ends_with_what_is_given_for_it() {
    let outcome = Some(Ok(r#"{"Payload":[1]}"#.parse().unwrap()));
    same(
        &tested(TASK, StateTest { outcome, ..input(r#"{"a":1}"#) }),
        r#"{"status":"SUCCEEDED","output":{"p":[1]},"nextState":"Z","inspectionData":{
        "input":{"a":1},"afterInputPath":{"a":1},"afterParameters":{"FunctionName":"f"},
        "result":{"Payload":[1]},"afterResultSelector":{"p":[1]},"afterResultPath":{"p":[1]}}}"#,
    );
}

#[test]
fn an_error_names_who_deals_with_it() {
    same(
        &tested(TASK, failing("Busy", 3)),
        r#"{"status":"RETRIABLE","error":"Busy","cause":"c","inspectionData":{"input":{"a":1},
        "afterInputPath":{"a":1},"afterParameters":{"FunctionName":"f"},
        "errorDetails":{"retryIndex":0,"retryBackoffIntervalSeconds":16}}}"#,
    );
    same(
        &tested(TASK, failing("Other", 0)),
        r#"{"status":"CAUGHT_ERROR","error":"Other","cause":"c","nextState":"Z",
        "output":{"a":1,"e":{"Error":"Other","Cause":"c"}},"inspectionData":{"input":{"a":1},
        "afterInputPath":{"a":1},"afterParameters":{"FunctionName":"f"},
        "errorDetails":{"catchIndex":1}}}"#,
    );
    let task = TASK.replace(
        r#","Next":"Z"},{"ErrorEquals":["States.ALL"]"#,
        r#","Next":"Z"},{
        "ErrorEquals":["Nothing"]"#,
    );
    let found = tested(&task, failing("Busy", 4));
    assert_eq!(found.get("status"), Some(&"FAILED".into()));
    let details = found.get("inspectionData").unwrap().get("errorDetails").unwrap();
    same(details, r#"{"retryIndex":0}"#);
}

#[test]
fn an_interpreter_error_is_reported_as_it_is() {
    let map = r#""Type":"Map","ItemsPath":"$","ItemProcessor":{"StartAt":"I","States":{"I":{
        "Type":"Pass","End":true}}},"End":true"#;
    let found = tested(map, input("{}"));
    assert_eq!(found.get("cause"), Some(&"Reference path \"$\" must point to array.".into()));
    let of_context = map.replace(r#""ItemsPath":"$""#, r#""ItemsPath":"$$.Execution""#);
    let found = tested(&of_context, input("{}"));
    let cause = "Reference path \"$.Execution\" must point to array.";
    assert_eq!(found.get("cause"), Some(&cause.into()));
    let outcome = Some(Ok("[1]".parse().unwrap()));
    same(
        &tested(map, StateTest { outcome, ..input("[7]") }),
        r#"{"status":"SUCCEEDED","output":[1],"inspectionData":{"input":[7],"afterInputPath":[7],
        "afterItemsPath":[7],"maxConcurrency":0,"afterResultSelector":[1],"afterResultPath":[1]}}"#,
    );
    let found = tested(map, input("[7]"));
    assert_eq!(found.get("output"), Some(&Json::Array(vec![7_u64.into()])), "the Map was run");
}

#[test]
fn a_context_and_variables_can_be_given() {
    let pass = r#""Type":"Pass","Assign":{"v":0},"Parameters":{"n.$":"$$.Execution.Name","v.$":"$v"},
        "End":true"#;
    let context = Some(r#"{"Execution":{"Name":"order-7"}}"#.parse().unwrap());
    let variables = [("v".to_owned(), 5_u64.into())].into_iter().collect();
    let found = tested(pass, StateTest { context, variables, ..input("{}") });
    same(found.get("output").unwrap(), r#"{"n":"order-7","v":5}"#);
    same(found.get("inspectionData").unwrap().get("variables").unwrap(), r#"{"v":5}"#);
}

#[test]
fn a_state_that_is_not_there_and_a_task_without_an_answer_are_reported() {
    let machine = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
        "Resource":"arn:aws:states:::lambda:invoke"}}}"#;
    let machine = Machine::parse(machine).unwrap();
    let test = |name: &str| machine.test_state(name, input("{}"), &mut Mocks::default());
    assert_eq!(test("U").unwrap_err(), TestError::NoState("U".to_owned()));
    assert!(matches!(test("T").unwrap_err(), TestError::Unanswered { .. }));
}

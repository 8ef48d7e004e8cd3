//! `chorus states` validates, runs and draws.

use std::path::Path;

use crate::{chorus, said, well};

const MACHINE: &str = r#"{
  "StartAt": "Charge",
  "States": {
    "Charge": {
      "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": { "FunctionName": "payment", "Payload.$": "$" },
      "Retry": [{ "ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2 }],
      "ResultPath": "$.charge", "Next": "Enough?"
    },
    "Enough?": {
      "Type": "Choice",
      "Choices": [{ "Variable": "$.total", "NumericGreaterThanEquals": 10, "Next": "Done" }],
      "Default": "Too little"
    },
    "Done": { "Type": "Pass", "Parameters": { "said.$": "States.Format('{} paid', $.total)" }, "End": true },
    "Too little": { "Type": "Fail", "Error": "TooLittle", "Cause": "not worth it" }
  }
}"#;

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_machine_is_run_with_mocks_and_says_its_output_or_its_error() {
    let place = tempfile::tempdir().unwrap();
    let machine = file(place.path(), "m.asl.json", MACHINE);
    let mocks = r#"{"Charge":[{"Throw":{"Error":"Busy","Cause":"later"}},{"Return":{"ok":true}}]}"#;
    let mocks = file(place.path(), "mocks.json", mocks);
    let run =
        |input: &str| chorus(&["states", "run", &machine, "--input", input, "--mock", &mocks]);
    let output = run(r#"{"total":12}"#);
    assert_eq!(said(&output).trim(), r#"{"said":"12 paid"}"#);
    let output = run(r#"{"total":2}"#);
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!((&told["error"], &told["cause"]), (&"TooLittle".into(), &"not worth it".into()));
    let history = well(&[
        "states",
        "run",
        &machine,
        "--input",
        r#"{"total":12}"#,
        "--mock",
        &mocks,
        "--history",
    ]);
    let told: serde_json::Value = serde_json::from_str(&history).unwrap();
    let events = told["events"].as_array().unwrap();
    assert_eq!(events[0]["type"], "ExecutionStarted");
    assert_eq!(events.iter().filter(|event| event["type"] == "TaskFailed").count(), 1);
}

#[test]
fn mocks_of_step_functions_local_are_run_by_their_test_case() {
    let place = tempfile::tempdir().unwrap();
    let machine = file(place.path(), "m.asl.json", MACHINE);
    let mocks = r#"{"StateMachines":{"Payment":{"TestCases":{
        "Paid":{"Charge":"Good","Chrage":"Good"},"Refused":{"Charge":"Bad"}}}},
        "MockedResponses":{"Good":{"0":{"Return":{"ok":true}}},
        "Bad":{"0":{"Throw":{"Error":"Declined","Cause":"no funds"}}}}}"#;
    let mocks = file(place.path(), "mocks.json", mocks);
    let run = |case: &[&str]| {
        let input = ["--input", r#"{"total":12}"#];
        chorus(&[&["states", "run", &machine, "--mock", &mocks], &input[..], case].concat())
    };
    let output = run(&["--case", "Paid"]);
    assert_eq!(said(&output).trim(), r#"{"said":"12 paid"}"#);
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(noted.contains("Chrage"), "a mock that nothing asks for is noted: {noted}");
    assert!(said(&run(&["--case", "Refused"])).contains("Declined"));
    let unnamed = run(&[]);
    let error = String::from_utf8_lossy(&unnamed.stderr).into_owned();
    assert!(!unnamed.status.success() && error.contains("Paid, Refused"), "{error}");
}

#[test]
fn an_invalid_machine_is_told_by_state_and_field() {
    let place = tempfile::tempdir().unwrap();
    let machine = file(
        place.path(),
        "m.asl.json",
        &MACHINE.replace(r#""Next": "Enough?""#, r#""Next": "Enough""#),
    );
    let output = chorus(&["states", "validate", &machine]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("Charge") && said(&output).contains("Next"),
        "{}",
        said(&output)
    );
    let valid = file(place.path(), "v.asl.json", MACHINE);
    assert!(well(&["states", "validate", &valid]).contains("valid"));
    assert!(well(&["states", "draw", &valid]).contains("<svg"));
}

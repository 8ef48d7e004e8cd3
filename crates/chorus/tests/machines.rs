//! `chorus states` validates, runs and draws state machines.

use std::path::Path;

use crate::{chorus, stdout_of, well};

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
    assert_eq!(stdout_of(&output).trim(), r#"{"said":"12 paid"}"#);
    let output = run(r#"{"total":2}"#);
    assert_eq!(output.status.code(), Some(1));
    let output_text: serde_json::Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    assert_eq!(
        (&output_text["error"], &output_text["cause"]),
        (&"TooLittle".into(), &"not worth it".into())
    );
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
    let output_text: serde_json::Value = serde_json::from_str(&history).unwrap();
    let events = output_text["events"].as_array().unwrap();
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
    assert_eq!(stdout_of(&output).trim(), r#"{"said":"12 paid"}"#);
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(noted.contains("Chrage"), "a mock for an unknown state must be noted: {noted}");
    assert!(stdout_of(&run(&["--case", "Refused"])).contains("Declined"));
    let unnamed = run(&[]);
    let error = String::from_utf8_lossy(&unnamed.stderr).into_owned();
    assert!(!unnamed.status.success() && error.contains("Paid, Refused"), "{error}");
}

#[test]
fn an_invalid_machine_is_reported_by_state_and_field() {
    let place = tempfile::tempdir().unwrap();
    let machine = file(
        place.path(),
        "m.asl.json",
        &MACHINE.replace(r#""Next": "Enough?""#, r#""Next": "Enough""#),
    );
    let output = chorus(&["states", "validate", &machine]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout_of(&output).contains("Charge") && stdout_of(&output).contains("Next"),
        "{}",
        stdout_of(&output)
    );
    let valid = file(place.path(), "v.asl.json", MACHINE);
    assert!(well(&["states", "validate", &valid]).contains("valid"));
    assert!(well(&["states", "draw", &valid]).contains("<svg"));
}

const YAML: &str = "
StartAt: Ask
States:
  Ask:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Catch: [{ErrorEquals: [States.ALL], Next: Choose}]
    Next: Choose
  Choose:
    Type: Choice
    Choices: [{Variable: $.n, IsPresent: true, Next: Done}]
    Default: Done
  Done: {Type: Succeed}
";

#[test]
fn machines_are_found_in_yaml_and_inside_templates() {
    let place = tempfile::tempdir().unwrap();
    let yaml = file(place.path(), "m.asl.yaml", YAML);
    assert!(well(&["states", "validate", &yaml]).contains("valid"));
    let template = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Ask: {Type: 'AWS::Serverless::Function'}
  Beside:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: m.asl.yaml}
  Inside:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineType: EXPRESS
      DefinitionSubstitutions: {Queue: !GetAtt Ask.Arn, Word: 'a \"word\"'}
      DefinitionString: '{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::sqs:sendMessage.waitForTaskToken\",\"Next\":\"B\"},\"B\":{\"Type\":\"Pass\",\"Result\":\"${Word}\",\"End\":true}}}'
";
    let template = file(place.path(), "template.yaml", template);
    let output = chorus(&["states", "validate", &template, "--json"]);
    assert_eq!(output.status.code(), Some(1), "an Express machine must not wait for callbacks");
    let output_text: serde_json::Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    let results: Vec<&str> = output_text
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|machine| machine["result"].as_str())
        .collect();
    assert_eq!(results, ["OK", "FAIL"]);
    let diagnostic = &output_text[1]["diagnostics"][0];
    assert_eq!(diagnostic["code"], "SCHEMA_VALIDATION_FAILED");
    assert_eq!(diagnostic["location"], "/States/A/Resource");
    let standard = ["states", "validate", &template, "--type", "standard"];
    assert!(well(&standard).contains("valid"));
    let run = ["states", "test", &template, "--machine", "Inside", "--type", "standard"];
    let output_text = well(&[&run[..], &["--state", "B"]].concat());
    let output_text: serde_json::Value = serde_json::from_str(&output_text).unwrap();
    assert_eq!(output_text["output"], "a \"word\"");
    let unnamed = chorus(&["states", "draw", &template]);
    let error = String::from_utf8_lossy(&unnamed.stderr).into_owned();
    assert!(unnamed.status.code() == Some(2) && error.contains("Beside, Inside"), "{error}");
}

#[test]
fn a_definition_that_is_elsewhere_or_missing_keeps_no_other_from_being_checked() {
    let place = tempfile::tempdir().unwrap();
    let filled = YAML.replace("Type: Succeed", "Type: Wait, Seconds: \"${Wait}\", End: true");
    file(place.path(), "m.asl.yaml", &filled.replace('"', ""));
    let template = "
Resources:
  Local:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: m.asl.yaml, DefinitionSubstitutions: {Wait: '120'}}
  InBucket:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: {Bucket: definitions, Key: a.json}}
  ByUri:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: 's3://definitions/b.json'}
";
    let all = file(place.path(), "template.yaml", template);
    let output = chorus(&["states", "validate", &all]);
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && stdout_of(&output).contains("valid: 3 states"), "{noted}");
    for uri in ["s3://definitions/a.json", "s3://definitions/b.json"] {
        assert!(noted.contains(&format!("is not checked: its definition is at {uri}")), "{noted}");
    }
    let draw = chorus(&["states", "draw", &all, "--machine", "ByUri"]);
    assert_eq!(draw.status.code(), Some(2), "a machine whose definition is in S3 cannot be drawn");
    let gone = file(place.path(), "gone.yaml", &template.replace("m.asl", "n.asl"));
    let output = chorus(&["states", "validate", &gone, "--json"]);
    assert_eq!(output.status.code(), Some(2), "the only local definition is missing");
    let output_text: serde_json::Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    let output_text = output_text.as_array().unwrap();
    let local = output_text
        .iter()
        .find(|output_text| output_text["machine"].as_str().unwrap().ends_with(": Local"));
    assert!(local.unwrap()["because"][0].as_str().unwrap().contains("cannot be read"));
    assert_eq!(output_text.len(), 3);
    let beside = chorus(&["states", "validate", "nowhere.json", &all]);
    assert_eq!(beside.status.code(), Some(2), "nowhere.json cannot be read");
    assert!(stdout_of(&beside).contains("valid: 3 states"), "{}", stdout_of(&beside));
}

#[test]
fn a_value_that_is_filled_in_is_not_filled_in_again() {
    let place = tempfile::tempdir().unwrap();
    let template = r#"{"Resources":{"M":{"Type":"AWS::Serverless::StateMachine","Properties":{
        "DefinitionSubstitutions":{"A":"${B}","B":"b"},"Definition":{"StartAt":"P","States":{"P":{
        "Type":"Pass","Result":"${A} ${B} ${C} ${","End":true}}}}}}}"#;
    let template = file(place.path(), "template.json", template);
    assert_eq!(well(&["states", "run", &template]).trim(), r#""${B} b ${C} ${""#);
}

#[test]
fn the_help_says_what_a_dash_is_and_what_exit_codes_mean() {
    for command in ["states", "pattern"] {
        let help = well(&[command, "--help"]);
        assert!(help.contains("standard input") && help.contains("Exit codes: 0"), "{help}");
    }
}

#[test]
fn one_state_is_tested_alone_and_a_folder_of_mocks_is_measured() {
    let place = tempfile::tempdir().unwrap();
    let yaml = file(place.path(), "m.yaml", YAML);
    let test = ["states", "test", &yaml, "--state", "Ask", "--error", "Down", "--cause", "c"];
    let output_text: serde_json::Value = serde_json::from_str(&well(&test)).unwrap();
    assert_eq!(
        (&output_text["status"], &output_text["nextState"]),
        (&"CAUGHT_ERROR".into(), &"Choose".into())
    );
    let folder = place.path().join("mocks");
    std::fs::create_dir(&folder).unwrap();
    file(&folder, "found.json", r#"{"Ask":{"Return":{"n":1}}}"#);
    file(&folder, "nothing.json", r#"{"Ask":{"Return":{}}}"#);
    let folder_name = folder.display().to_string();
    let coverage = ["states", "coverage", &yaml, "--mocks", &folder_name];
    let output = chorus(&coverage);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout_of(&output).contains("0 x Catch[0].Next → Choose"), "{}", stdout_of(&output));
    assert!(
        stdout_of(&output).contains("3 of 3 states, 4 of 5 transitions"),
        "{}",
        stdout_of(&output)
    );
    file(&folder, "down.json", r#"{"Ask":{"Throw":{"Error":"Down"}}}"#);
    assert!(well(&coverage).contains("5 of 5 transitions"));
}

#[test]
fn a_history_is_printed_as_a_table_at_the_given_time_and_errors_as_json() {
    let place = tempfile::tempdir().unwrap();
    let yaml = file(place.path(), "m.yaml", YAML);
    let mocks = file(place.path(), "mocks.json", r#"{"Ask":{"Return":{},"AfterSeconds":2}}"#);
    let run = ["states", "run", &yaml, "--mock", &mocks, "--now", "2026-11-20T10:47:00Z"];
    let table = well(&[&run[..], &["--table"]].concat());
    let line = table.lines().find(|line| line.contains("ChoiceStateEntered")).unwrap();
    assert!(line.contains("+2 s") && line.contains("Choose"), "{table}");
    let history = well(&[&run[..], &["--history", "--name", "order-7"]].concat());
    assert!(history.contains("2026-11-20T10:47:02.000Z"), "{history}");
    let output = chorus(&["states", "run", "nowhere.json", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let output_text: serde_json::Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    assert_eq!(output_text["error"], "nowhere.json cannot be read");
}

#[test]
fn a_distributed_map_reads_and_writes_a_folder_in_the_place_of_s3() {
    let place = tempfile::tempdir().unwrap();
    let machine = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,
        "ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV",
        "CSVHeaderLocation":"FIRST_ROW"},"Parameters":{"Bucket":"in","Key":"orders/a.csv"}},
        "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
        "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},
        "ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"out"},
        "WriterConfig":{"Transformation":"COMPACT","OutputType":"JSONL"}}}}}"#;
    let machine = file(place.path(), "m.json", machine);
    let bucket = place.path().join("s3/in/orders");
    std::fs::create_dir_all(&bucket).unwrap();
    file(&bucket, "a.csv", "id\n1\n2\n");
    let folder = place.path().join("s3").display().to_string();
    let output_text: serde_json::Value =
        serde_json::from_str(&well(&["states", "run", &machine, "--s3", &folder])).unwrap();
    let manifest = output_text["ResultWriterDetails"]["Key"].as_str().unwrap();
    let manifest = place.path().join("s3/out").join(manifest);
    let written = manifest.with_file_name("SUCCEEDED_0.jsonl");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "{\"id\":\"1\"}\n{\"id\":\"2\"}");
    assert!(std::fs::read_to_string(manifest).unwrap().contains("SUCCEEDED_0.jsonl\",\"Size\":21"));
    let gone = file(
        place.path(),
        "g.json",
        &std::fs::read_to_string(&machine).unwrap().replace("a.csv", "../../b"),
    );
    let output = chorus(&["states", "run", &gone, "--s3", &folder]);
    assert_eq!(output.status.code(), Some(2), "a key must not leave its bucket");
}

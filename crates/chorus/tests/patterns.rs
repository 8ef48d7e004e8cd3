//! `chorus pattern` reports a match, no match, or an invalid pattern, with the reason.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::{chorus, stdout_of, well};

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn sample(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/samples");
    root.join(name).display().to_string()
}

#[test]
fn a_pattern_is_tried_on_an_event_and_the_deciding_field_is_named() {
    let place = tempfile::tempdir().unwrap();
    let high = r#"{"detail":{"data":{"total":[{"numeric":[">=",1000]}]}}}"#;
    let pattern = file(place.path(), "high.json", high);
    let output = chorus(&[
        "pattern",
        "test",
        "--pattern",
        &pattern,
        "--event",
        &sample("OrderCreated.json"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout_of(&output).contains("no match") && stdout_of(&output).contains("237.51"),
        "{}",
        stdout_of(&output)
    );
    let high_event = sample("OrderCreated-2.json");
    let matched = well(&["pattern", "test", "--pattern", &pattern, "--event", &high_event]);
    assert!(matched.starts_with("match\n  + detail.data.total is "), "{matched}");
    let invalid = file(place.path(), "invalid.json", r#"{"detail":{"total":[{"numeric":[">"]}]}}"#);
    let output = chorus(&["pattern", "test", "--pattern", &invalid, "--event", &high_event]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("$.detail.total"), "{error}");
    let gone = chorus(&["pattern", "test", "--pattern", "gone.json", "--event", &high_event]);
    assert_eq!(gone.status.code(), Some(2), "an unreadable pattern must not count as 'no match'");
}

#[test]
fn cases_are_run_and_disagreements_are_counted() {
    let place = tempfile::tempdir().unwrap();
    let agree = r#"{"name":"a","pattern":{"a":[1]},"event":{"a":1},"expected":true}"#;
    let differ = r#"{"name":"b","pattern":{"a":[1]},"event":{"a":1},"expected":false}"#;
    let refused = r#"{"name":"c","pattern":{"a":1},"event":{"a":1},"expected":"invalid"}"#;
    let cases = file(place.path(), "agree.jsonl", &format!("{agree}\n{refused}\n"));
    assert!(well(&["pattern", "check", "--cases", &cases]).ends_with("2 cases, 0 disagreements\n"));
    let cases = file(place.path(), "differ.jsonl", &format!("{agree}\n{differ}\n"));
    let output = chorus(&["pattern", "check", "--cases", &cases]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout_of(&output).ends_with("2 cases, 1 disagreements\n"), "{}", stdout_of(&output));
}

/// Runs `chorus` with `input` on its standard input.
fn fed(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chorus"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("CARGO");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stdout_of(output)))
}

const TEMPLATE: &str = "
Parameters: {Stage: {Type: String}}
Resources:
  Bus: {Type: 'AWS::Events::EventBus', Properties: {Name: !Sub 'bus-${Stage}'}}
  Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: high}}
  High:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [!Sub 'orders.${Stage}'], detail: {total: [{numeric: ['>', 100]}]}}
      Targets:
        - {Id: a, Arn: !GetAtt Queue.Arn, InputPath: $.detail}
        - Id: b
          Arn: !GetAtt Queue.Arn
          InputTransformer: {InputPathsMap: {t: $.detail.total}, InputTemplate: '{\"t\": <t>}'}
  Review:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Low: {Type: EventBridgeRule, Properties: {Pattern: {source: [payments]}}}
";

const EVENT: &str = r#"{"source":"orders.test","detail":{"total":237.51}}"#;

#[test]
fn the_rules_of_a_template_are_tried_with_what_their_targets_are_sent() {
    let place = tempfile::tempdir().unwrap();
    let template = file(place.path(), "template.yaml", TEMPLATE);
    let event = file(place.path(), "event.json", EVENT);
    let rules = ["pattern", "rules", "--template", &template, "--event", &event];
    let assuming = chorus(&rules);
    assert_eq!(assuming.status.code(), Some(1), "{}", stdout_of(&assuming));
    assert!(stdout_of(&assuming).contains("assumed Stage = Stage"), "{}", stdout_of(&assuming));
    let given = well(&[&rules[..], &["--parameter", "Stage=test"]].concat());
    assert!(given.contains("High (on bus-test, line 10): match"), "{given}");
    assert!(
        given.contains(r#"arn:aws:sqs:us-east-1:123456789012:high: {"total":237.51}"#),
        "{given}"
    );
    assert!(given.contains(r#": {"t": 237.51}"#), "{given}");
    assert!(given.contains("ReviewLow (on default, line 20): no match: source decided"), "{given}");
    let output_text =
        fed(&["pattern", "rules", "--template", &template, "--event", "-", "--json"], EVENT);
    assert_eq!(json(&output_text)[1]["explanation"]["decided-by"], "source");
}

#[test]
fn patterns_and_templates_are_linted() {
    let place = tempfile::tempdir().unwrap();
    let found = fed(&["pattern", "lint", "-"], r#"{"Source":["a"]}"#);
    assert_eq!(found.status.code(), Some(1));
    assert!(stdout_of(&found).contains("misspelt-envelope"), "{}", stdout_of(&found));
    let template = file(place.path(), "template.yaml", TEMPLATE);
    assert!(well(&["pattern", "lint", &template]).contains("2 patterns, 0 findings"));
    assert_eq!(fed(&["pattern", "lint"], "Resources: [1\n").status.code(), Some(2));
    assert_eq!(fed(&["pattern", "lint"], "a: 1\n").status.code(), Some(2));
    let found = fed(&["pattern", "lint", "--json"], r#"{"a":"x"}"#);
    assert_eq!(json(&found)[0]["findings"][0]["code"], "invalid");
    let looped =
        TEMPLATE.replace("Resources:", "Resources:\n  Fn::ForEach::More: [N, !Ref Gone, {}]");
    let looped = file(place.path(), "looped.yaml", &looped);
    let passed_over = chorus(&["pattern", "lint", &looped]).stderr;
    let passed_over = String::from_utf8_lossy(&passed_over).into_owned();
    assert!(passed_over.contains("the loop Fn::ForEach::More are skipped"), "{passed_over}");
    let list = file(place.path(), "list.json", "[]");
    let found = chorus(&["pattern", "lint", &list]);
    assert_eq!(found.status.code(), Some(1), "a JSON array must be linted as a pattern");
    assert!(String::from_utf8_lossy(&found.stdout).contains("1 pattern, 1 finding"));
}

#[test]
fn two_patterns_are_compared_with_an_event_that_tells_them_apart() {
    let place = tempfile::tempdir().unwrap();
    let narrow = file(place.path(), "narrow.json", r#"{"source":["a"],"detail":{"b":[1]}}"#);
    let wide = file(place.path(), "wide.json", r#"{"source":["a"]}"#);
    let compared = chorus(&["pattern", "compare", &narrow, &wide, "--json"]);
    assert_eq!(compared.status.code(), Some(1));
    assert_eq!(json(&compared)["relation"], "within");
    assert_eq!(json(&compared)["only-second"]["source"], "a");
    assert!(well(&["pattern", "compare", &wide, &wide]).starts_with("equal"));
    let template = file(place.path(), "template.yaml", TEMPLATE);
    let rule = format!("{template}#ReviewLow");
    let compared = chorus(&["pattern", "compare", &rule, &wide]);
    assert!(
        stdout_of(&compared).contains("events that EventBridge delivers"),
        "{}",
        stdout_of(&compared)
    );
}

#[test]
fn errors_are_json_where_json_is_requested() {
    let place = tempfile::tempdir().unwrap();
    let event = file(place.path(), "event.json", EVENT);
    let refused = fed(
        &["pattern", "test", "--pattern", "-", "--event", &event, "--json"],
        "{\n \"a\": [{\"prefx\": 1}]}",
    );
    assert_eq!(refused.status.code(), Some(2));
    let error = &json(&refused)["error"];
    assert_eq!((&error["path"], &error["line"]), (&"$.a[0].prefx".into(), &2.into()), "{error}");
    let twice = chorus(&["pattern", "compare", "-", "-", "--json"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(json(&twice)["error"]["message"].as_str().unwrap().contains("only once"));
    let broken = fed(&["pattern", "test", "--pattern", "-", "--event", "-"], "");
    assert_eq!(broken.status.code(), Some(2));
    let broken = file(place.path(), "broken.json", "{\n \"a\": tru}");
    let unread = ["pattern", "test", "--pattern", "-", "--event", &broken, "--json"];
    assert_eq!(json(&fed(&unread, r#"{"a":[1]}"#))["error"]["line"], 2);
    let twice = ["pattern", "test", "--pattern", "-", "--event", &event];
    let warned = fed(&twice, r#"{"source":["a"],"source":["orders.test"]}"#);
    assert!(
        stdout_of(&warned).contains("warning: line 1, column 17: $.source"),
        "{}",
        stdout_of(&warned)
    );
    let bare = ["pattern", "test", "--pattern", "-", "--event", &event, "--envelope"];
    assert_eq!(fed(&bare, r#"{"a":[1]}"#).status.code(), Some(2));
}

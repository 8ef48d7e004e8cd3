//! The answers that the page `docs/which-rule.html` gets for the rules and events typed into it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use which_rule::{Answer, Question, answer};

const EVENT: &str = r#"{"source":"orders","detail":{"total":3}}"#;

fn ask(rules: &str, event: &str) -> Answer {
    answer(&Question { rules: rules.to_owned(), event: event.to_owned() })
}

#[test]
fn every_rule_of_a_template_has_its_verdict_in_yaml_and_in_json() {
    let yaml = "
Resources:
  Bus: {Type: 'AWS::Events::EventBus'}
  Small:
    Type: AWS::Events::Rule
    Properties:
      State: DISABLED
      EventPattern: {source: [!Ref Bus, orders], detail: {total: [{numeric: ['<', 5]}]}}
  Nightly:
    Type: AWS::Events::Rule
    Properties: {ScheduleExpression: rate(1 day)}
  Broken:
    Type: AWS::Events::Rule
    Properties: {EventPattern: {source: orders}}
";
    let answer = ask(yaml, EVENT);
    let verdict = |name: &str| answer.rules.iter().find(|rule| rule.name == name).unwrap();
    let small = verdict("Small");
    assert_eq!((small.matches, small.active, small.line), (Some(true), false, Some(8)));
    assert_eq!(small.assumed, ["the name of Bus = Bus"]);
    assert_eq!(verdict("Nightly").matches, None);
    assert!(verdict("Broken").text.starts_with("refused"), "{}", verdict("Broken").text);
    let json = r#"{"Resources":{"A":{"Type":"AWS::Events::Rule","Properties":{
        "EventPattern":{"source":["Orders"]}}}}}"#;
    let answer = ask(json, EVENT);
    assert_eq!(answer.rules[0].matches, Some(false));
    assert!(answer.rules[0].text.contains("source is \"orders\""), "{}", answer.rules[0].text);
}

#[test]
fn a_pattern_alone_is_taken_in_json_in_yaml_and_as_a_rule_has_it() {
    for rules in
        [r#"{"source":["orders"]}"#, "source: [orders]", "EventPattern:\n  source:\n  - orders"]
    {
        let answer = ask(rules, EVENT);
        assert_eq!(answer.rules[0].matches, Some(true), "{rules}");
    }
    let answer = ask(r#"{"Source":["orders"]}"#, EVENT);
    assert!(!answer.rules[0].findings.is_empty(), "the misspelled `source` is reported");
}

#[test]
fn what_cannot_be_read_is_reported_with_its_place_and_everything_else_is_reported_too() {
    let answer = ask(r#"{"source":["orders"]}"#, "{\n  \"source\"}");
    assert!(answer.event_error.unwrap().starts_with("line 2, column"), "the event's");
    assert_eq!((answer.rules.len(), answer.rules[0].matches), (1, None));
    let answer = ask("{\n\"source\": }", EVENT);
    assert!(
        answer.rules[0].text.starts_with("refused at line 2, column"),
        "{}",
        answer.rules[0].text
    );
    let answer = ask("a: [1", EVENT);
    assert!(answer.rules_error.unwrap().starts_with("line "));
}

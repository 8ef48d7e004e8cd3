//! Templates in YAML and JSON are read and resolved.

use cloudformation_template::{Resolver, TargetInput, Template, event_rules};
use serde_json::{Value, json};

fn template(text: &str) -> Template {
    Template::parse(text).expect("a template")
}

/// Checks that `expression` resolves to `expected` in a template with parameters, conditions,
/// mappings and resources.
#[track_caller]
fn resolves(expression: &str, expected: &Value) {
    let text = format!(
        "
Parameters:
  Stage: {{Type: String, Default: test}}
  Secret: {{Type: String}}
  Zones: {{Type: CommaDelimitedList, Default: 'x, y'}}
Conditions:
  IsTest: !Equals [!Ref Stage, test]
  IsLive: !Not [!Condition IsTest]
Mappings:
  Sizes: {{test: {{small: 1}}}}
Resources:
  Queue: {{Type: 'AWS::SQS::Queue', Properties: {{QueueName: !Sub 'q-${{Stage}}'}}}}
  Bus: {{Type: 'AWS::Events::EventBus', Properties: {{Name: shop}}}}
Probe: {expression}
"
    );
    let template = template(&text);
    let resolver = Resolver::new(&template).with("AWS::Region", "eu-west-1");
    assert_eq!(resolver.resolve(&template.value()["Probe"]).value, *expected, "{expression}");
}

#[test]
fn short_tags_are_read_in_their_long_form() {
    let template = template(
        "
A: !GetAtt Table.StreamArn
B: !Sub ['${x}', {x: !Ref Y}]
C: !If [Live, !Ref 'AWS::NoValue', 2]
D: !Condition Live
E: !Ref 012
",
    );
    assert_eq!(
        *template.value(),
        json!({
            "A": {"Fn::GetAtt": ["Table", "StreamArn"]},
            "B": {"Fn::Sub": ["${x}", {"x": {"Ref": "Y"}}]},
            "C": {"Fn::If": ["Live", {"Ref": "AWS::NoValue"}, 2]},
            "D": {"Condition": "Live"},
            "E": {"Ref": "012"},
        })
    );
}

#[test]
fn functions_are_resolved_without_an_account() {
    resolves("!Ref Stage", &json!("test"));
    resolves("!Ref Zones", &json!(["x", "y"]));
    resolves(
        "!Sub '${Stage}/${!Literal}/${Queue.Arn}'",
        &json!("test/${Literal}/arn:aws:sqs:eu-west-1:123456789012:q-test"),
    );
    resolves("!Sub ['${a}-${Stage}', {a: !Ref Bus}]", &json!("shop-test"));
    resolves("!Ref Queue", &json!("https://sqs.eu-west-1.amazonaws.com/123456789012/q-test"));
    resolves("!GetAtt Bus.Arn", &json!("arn:aws:events:eu-west-1:123456789012:event-bus/shop"));
    resolves("!If [IsLive, a, b]", &json!("b"));
    resolves("{x: !If [IsLive, a, !Ref 'AWS::NoValue'], y: 1}", &json!({"y": 1}));
    resolves("[!Ref 'AWS::NoValue', 1]", &json!([1]));
    resolves("!Join ['-', [a, !Ref Stage]]", &json!("a-test"));
    resolves("!Select [1, !Split [':', 'a:b:c']]", &json!("b"));
    resolves("!Select ['0', !Ref Zones]", &json!("x"));
    resolves("!FindInMap [Sizes, !Ref Stage, small]", &json!(1));
    resolves("!FindInMap [Sizes, none, small, {DefaultValue: 7}]", &json!(7));
    resolves("!Select [0, !GetAZs '']", &json!("eu-west-1a"));
    resolves("!Base64 'x'", &json!("eA=="));
}

#[test]
fn every_assumption_is_reported_and_can_be_replaced() {
    let template = template(
        "
Parameters:
  Secret: {Type: String}
  Level: {Type: Number, AllowedValues: [3, 5]}
Probe: [!Ref Secret, !Ref Level, !ImportValue other, !Ref Secret, '{{resolve:ssm:/x}}']
",
    );
    let probe = &template.value()["Probe"];
    let resolved = Resolver::new(&template).resolve(probe);
    assert_eq!(resolved.value, json!(["Secret", 3, "other", "Secret", "{{resolve:ssm:/x}}"]));
    let assumed: Vec<_> = resolved.stand_ins.iter().map(|one| one.expression.as_str()).collect();
    assert_eq!(
        assumed,
        ["Level", "Secret", r#"{"Fn::ImportValue":"other"}"#, "{{resolve:ssm:/x}}"]
    );
    let known = Resolver::new(&template).with("Secret", "s").with("Level", 5).resolve(probe);
    assert_eq!((known.value[0].as_str(), known.stand_ins.len()), (Some("s"), 2));
}

#[test]
fn names_and_conditions_that_refer_to_themselves_come_to_an_end() {
    let template = template(
        "
Conditions: {A: !Condition B, B: !Not [!Condition A]}
Resources:
  One: {Type: 'AWS::Events::EventBus', Properties: {Name: !Ref Two}}
  Two: {Type: 'AWS::Events::EventBus', Properties: {Name: !Sub '${One}${One}'}}
Probe: !If [A, !Ref One, !Ref One]
",
    );
    assert!(Resolver::new(&template).resolve(&template.value()["Probe"]).value.is_string());
}

const RULES: &str = "
Transform: [AWS::Serverless-2016-10-31]
Conditions: {Never: !Equals [a, b]}
Resources:
  Plain:
    Type: AWS::Events::Rule
    Condition: Never
    Properties:
      EventBusName: !Ref Bus
      EventPattern:
        source: [orders]
        detail: {total: [{numeric: ['>', 100]}], open: [true]}
      Targets:
        - {Id: a, Arn: !GetAtt Queue.Arn}
        - {Id: b, Arn: !GetAtt Queue.Arn, InputPath: $.detail}
        - Id: c
          Arn: !GetAtt Queue.Arn
          InputTransformer: {InputPathsMap: {t: $.detail.total}, InputTemplate: '{\"t\": <t>}'}
  Queue: {Type: 'AWS::SQS::Queue'}
  Bus: {Type: 'AWS::Events::EventBus', Properties: {Name: shop}}
  Nightly: {Type: 'AWS::Events::Rule', Properties: {ScheduleExpression: rate(1 day), State: DISABLED}}
  Review:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Api: {Type: Api}
        High:
          Type: CloudWatchEvent
          Properties: {Pattern: {source: [orders]}, Input: '{}'}
";

#[test]
fn rules_are_found_as_resources_and_as_events_of_sam() {
    let template = template(RULES);
    assert!(template.is_sam());
    let rules = event_rules(&Resolver::new(&template));
    let ids: Vec<_> = rules.iter().map(|rule| (&*rule.id, &*rule.bus, rule.active)).collect();
    let expected =
        [("Plain", "shop", false), ("Nightly", "default", false), ("ReviewHigh", "default", true)];
    assert_eq!(ids, expected);
    let plain = &rules[0];
    assert_eq!(
        plain.pattern.as_deref(),
        Some(r#"{"detail":{"open":[true],"total":[{"numeric":[">",100]}]},"source":["orders"]}"#)
    );
    assert_eq!(plain.location.map(|place| place.line), Some(11));
    assert_eq!(plain.targets[0].arn, "arn:aws:sqs:us-east-1:123456789012:Queue");
    assert_eq!(plain.targets[1].input, TargetInput::Path("$.detail".into()));
    assert!(
        matches!(&plain.targets[2].input, TargetInput::Transformer { paths, .. } if paths["t"] == "$.detail.total")
    );
    assert_eq!(rules[1].schedule.as_deref(), Some("rate(1 day)"));
    assert_eq!(rules[2].targets[0].input, TargetInput::Constant("{}".into()));
}

#[test]
fn json_is_read_with_its_places_also_where_tabs_indent_it() {
    let spaced =
        template("{\n  \"Resources\": {\"A\": {\"Type\": \"X\"},\n  \"A\": {\"Type\": \"Y\"}}\n}");
    assert_eq!(spaced.resource("A").map(|resource| resource.kind), Some("Y"));
    assert_eq!(spaced.duplicates()[0].0, "/Resources/A");
    assert_eq!(spaced.location("/Resources/A/Type").map(|place| place.line), Some(2));
    let tabbed = template("{\n\t\"Resources\": {\n\t\t\"A\": {\"Type\": \"X\"}}}");
    assert!(tabbed.resource("A").is_some());
}

#[test]
fn what_is_in_brackets_or_quotation_marks_may_be_indented_less_than_its_key() {
    let read = template(
        r#"
Resources:
  A:
    Type: X
    Properties:
      Actions: [
    "a",
      !Ref B,
  ]
      Text: "{
  \"a\": \"b\"

}"
      Other: 'it''s
one'
      Policy:
        {
      "Sid": "all"
    }
      Last: 1
"#,
    );
    let properties = json!({
        "Actions": ["a", {"Ref": "B"}], "Text": "{ \"a\": \"b\"\n}", "Other": "it's one",
        "Policy": {"Sid": "all"}, "Last": 1,
    });
    assert_eq!(*read.resource("A").unwrap().properties, properties);
    let place = |step: &str| {
        let place = read.location(&format!("/Resources/A/Properties/{step}")).unwrap();
        (place.line, place.column)
    };
    assert_eq!(
        (place("Actions/0"), place("Policy/Sid"), place("Last")),
        ((7, 5), (18, 14), (20, 13))
    );
    let error = Template::parse("a:\n  b: [\n1,\n}").expect_err("the brackets do not fit");
    assert_eq!((error.line, error.column), (4, 1), "{error}");
    let many = format!("a:\n  b: [\n{}]", "1,\n".repeat(50_000));
    assert!(Template::parse(&many).is_err(), "it is parsed again only so often");
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    for (text, line, part) in [
        ("a: [1\nb: 2", 2, ""),
        ("- a", 1, "must be an object"),
        ("", 1, "must be an object"),
        ("a:\n  ? [x]\n  : 1", 2, "key must be"),
        ("a: *gone", 1, ""),
        ("a:\n  <<: text", 2, "`<<` must have"),
    ] {
        let error = Template::parse(text).expect_err(text);
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}

#[test]
fn hostile_nesting_and_aliases_of_aliases_are_refused_soon() {
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(Template::parse(&deep).is_err());
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let list = vec![format!("*a{before}"); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let error = Template::parse(&laughs).expect_err("too many values");
    assert!(error.to_string().contains("values"), "{error}");
}

#[test]
fn merge_keys_fill_in_what_is_missing() {
    let template = template("base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3");
    assert_eq!(template.value()["own"], json!({"a": 1, "b": 3}));
}

#[test]
fn loops_are_written_out_with_their_places() {
    let template = template(
        "
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: 'a.fifo, b'}}
Resources:
  Fn::ForEach::Rules:
    - Kind
    - [Created, Paid]
    - Rule${Kind}:
        Type: AWS::Events::Rule
        Properties:
          EventPattern: {detail-type: [!Sub 'Order${Kind}']}
          Targets: [{Id: q, Arn: !GetAtt 'Queue${Kind}.Arn'}]
  Fn::ForEach::Outer:
    - Name
    - !Ref Names
    - Fn::ForEach::Inner:
        - Kind
        - [Dead, Live]
        - '${Kind}&{Name}': {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Name}}
  Fn::ForEach::Zones: [Zone, [1, 2], {'Topic${Zone}': {Type: 'AWS::SNS::Topic'}}]
  Fn::ForEach::Unknown: [Name, !Ref Elsewhere, {'Q${Name}': {Type: 'AWS::SQS::Queue'}}]
",
    );
    let ids: Vec<&str> = template.resources().map(|resource| resource.id).collect();
    let expected =
        "Deadafifo Deadb Fn::ForEach::Unknown Liveafifo Liveb RuleCreated RulePaid Topic1 Topic2";
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(sorted.join(" "), expected);
    let queue = template.resource("Liveafifo").expect("it was made");
    assert_eq!(queue.properties["QueueName"], "a.fifo");
    let rules = event_rules(&Resolver::new(&template));
    let paid = rules.iter().find(|rule| rule.id == "RulePaid").expect("it was made");
    assert_eq!(paid.pattern.as_deref(), Some(r#"{"detail-type":["OrderPaid"]}"#));
    assert_eq!(paid.location.map(|place| place.line), Some(6), "the loop's body");
}

#[test]
fn loops_that_would_multiply_without_end_stay_as_they_are() {
    let mut body = "{R: {Type: T}}".to_owned();
    for level in 0..40 {
        body = format!("{{'Fn::ForEach::L{level}': [I{level}, [a, b, c, d, e, f, g, h], {body}]}}");
    }
    let template = template(&format!("Resources: {body}"));
    assert!(template.resources().count() < 100_000);
}

#[test]
fn what_refers_by_its_arn_has_the_arn_of_its_service() {
    let template = template(
        "
Resources:
  Work: {Type: 'AWS::StepFunctions::Activity', Properties: {Name: pick}}
  Task: {Type: 'AWS::ECS::TaskDefinition'}
  Shop:
    Type: AWS::Events::Rule
    Properties: {EventBusName: !ImportValue shared, EventPattern: {source: [a]}}
",
    );
    let resolver = Resolver::new(&template);
    let resolved = |id: &str| resolver.resolve(&json!({"Ref": id})).value;
    assert_eq!(resolved("Work"), "arn:aws:states:us-east-1:123456789012:activity:pick");
    assert_eq!(resolved("Task"), "arn:aws:ecs:us-east-1:123456789012:task-definition/Task:1");
    let rule = &event_rules(&resolver)[0];
    assert_eq!((&*rule.bus, &*rule.stand_ins[0].value), ("shared", "shared"), "it is assumed");
}

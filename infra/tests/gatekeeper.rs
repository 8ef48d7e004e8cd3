//! The enterprise's bus: which events the bus forwards, from which accounts, and where the bus
//! sends all other events.

#![allow(clippy::unwrap_used, reason = "a test may panic if its preparation fails")]

use chorus_events::partners::ENTERPRISE_BUS;
use chorus_infra::shop;
use chorus_template::{Finding, check_beside, gatekeeper};
use event_pattern::Pattern;
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn document() -> Value {
    gatekeeper(&shop(ROOT), ENTERPRISE_BUS).document()
}

fn findings(document: &Value) -> Vec<Finding> {
    check_beside(document, &shop(ROOT))
}

#[test]
fn nothing_is_wrong_with_its_template() {
    let found: Vec<String> = findings(&document()).iter().map(ToString::to_string).collect();
    assert_eq!(found, [""; 0]);
}

/// The pattern of a rule, with the test's account ids in place of the template's parameters.
fn pattern(rule: &str, document: &Value) -> Pattern {
    let pattern = document["Resources"][rule]["Properties"]["EventPattern"].to_string();
    let pattern = pattern.replace(r#"{"Ref":"ApplicationAccount"}"#, r#""111111111111""#);
    let pattern = pattern.replace(r#"{"Ref":"CatalogueAccount"}"#, r#""333333333333""#);
    assert!(!pattern.contains("Ref"), "{pattern}");
    Pattern::parse(pattern).unwrap()
}

#[test]
fn every_event_is_let_through_or_kept_with_a_reason() {
    let document = document();
    let rules = ["ForwardPublicEventsRule", "ForwardCatalogueRule", "UnwantedRule"];
    let rules = rules.map(|rule| (rule, pattern(rule, &document)));
    let event = |account: &str, source: &str, name: &str, category: &str| {
        json!({
            "version": "0", "id": "1", "account": account, "source": source, "detail-type": name,
            "time": "2026-11-29T12:00:00Z", "region": "eu-central-1", "resources": [],
            "detail": { "metadata": { "category": category }, "data": {} },
        })
    };
    let (shop, catalogue, stranger) = ("111111111111", "333333333333", "444444444444");
    let enterprise = "222222222222";
    let cases = [
        (event(shop, "com.example.shop", "ShopOrderDelivered", "event"), rules[0].0),
        (event(shop, "com.example.shop", "OrderDelivered", "event"), rules[2].0),
        (event(shop, "com.orders", "OrderDelivered", "event"), rules[2].0),
        // A subscriber trusts the bus, so the bus forwards a public event only if the shop
        // published the event.
        (event(stranger, "com.example.shop", "ShopOrderDelivered", "event"), rules[2].0),
        (event(enterprise, "com.example.shop", "ShopOrderDelivered", "event"), rules[2].0),
        (event(enterprise, "com.example.shop", "ShopOrderCanceled", "event"), rules[2].0),
        (event(catalogue, "com.example.catalogue", "PutItem", "command"), rules[1].0),
        (event(catalogue, "com.example.catalogue", "PutItem", "event"), rules[2].0),
        (event(catalogue, "com.example.catalogue", "CancelOrder", "command"), rules[2].0),
        (event(stranger, "com.example.catalogue", "PutItem", "command"), rules[2].0),
        (event(enterprise, "com.example.catalogue", "PutItem", "command"), rules[2].0),
    ];
    for (event, expected) in cases {
        let text = event.to_string();
        let matching = rules.iter().filter(|(_, it)| it.matches(text.as_bytes()).unwrap());
        let names: Vec<&str> = matching.map(|(rule, _)| *rule).collect();
        assert_eq!(names, [expected], "{text}");
    }
}

/// Checks that the template's rule `name` rejects the parameter `given` if the parameter `needed`
/// is empty.
fn assert_needs(name: &str, given: &str, needed: &str) {
    let is_given = |name: &str| json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": name }, ""] }] });
    let rule = &document()["Rules"][name];
    assert_eq!(rule["RuleCondition"], is_given(given));
    let [assertion] = &rule["Assertions"].as_array().unwrap()[..] else { panic!("{rule}") };
    assert_eq!(assertion["Assert"], is_given(needed));
    let message = assertion["AssertDescription"].as_str().unwrap();
    assert!(message.contains(&format!("{given} needs {needed}")), "{message}");
}

/// If only the sender's account were given, the sender's commands would match no rule of the bus.
#[test]
fn a_senders_account_without_the_shops_bus_is_refused() {
    assert_needs("CatalogueHasABus", "CatalogueAccount", "ApplicationBusArn");
}

/// If only the subscriber's queue were given, no event would match the rule that forwards public
/// events.
#[test]
fn a_subscribers_queue_without_the_shops_account_is_refused() {
    assert_needs("SubscriberHasAnApplication", "SubscriberQueueArn", "ApplicationAccount");
}

/// Public events reach this bus by a rule of the shop, and EventBridge does not forward an event
/// from bus to bus twice. So a subscriber gets them in a queue. For a queue in another account,
/// EventBridge needs a role.
#[test]
fn a_subscribers_queue_gets_public_events_unchanged() {
    let document = document();
    let rule = &document["Resources"]["ForwardPublicEventsRule"];
    assert_eq!(rule["Condition"], "HasSubscriber");
    let queue = json!({ "Ref": "SubscriberQueueArn" });
    let expected = json!([{
        "Id": "queue",
        "Arn": queue,
        "RoleArn": { "Fn::GetAtt": ["ForwardPublicEventsRole", "Arn"] },
        "RetryPolicy": rule["Properties"]["Targets"][0]["RetryPolicy"],
        "DeadLetterConfig": { "Arn": { "Fn::GetAtt": ["DeadLetters", "Arn"] } },
    }]);
    assert_eq!(rule["Properties"]["Targets"], expected);
    let role = &document["Resources"]["ForwardPublicEventsRole"]["Properties"];
    let statements = &role["Policies"][0]["PolicyDocument"]["Statement"];
    let send = json!({ "Sid": "Forward", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue });
    assert_eq!(*statements, json!([send]));
    let role_arn = &document["Outputs"]["SubscriberRoleArn"]["Value"]["Fn::If"];
    assert_eq!(role_arn[1], expected[0]["RoleArn"]);
}

#[test]
fn public_events_for_a_second_bus_and_a_queue_without_a_role_are_found() {
    let mut changed = document();
    let forward = &mut changed["Resources"]["ForwardPublicEventsRule"]["Properties"]["Targets"][0];
    forward["Arn"] = json!("arn:aws:events:eu-central-1:444444444444:event-bus/subscriber");
    let problems: Vec<String> = findings(&changed).into_iter().map(|it| it.problem).collect();
    assert_eq!(problems, ["forwards public events to a second bus, which gets none of them"]);
    let mut changed = document();
    let forward = &mut changed["Resources"]["ForwardPublicEventsRule"]["Properties"]["Targets"][0];
    forward["RoleArn"] = Value::Null;
    let problems: Vec<String> = findings(&changed).into_iter().map(|it| it.problem).collect();
    let expected = "has the target SubscriberQueueArn, but no role that may call it";
    assert_eq!(problems, [expected]);
}

#[test]
fn each_account_may_put_its_own_events_and_no_others() {
    let document = document();
    let resources = document["Resources"].as_object().unwrap();
    let policies = resources.iter().filter(|(_, it)| it["Type"] == "AWS::Events::EventBusPolicy");
    let mut admitted = Vec::new();
    for (id, policy) in policies {
        assert!(policy["Condition"].is_string(), "{id} exists without an account");
        let statement = &policy["Properties"]["Statement"];
        let account = statement["Principal"]["AWS"]["Ref"].as_str().unwrap();
        let [_, member, any] = &statement["Condition"]["Fn::If"].as_array().unwrap()[..] else {
            panic!("{statement}")
        };
        let put = &any["ForAllValues:StringEquals"];
        assert_eq!(member["ForAllValues:StringEquals"], *put);
        assert_eq!(member["StringEquals"]["aws:PrincipalOrgID"]["Ref"], "OrganizationId");
        assert_eq!(any["Null"]["events:source"], "false");
        admitted.push((
            account,
            put["events:source"][0].clone(),
            put["events:detail-type"].clone(),
        ));
    }
    let public = json!(["ShopOrderDelivered", "ShopOrderCanceled"]);
    let expected = [
        ("ApplicationAccount", json!("com.example.shop"), public),
        ("CatalogueAccount", json!("com.example.catalogue"), json!(["PutItem"])),
    ];
    assert_eq!(admitted, expected);
}

#[test]
fn a_fault_in_it_is_found_as_in_the_shops_own() {
    let mut changed = document();
    let forward = &mut changed["Resources"]["ForwardCatalogueRule"]["Properties"]["Targets"][0];
    forward["InputPath"] = json!("$.detail");
    forward["DeadLetterConfig"] = Value::Null;
    let problems: Vec<String> = findings(&changed).into_iter().map(|it| it.problem).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("has InputPath for a bus"), "{problems:?}");
    assert!(problems[1].contains("no dead-letter queue"), "{problems:?}");
}

#[test]
fn the_shop_takes_commands_of_one_account_through_this_bus_alone() {
    let document = chorus_template::synthesize(&shop(ROOT)).document();
    let policy = &document["Resources"]["CatalogueBusPolicy"];
    assert_eq!(policy["Condition"], "HasCatalogue");
    let principal = &policy["Properties"]["Statement"]["Principal"]["AWS"];
    let split = json!({ "Fn::Split": [":", { "Ref": "EnterpriseBusArn" }] });
    assert_eq!(*principal, json!({ "Fn::Select": [4, split] }));
    let function = &document["Resources"]["InventoryFunction"]["Properties"];
    let rule = &function["Events"]["PutItem"]["Properties"];
    assert_eq!(rule["Pattern"]["account"], json!([{ "Ref": "CatalogueAccount" }]));
    assert_eq!(rule["Pattern"]["detail"]["metadata"]["category"], json!(["command"]));
    assert_eq!(rule["State"], json!({ "Fn::If": ["HasCatalogue", "ENABLED", "DISABLED"] }));
}

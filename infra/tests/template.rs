//! The template that is checked in is the one that the stack prints, and nothing is wrong with it.

use std::path::Path;
use std::process::Command;

use chorus_infra::shop;
use chorus_template::{Template, check, synthesize};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn template() -> Template {
    synthesize(&shop(ROOT))
}

#[test]
fn the_template_on_disk_is_the_one_that_the_stack_prints() {
    let on_disk = std::fs::read_to_string(format!("{ROOT}/template.yaml")).unwrap_or_default();
    let printed = template().to_yaml();
    let differs = on_disk.lines().zip(printed.lines()).position(|(there, here)| there != here);
    let line = differs.unwrap_or_else(|| on_disk.lines().count().min(printed.lines().count())) + 1;
    assert!(
        on_disk == printed,
        "template.yaml differs from line {line} on: `cargo run -- synth --write` writes it anew"
    );
}

#[test]
fn nothing_is_wrong_with_the_template() {
    let findings = check(&template().document(), &shop(ROOT));
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(told, [""; 0]);
}

#[test]
fn printing_twice_prints_the_same() {
    assert_eq!(template().to_yaml(), template().to_yaml());
}

#[test]
fn every_row_that_consumes_events_has_one_rule() {
    let document = template().document();
    let mut names: Vec<&str> = Vec::new();
    for resource in document["Resources"].as_object().unwrap().values() {
        let properties = &resource["Properties"];
        if resource["Type"] == "AWS::Events::Rule" {
            names.extend(properties["Name"].as_str());
        }
        for event in properties["Events"].as_object().into_iter().flat_map(|events| events.values())
        {
            names.extend(event["Properties"]["RuleName"].as_str());
        }
    }
    let mut expected: Vec<String> =
        chorus_events::table::TABLE.rules().into_iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn every_route_is_among_the_paths_of_the_api() {
    let document = template().document();
    let paths = &document["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"];
    for function in shop(ROOT).functions {
        for route in &function.routes {
            let method = route.method.as_str().to_ascii_lowercase();
            assert!(paths[route.path][method].is_object(), "{route:?}");
        }
    }
}

#[test]
fn only_webhooks_come_without_a_token() {
    let document = template().document();
    let paths = &document["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"];
    for (path, operations) in paths.as_object().unwrap() {
        for operation in operations.as_object().unwrap().values() {
            assert_eq!(operation["security"].is_null(), path == "/webhooks/logistics", "{path}");
        }
    }
}

/// `sam build` asks for a function's binary in its folder, where cargo looks at that package only.
#[test]
fn prod_is_refused_without_stripes_key_a_sender_an_operator_and_a_topic_for_alarms() {
    let document = template().document();
    let rule = &document["Rules"]["ProdIsClosed"];
    assert_eq!(
        rule["RuleCondition"],
        serde_json::json!({ "Fn::Equals": [{ "Ref": "Stage" }, "prod"] })
    );
    let needed = ["StripeKeySecret", "MailFrom", "MailIdentity", "OperatorEmail", "AlarmTopicArn"];
    for parameter in needed {
        let given =
            serde_json::json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": parameter }, ""] }] });
        let assertions = rule["Assertions"].as_array().unwrap();
        assert!(assertions.iter().any(|one| one["Assert"] == given), "{parameter}: {rule}");
        assert_eq!(document["Parameters"][parameter]["Default"], "", "{parameter}");
    }
}

#[test]
fn stripes_key_is_read_by_the_function_that_charges_and_stands_in_no_variable() {
    let document = template().document();
    let readers: Vec<&String> = document["Resources"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, resource)| {
            resource["Properties"]["Policies"].to_string().contains("secretsmanager:")
        })
        .map(|(id, _)| id)
        .collect();
    assert_eq!(readers, ["PaymentRole"]);
    let variables =
        &document["Resources"]["PaymentFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["STRIPE_KEY_SECRET"]["Ref"], "StripeKeySecret");
    assert_eq!(variables["STRIPE_LIVE_ONLY"]["Fn::If"][0], "IsProd");
    assert!(!variables.to_string().contains("resolve:"), "{variables}");
}

#[test]
fn emails_are_sent_by_the_verified_identity_alone() {
    let document = template().document();
    let mut senders = Vec::new();
    for (id, resource) in document["Resources"].as_object().unwrap() {
        let statements = &resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        for statement in statements.as_array().into_iter().flatten() {
            if statement["Action"].to_string().contains("ses:") {
                senders.push((
                    id.as_str(),
                    &statement["Action"],
                    &statement["Resource"]["Fn::Sub"],
                ));
            }
        }
    }
    let identity =
        "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${MailIdentity}";
    let [(role, action, resource)] = senders[..] else { panic!("{senders:?}") };
    assert_eq!(
        (role, action, resource),
        ("NotificationRole", &"ses:SendEmail".into(), &identity.into())
    );
}

#[test]
fn the_folder_of_every_function_is_the_package_that_builds_it() {
    let metadata = ["metadata", "--no-deps", "--format-version=1", "--offline"];
    let told = Command::new(env!("CARGO")).args(metadata).current_dir(ROOT).output().unwrap();
    let workspace: Value = serde_json::from_slice(&told.stdout).unwrap();
    let builds = |folder: &str, binary: &str| {
        let manifest = Path::new(ROOT).join(folder).join("Cargo.toml").canonicalize().unwrap();
        let mut packages = workspace["packages"].as_array().unwrap().iter();
        let package =
            packages.find(|package| package["manifest_path"] == manifest.to_str().unwrap());
        package.unwrap()["targets"].as_array().unwrap().iter().any(|target| {
            target["name"] == binary && target["kind"].as_array().unwrap()[0] == "bin"
        })
    };
    let document = template().document();
    let mut functions = 0;
    for (id, resource) in document["Resources"].as_object().unwrap() {
        if let Some(binary) = resource["Metadata"]["BuildProperties"]["Binary"].as_str() {
            let folder = resource["Properties"]["CodeUri"].as_str().unwrap();
            assert!(builds(folder, binary), "{id}: {folder} does not build {binary}");
            functions += 1;
        }
    }
    assert_eq!(functions, shop(ROOT).functions.len() + 1, "and the sweeper");
}

#[test]
fn a_rule_looks_like_this() {
    insta::assert_json_snapshot!(resource("DeliveryStartDeliveryRule"));
}

#[test]
fn a_role_looks_like_this() {
    insta::assert_json_snapshot!(resource("DeliveryRole"));
}

#[test]
fn a_state_machine_looks_like_this() {
    insta::assert_json_snapshot!(resource("FulfilDeliveryMachine"));
}

#[test]
fn the_role_of_a_state_machine_looks_like_this() {
    insta::assert_json_snapshot!(resource("FulfilDeliveryMachineRole"));
}

fn resource(id: &str) -> Value {
    template().document()["Resources"][id].clone()
}

//! The committed template is the one that the stack's code prints, and the checks find no fault
//! in it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use chorus_design::GeneratedFile;
use chorus_infra::{printed, shop};
use chorus_table::{Callers, Category};
use chorus_template::{Template, check, schema_registry, synthesize};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn template() -> Template {
    synthesize(&shop(ROOT))
}

#[test]
fn the_templates_on_disk_are_the_ones_that_the_stack_prints() {
    for GeneratedFile { path, content } in printed(Path::new(ROOT)).unwrap() {
        let on_disk = std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap_or_default();
        let differs = on_disk.lines().zip(content.lines()).position(|(there, here)| there != here);
        let shorter = on_disk.lines().count().min(content.lines().count());
        let line = differs.unwrap_or(shorter) + 1;
        assert!(
            on_disk == content,
            "{path} differs from line {line} on: `cargo run -- synth --write` writes it anew"
        );
    }
}

#[test]
fn nothing_is_wrong_with_the_template() {
    let findings = check(&template().document(), &shop(ROOT));
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, [""; 0]);
}

/// CloudFormation rejects a template that contains a null.
#[test]
fn no_template_contains_a_null() {
    for GeneratedFile { path, content } in printed(Path::new(ROOT)).unwrap() {
        let null = content.lines().position(|line| line.ends_with(": null"));
        assert_eq!(null, None, "{path}");
    }
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
fn only_signed_webhooks_and_what_is_for_anyone_come_without_a_token() {
    let document = template().document();
    let paths = &document["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"];
    let mut open = BTreeSet::new();
    for route in shop(ROOT).functions.iter().flat_map(|function| &function.routes) {
        let operation = &paths[route.path][route.method.as_str().to_ascii_lowercase()];
        let is_open = matches!(route.callers, Callers::Anyone | Callers::Partner(_));
        assert_eq!(operation["security"].is_null(), is_open, "{} {}", route.method, route.path);
        if is_open {
            open.insert(format!("{} {}", route.method, route.path));
        }
    }
    assert_eq!(
        Vec::from_iter(open),
        [
            "GET /items",
            "POST /webhooks/address",
            "POST /webhooks/logistics",
            "POST /webhooks/payments"
        ]
    );
}

#[test]
fn prod_is_refused_without_stripes_secrets_a_sender_an_operator_and_a_topic_for_alarms() {
    let document = template().document();
    let rule = &document["Rules"]["ProdIsClosed"];
    assert_eq!(
        rule["RuleCondition"],
        serde_json::json!({ "Fn::Equals": [{ "Ref": "Stage" }, "prod"] })
    );
    let needed = [
        "StripeKeySecret",
        "StripeWebhookSecret",
        "MailFrom",
        "MailIdentity",
        "OperatorEmail",
        "AlarmTopicArn",
    ];
    for parameter in needed {
        let given =
            serde_json::json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": parameter }, ""] }] });
        let assertions = rule["Assertions"].as_array().unwrap();
        assert!(assertions.iter().any(|one| one["Assert"] == given), "{parameter}: {rule}");
        assert_eq!(document["Parameters"][parameter]["Default"], "", "{parameter}");
    }
}

#[test]
fn secrets_are_read_at_run_time_by_the_functions_that_need_them_and_stand_in_no_variable() {
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
    assert_eq!(readers, ["DeliveryRole", "OrderRole", "PaymentRole", "StorefrontRole"]);
    let variables =
        |function: &str| &document["Resources"][function]["Properties"]["Environment"]["Variables"];
    let arn = |secret: &str| serde_json::json!({ "Fn::GetAtt": [secret, "Id"] });
    assert_eq!(variables("DeliveryFunction")["WEBHOOK_SECRET_ARN"], arn("GeneratedWebhookSecret"));
    assert_eq!(variables("OrderFunction")["ORDER_ID_SECRET_ARN"], arn("OrderIdSecret"));
    let front_end = serde_json::json!(["HasFrontEnd", arn("FrontEndSigningSecret"), ""]);
    assert_eq!(variables("StorefrontFunction")["FRONT_END_SECRET_ARN"]["Fn::If"], front_end);
    let payment = variables("PaymentFunction");
    assert_eq!(payment["STRIPE_KEY_SECRET"]["Ref"], "StripeKeySecret");
    assert_eq!(payment["STRIPE_WEBHOOK_SECRET"]["Ref"], "StripeWebhookSecret");
    assert_eq!(payment["STRIPE_LIVE_ONLY"]["Fn::If"][0], "IsProd");
    for (id, resource) in document["Resources"].as_object().unwrap() {
        let environment = resource["Properties"]["Environment"].to_string();
        assert!(!environment.contains("resolve:"), "{id}: {environment}");
    }
}

#[test]
fn every_role_trusts_its_service_on_behalf_of_this_account_alone() {
    let document = template().document();
    let resources = document["Resources"].as_object().unwrap();
    let roles: Vec<_> =
        resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role").collect();
    assert!(roles.len() > 10);
    for (id, role) in roles {
        let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().map(Vec::len), Some(1), "{id}");
        let account = &trust[0]["Condition"]["StringEquals"]["aws:SourceAccount"];
        assert_eq!(account["Ref"], "AWS::AccountId", "{id}");
    }
    // If a schedule names no role, SAM creates a role. The scheduler could assume that role on
    // behalf of any AWS account.
    let schedule = &resources["SweeperFunction"]["Properties"]["Events"]["EveryMinute"];
    let role = serde_json::json!(["SweeperScheduleRole", "Arn"]);
    assert_eq!(schedule["Properties"]["RoleArn"]["Fn::GetAtt"], role);
}

#[test]
fn a_webhook_secret_that_is_too_short_does_not_deploy() {
    let document = template().document();
    let parameter = &document["Parameters"]["WebhookSecret"];
    assert_eq!(parameter["AllowedPattern"], "^(.{16,})?$");
    assert_eq!(parameter["NoEcho"], true);
    let secret = &document["Resources"]["GeneratedWebhookSecret"]["Properties"];
    assert_eq!(secret["GenerateSecretString"]["Fn::If"][2]["PasswordLength"], 48);
    assert_eq!(secret["SecretString"]["Fn::If"][1]["Ref"], "WebhookSecret");
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

/// `sam build` runs cargo in a function's folder, so the package in that folder has to contain the
/// function's binary.
#[test]
fn the_folder_of_every_function_is_the_package_that_builds_it() {
    let metadata = ["metadata", "--no-deps", "--format-version=1", "--offline"];
    let output = Command::new(env!("CARGO")).args(metadata).current_dir(ROOT).output().unwrap();
    let workspace: Value = serde_json::from_slice(&output.stdout).unwrap();
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
        let binary = &resource["Metadata"]["BuildProperties"]["Binary"];
        // A function has one binary for all stages, or a binary for the stage prod and another
        // binary for the other stages.
        let by_stage = binary["Fn::If"].as_array().map_or(&[][..], |by_stage| &by_stage[1..]);
        let binaries = binary.as_str().into_iter().chain(by_stage.iter().filter_map(Value::as_str));
        let before = binaries.clone().count();
        for binary in binaries {
            let folder = resource["Properties"]["CodeUri"].as_str().unwrap();
            assert!(builds(folder, binary), "{id}: {folder} does not build {binary}");
        }
        functions += usize::from(before > 0);
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

/// EventBridge's registry and its code bindings need OpenAPI 3.0, which has neither `$defs` nor
/// several types for one value.
#[test]
fn every_published_version_of_an_event_is_registered_as_an_openapi_document() {
    let template = schema_registry(&chorus_events::table::TABLE).unwrap().document();
    let mut found = BTreeSet::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        let Some(content) = resource["Properties"]["Content"].as_str() else { continue };
        let document: Value = serde_json::from_str(content).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let envelope = &schemas["AWSEvent"];
        let text = |of: &Value| of.as_str().unwrap().to_owned();
        let name = text(&envelope["x-amazon-events-detail-type"]);
        let registered = text(&resource["Properties"]["SchemaName"]);
        let source = text(&envelope["x-amazon-events-source"]);
        assert!(registered.starts_with(&format!("{source}@{name}")), "{registered}");
        assert!(!content.contains("$defs") && !content.contains(r#""type":["#), "{content}");
        for target in content.split(r##""$ref":"#/components/schemas/"##).skip(1) {
            let target = target.split('"').next().unwrap();
            assert!(schemas.contains_key(target), "{registered} has no {target}");
        }
        let version = text(&document["info"]["version"]);
        found.insert((name, version.split('.').next().unwrap().parse().unwrap()));
    }
    let events = chorus_events::table::TABLE.messages().into_iter();
    let events = events.filter(|it| it.spec.category() == Category::Event);
    let published: BTreeSet<(String, u32)> = events
        .flat_map(|event| {
            let earlier = (event.earlier)().into_iter().filter(|it| it.published);
            let versions = earlier.map(|it| it.version).chain([event.spec.version]);
            versions.map(|it| (event.spec.detail_type.to_owned(), it)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(found, published);
    assert!(found.contains(&("ItemNotAvailable".to_owned(), 1)), "{found:?}");
}

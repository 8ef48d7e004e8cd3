//! The template for two regions: how it differs from the template for one region, and which faults
//! the checks find.

#![allow(clippy::unwrap_used, reason = "a test may panic if its preparation fails")]

use std::collections::{BTreeMap, BTreeSet};

use chorus_infra::{shop, shop_in_two_regions};
use chorus_template::{check_in_two_regions, synthesize, two_regions};
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn document() -> Value {
    two_regions(&shop_in_two_regions(ROOT)).document()
}

/// Returns what the checks find in the template after `plant` has put a fault into the template.
fn findings(plant: impl FnOnce(&mut Value)) -> Vec<String> {
    let stack = shop_in_two_regions(ROOT);
    let mut document = two_regions(&stack).document();
    plant(&mut document);
    let findings = check_in_two_regions(&document, &stack);
    findings.iter().map(|it| format!("{} {}", it.subject, it.problem)).collect()
}

fn of_kind<'a>(document: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let resources = document["Resources"].as_object().unwrap().iter();
    let those = resources.filter(|(_, resource)| resource["Type"] == kind);
    those.map(|(id, resource)| (id.as_str(), resource)).collect()
}

fn if_primary(value: &Value) -> bool {
    value["Condition"].as_str().unwrap_or_default().contains("Primary")
}

#[test]
fn nothing_is_wrong_with_the_template_for_two_regions() {
    assert_eq!(findings(|_| {}), [""; 0]);
}

/// Support for two regions changes nothing for deployments in one region.
#[test]
fn the_template_for_one_region_names_no_other_and_no_endpoint() {
    let one = synthesize(&shop(ROOT)).to_yaml();
    for name in ["GlobalTable", "PrimaryRegion", "home-region", "ENDPOINT", "TABLE_REGIONS"] {
        assert!(!one.contains(name), "{name}");
    }
}

#[test]
fn it_has_the_resources_of_one_region_and_those_of_the_endpoint() {
    let (one, two) = (synthesize(&shop(ROOT)).document(), document());
    let ids = |document: &Value| {
        let resources = document["Resources"].as_object().unwrap();
        resources.keys().cloned().collect::<BTreeSet<String>>()
    };
    let added: Vec<String> = ids(&two).difference(&ids(&one)).cloned().collect();
    let expected = [
        "BusLatencyAlarm",
        "Endpoint",
        "EndpointHealth",
        "EndpointPassRole",
        "EndpointRole",
        "RegionsTable",
    ];
    assert_eq!(added, expected);
    assert!(ids(&one).is_subset(&ids(&two)));
    // Both templates describe the same function, apart from its events, the reference to its table,
    // and its code's path, which is relative to the template's folder.
    let function = |document: &Value| {
        let mut function = document["Resources"]["CustomsFunction"]["Properties"].clone();
        function.as_object_mut().unwrap().remove("Events");
        function["CodeUri"] = json!(function["CodeUri"].as_str().unwrap().replace("../../", ""));
        function["Environment"]["Variables"]["TABLE_CUSTOMS"] = Value::Null;
        function
    };
    assert_eq!(function(&one), function(&two));
}

#[test]
fn every_table_is_in_both_regions_and_is_found_by_its_name() {
    let (one, two) = (synthesize(&shop(ROOT)).document(), document());
    let before = of_kind(&one, "AWS::DynamoDB::Table");
    let tables = of_kind(&two, "AWS::DynamoDB::GlobalTable");
    assert_eq!(tables.len(), before.len() + 1, "and the table of regions");
    assert!(of_kind(&two, "AWS::DynamoDB::Table").is_empty());
    for (id, table) in &tables {
        assert!(if_primary(table), "{id}: the primary stack alone creates it");
        let regions = &table["Properties"]["Replicas"];
        assert_eq!(regions[0]["Region"]["Ref"], "PrimaryRegion", "{id}");
        assert_eq!(regions[1]["Region"]["Ref"], "SecondaryRegion", "{id}");
        let Some(before) = before.get(id).map(|it| &it["Properties"]) else { continue };
        for same in ["KeySchema", "TimeToLiveSpecification", "GlobalSecondaryIndexes"] {
            assert_eq!(table["Properties"][same], before[same], "{id}");
        }
        assert_eq!(
            table["Properties"]["MultiRegionConsistency"],
            Value::Null,
            "{id}: transactions"
        );
    }
    let text = two["Resources"].to_string();
    for id in tables.keys() {
        assert!(!text.contains(&format!(r#""Ref":"{id}""#)), "{id}");
        assert!(!text.contains(&format!(r#"["{id}","#)), "{id}");
    }
    let variables = &two["Resources"]["OrderFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["TABLE_ORDER"]["Fn::Sub"], "${AWS::StackName}-OrderTable");
}

#[test]
fn the_region_that_acts_is_read_from_a_strongly_consistent_table() {
    let document = document();
    let regions = &document["Resources"]["RegionsTable"]["Properties"];
    assert_eq!(regions["MultiRegionConsistency"], "STRONG");
    assert_eq!(regions["GlobalTableWitnesses"], json!([{ "Region": { "Ref": "WitnessRegion" } }]));
    assert_eq!(regions["TimeToLiveSpecification"], Value::Null, "strong consistency allows none");
    for (id, function) in of_kind(&document, "AWS::Serverless::Function") {
        let role = function["Properties"]["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        let policy = &document["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"];
        let statements = policy["Statement"].as_array().unwrap();
        let regions = statements.iter().find(|it| it["Sid"] == "Regions").expect(id);
        assert_eq!(regions["Action"], "dynamodb:GetItem", "{id}: an operator alone writes it");
    }
}

#[test]
fn secrets_are_the_same_in_both_regions() {
    let document = document();
    let secrets = of_kind(&document, "AWS::SecretsManager::Secret");
    assert_eq!(secrets.len(), 3);
    for (id, secret) in secrets {
        assert!(if_primary(secret), "{id}");
        let replicas = &secret["Properties"]["ReplicaRegions"];
        assert_eq!(*replicas, json!([{ "Region": { "Ref": "SecondaryRegion" } }]), "{id}");
    }
    let order = &document["Resources"]["OrderFunction"]["Properties"]["Environment"]["Variables"];
    let name = "${AWS::StackName}-OrderIdSecret";
    assert_eq!(order["ORDER_ID_SECRET_ARN"]["Fn::Sub"], name);
    let role = document["Resources"]["OrderRole"].to_string();
    assert!(role.contains(&format!("secret:{name}-??????")), "{role}");
    let both = &document["Conditions"]["HasFrontEndInPrimary"]["Fn::And"];
    assert_eq!(*both, json!([{ "Condition": "IsPrimary" }, { "Condition": "HasFrontEnd" }]));
}

#[test]
fn every_rule_is_disabled_where_the_region_does_not_act() {
    let document = document();
    let mut states = Vec::new();
    for resource in document["Resources"].as_object().unwrap().values() {
        if resource["Type"] == "AWS::Events::Rule" {
            states.push(resource["Properties"]["State"].clone());
        }
        let events = resource["Properties"]["Events"].as_object();
        let events = events.into_iter().flat_map(|events| events.values());
        let rules = events.filter(|event| event["Type"] == "EventBridgeRule");
        states.extend(rules.map(|rule| rule["Properties"]["State"].clone()));
    }
    assert_eq!(states.len(), chorus_events::table::TABLE.rules().len());
    for state in &states {
        assert_eq!(state["Fn::If"][0], "IsActive");
        assert_eq!(state["Fn::If"][2], "DISABLED");
    }
    let optional = states.iter().filter(|state| state["Fn::If"][1].is_object()).count();
    assert!(optional > 0, "a rule whose partner is not configured stays disabled: {states:?}");
}

#[test]
fn partners_and_other_accounts_hear_only_events_whose_home_is_this_region() {
    let document = document();
    let rules = of_kind(&document, "AWS::Events::Rule");
    let outside: Vec<_> =
        rules.values().filter(|it| !it["Properties"]["Targets"][0]["RoleArn"].is_null()).collect();
    assert!(outside.len() >= 4, "{outside:?}");
    let here = json!([{ "exists": false }, { "Ref": "AWS::Region" }]);
    for rule in outside {
        let pattern = &rule["Properties"]["EventPattern"];
        assert_eq!(pattern["detail"]["metadata"]["home-region"], here, "{pattern}");
    }
}

#[test]
fn the_endpoint_replicates_to_the_bus_of_the_same_name_in_the_other_region() {
    let document = document();
    let endpoint = &document["Resources"]["Endpoint"];
    assert_eq!(endpoint["Condition"], "HasEndpoint");
    assert_eq!(endpoint["DependsOn"], "EndpointPassRole");
    let properties = &endpoint["Properties"];
    assert_eq!(properties["ReplicationConfig"]["State"], "ENABLED");
    let bus = "arn:${AWS::Partition}:events:${SecondaryRegion}:${AWS::AccountId}:event-bus/${AWS::StackName}";
    assert_eq!(properties["EventBuses"][1]["EventBusArn"]["Fn::Sub"], bus);
    let machine = document["Resources"]["CollectPaymentMachineRole"].to_string();
    assert!(!machine.contains(bus), "a machine publishes in its own region");
}

/// The failed region's bus may accept events without delivering them. So after a takeover, no event
/// may be published through that bus.
#[test]
fn the_secondary_region_publishes_to_its_own_bus_alone() {
    let document = document();
    let variables = &document["Globals"]["Function"]["Environment"]["Variables"];
    let id = json!(["HasEndpoint", { "Fn::GetAtt": ["Endpoint", "EndpointId"] }, ""]);
    assert_eq!(variables["BUS_ENDPOINT_ID"]["Fn::If"], id);
    let primary = &document["Conditions"]["HasEndpoint"]["Fn::And"][0];
    assert_eq!(*primary, json!({ "Condition": "IsPrimary" }));
    assert_eq!(document["Parameters"]["EndpointId"], Value::Null);
    let other = "arn:${AWS::Partition}:events:${SecondaryRegion}:${AWS::AccountId}:event-bus/${AWS::StackName}";
    let through_the_endpoint =
        json!({ "Fn::If": ["HasEndpoint", { "Fn::Sub": other }, { "Ref": "AWS::NoValue" }] });
    let buses = json!([{ "Fn::GetAtt": ["Bus", "Arn"] }, through_the_endpoint]);
    let policy = &document["Resources"]["InventoryRole"]["Properties"]["Policies"][0];
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let put: Vec<_> = statements.iter().filter(|it| it["Action"] == "events:PutEvents").collect();
    assert!(!put.is_empty());
    for statement in put {
        assert_eq!(statement["Resource"], buses, "{statement}");
    }
}

/// In the region on standby, no rule is enabled. So that region's bus would accept a command, and
/// lose the command.
#[test]
fn only_the_active_regions_bus_admits_commands_of_another_account() {
    let document = document();
    let policies = of_kind(&document, "AWS::Events::EventBusPolicy");
    assert_eq!(policies.keys().copied().collect::<Vec<_>>(), ["CatalogueBusPolicy"]);
    assert_eq!(policies["CatalogueBusPolicy"]["Condition"], "HasCatalogueInActive");
    let both = &document["Conditions"]["HasCatalogueInActive"]["Fn::And"];
    assert_eq!(*both, json!([{ "Condition": "IsActive" }, { "Condition": "HasCatalogue" }]));
    let found = findings(|it| {
        let both = &mut it["Conditions"]["HasCatalogueInActive"]["Fn::And"];
        both[0] = json!({ "Condition": "IsPrimary" });
    });
    let problem = "admits other accounts' events outside of the active region, which loses them";
    assert_eq!(found, [format!("CatalogueBusPolicy {problem}")]);
}

/// `sam build` passes no Cargo features to cargo-lambda, which reads the features from
/// `CargoLambda.toml`.
#[test]
fn the_settings_of_the_build_name_the_feature_that_signs_for_an_endpoint() {
    let read = |path: &str| std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
    let settings = read("infra/two-regions/CargoLambda.toml");
    assert!(settings.contains(r#"features = ["chorus-aws/global-endpoint"]"#), "{settings}");
    assert!(read("crates/aws/Cargo.toml").contains("\nglobal-endpoint = ["));
}

#[test]
fn faults_of_two_regions_are_found() {
    let found = findings(|it| {
        it["Resources"]["NotificationSendEmailRule"]["Properties"]["State"] = json!("ENABLED");
    });
    assert_eq!(found, ["NotificationSendEmailRule is enabled outside of the active region"]);
    let found = findings(|it| {
        let pattern =
            &mut it["Resources"]["DeliveryStartDeliveryRule"]["Properties"]["EventPattern"];
        pattern["detail"]["metadata"]["home-region"] = Value::Null;
    });
    assert!(found.iter().any(|it| it.contains("the other region's events")), "{found:?}");
    let found = findings(|it| {
        let replicas = &mut it["Resources"]["OrderTable"]["Properties"]["Replicas"];
        replicas.as_array_mut().unwrap().pop();
    });
    assert_eq!(found, ["OrderTable is not in both regions"]);
    let found = findings(|it| {
        it["Resources"]["Endpoint"]["Properties"]["ReplicationConfig"]["State"] = json!("DISABLED");
    });
    assert_eq!(found, ["Endpoint does not replicate events to the other region"]);
    let found = findings(|it| {
        it["Globals"]["Function"]["Environment"]["Variables"]["BUS_ENDPOINT_ID"] = json!("");
    });
    assert!(found.iter().any(|it| it.contains("the bus of one region only")), "{found:?}");
    let endpoint = json!({ "Fn::GetAtt": ["Endpoint", "EndpointId"] });
    for elsewhere in [json!({ "Ref": "PrimaryRegion" }), endpoint] {
        let found = findings(|it| {
            let variables = &mut it["Globals"]["Function"]["Environment"]["Variables"];
            variables["BUS_ENDPOINT_ID"]["Fn::If"][2] = elsewhere;
        });
        assert!(
            found.len() == 1 && found[0].contains("the secondary region's functions"),
            "{found:?}"
        );
    }
    let found = findings(|it| {
        it["Conditions"]["HasEndpoint"] =
            json!({ "Fn::Equals": [{ "Ref": "GlobalEndpoint" }, "true"] });
    });
    assert!(found.len() == 1 && found[0].contains("the secondary region's functions"), "{found:?}");
    let found = findings(|it| {
        let policy = &mut it["Resources"]["InventoryRole"]["Properties"]["Policies"][0];
        let statements = policy["PolicyDocument"]["Statement"].as_array_mut().unwrap();
        for put in statements.iter_mut().filter(|it| it["Action"] == "events:PutEvents") {
            put["Resource"].as_array_mut().unwrap().pop();
        }
    });
    assert!(found.len() == 1 && found[0].contains("is not granted events:PutEvents"), "{found:?}");
}

#[test]
fn a_permission_too_much_is_found_in_two_regions_as_in_one() {
    let found = findings(|it| {
        let policy = &mut it["Resources"]["CustomsRole"]["Properties"]["Policies"][0];
        let statements = policy["PolicyDocument"]["Statement"].as_array_mut().unwrap();
        let own = statements.iter_mut().find(|it| it["Sid"] == "OwnTables").unwrap();
        let order = own["Resource"]["Fn::Sub"].as_str().unwrap().replace("Customs", "Order");
        own["Resource"] = json!([own["Resource"], { "Fn::Sub": order }]);
    });
    assert!(!found.is_empty() && found.iter().all(|it| it.contains("OrderTable")), "{found:?}");
    let found = findings(|it| {
        let policy = &mut it["Resources"]["CustomsRole"]["Properties"]["Policies"][0];
        let statements = policy["PolicyDocument"]["Statement"].as_array_mut().unwrap();
        statements.retain(|it| it["Sid"] != "Regions");
    });
    assert!(found.len() == 1 && found[0].contains("is not granted dynamodb:GetItem"), "{found:?}");
}

//! Checks of a template for two regions: rules are enabled only in the active region, tables and
//! secrets are in both regions, and every event is replicated.

use serde_json::{Value, json};

use super::view::{View, either_way};
use crate::intrinsics::reference;
use crate::two_regions::{IS_ACTIVE, PRIMARY, SECONDARY};
use crate::{Finding, names};

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    [enabled_rules(view), at_home(view), stored(view), replicated(view)].concat()
}

/// Reports rules that are enabled outside of the active region.
fn enabled_rules(view: View<'_>) -> Vec<Finding> {
    let rules = view.of_kind("AWS::Events::Rule").map(|(id, rule)| (id.to_owned(), rule));
    let events = view.events("EventBridgeRule");
    let events =
        events.map(|(function, event, rule)| (names::function_rule(function, event), rule));
    let stands_by = |rule: &Value| {
        let by_region = rule["State"]["Fn::If"].as_array();
        by_region.is_some_and(|ways| ways[0] == IS_ACTIVE && ways[2] == "DISABLED")
    };
    let enabled = rules.chain(events).filter(|(_, rule)| !stands_by(rule));
    let finding = |(id, _)| {
        let remedy = format!("Let its State be !If [{IS_ACTIVE}, …, DISABLED]");
        Finding::new(id, "is enabled outside of the active region", remedy)
    };
    enabled.map(finding).collect()
}

/// Reports rules that send the events of both regions to a target outside of the stack, such as a
/// partner. Our functions ignore events whose home is the other region; such a target does not.
fn at_home(view: View<'_>) -> Vec<Finding> {
    let outside = view.of_kind("AWS::Events::Rule");
    let outside = outside.filter(|(_, rule)| !rule["Targets"][0]["RoleArn"].is_null());
    let home = json!([{ "exists": false }, reference("AWS::Region")]);
    let anywhere = outside
        .filter(|(_, rule)| rule["EventPattern"]["detail"]["metadata"]["home-region"] != home);
    let finding = |(id, _)| {
        let problem = "sends the other region's events to a target outside of the stack";
        Finding::new(id, problem, "Match detail.metadata.home-region with the stack's region")
    };
    anywhere.map(finding).collect()
}

/// Reports tables and secrets that only one region has.
fn stored(view: View<'_>) -> Vec<Finding> {
    let both = [PRIMARY, SECONDARY].map(reference);
    let tables = view.of_kind("AWS::DynamoDB::Table");
    let remedy = "Make it an AWS::DynamoDB::GlobalTable with replicas in both regions";
    let one = tables.map(|(id, _)| Finding::new(id, "is not in both regions", remedy));
    let replicas = |table: &Value| {
        let replicas = table["Replicas"].as_array().into_iter().flatten();
        replicas.map(|replica| replica["Region"].clone()).collect::<Vec<_>>()
    };
    let tables = view.of_kind("AWS::DynamoDB::GlobalTable");
    let tables = tables.filter(|(_, table)| replicas(table) != both).map(|(id, _)| id);
    let copied = |secret: &Value| secret["ReplicaRegions"][0]["Region"] == both[1];
    let secrets = view.of_kind("AWS::SecretsManager::Secret");
    let secrets = secrets.filter(|(_, secret)| !copied(secret)).map(|(id, _)| id);
    let finding = |id: &str| {
        let remedy = format!("Give it a replica in {PRIMARY} and in {SECONDARY}");
        Finding::new(id, "is not in both regions", remedy)
    };
    one.chain(tables.chain(secrets).map(finding)).collect()
}

/// Reports functions that do not publish to the global endpoint, and a global endpoint that does
/// not replicate events.
fn replicated(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let endpoints: Vec<_> = view.of_kind("AWS::Events::Endpoint").collect();
    for (id, endpoint) in &endpoints {
        let buses = endpoint["EventBuses"].as_array().map_or(0, Vec::len);
        if endpoint["ReplicationConfig"]["State"] != "ENABLED" || buses != 2 {
            let problem = "does not replicate events to the other region";
            findings.push(Finding::new(
                *id,
                problem,
                "Set ReplicationConfig.State to ENABLED, and name the buses of both regions",
            ));
        }
    }
    let variables = &view.document["Globals"]["Function"]["Environment"]["Variables"];
    let put_to = &either_way(&variables["BUS_ENDPOINT_ID"])[0]["Fn::GetAtt"][0];
    if !endpoints.iter().any(|(id, _)| put_to == id) {
        let problem = "lets functions publish to the bus of one region only";
        let remedy = "Set BUS_ENDPOINT_ID to the endpoint's EndpointId";
        findings.push(Finding::new("Globals.Function", problem, remedy));
    }
    findings
}

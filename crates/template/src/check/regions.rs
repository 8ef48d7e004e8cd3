//! Checks of a template for two regions: rules are enabled only in the active region, and only the
//! bus of the active region admits events from other accounts; tables and secrets are in both
//! regions; every event is replicated; and the secondary region's functions do not publish through
//! the primary region.

use serde_json::{Value, json};

use super::view::{View, either_way, items};
use crate::intrinsics::reference;
use crate::two_regions::{IS_ACTIVE, IS_PRIMARY, PRIMARY, SECONDARY};
use crate::{Finding, names};

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    [enabled_rules(view), admitting(view), at_home(view), stored(view), replicated(view)].concat()
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

/// Reports bus policies that also exist outside of the active region. No rule is enabled outside of
/// the active region, so the bus there would accept events of other accounts, and lose them.
fn admitting(view: View<'_>) -> Vec<Finding> {
    let policies = view.of_kind("AWS::Events::EventBusPolicy").map(|(id, _)| id);
    let everywhere = policies.filter(|id| !only_where(view, id, IS_ACTIVE));
    let finding = |id| {
        let problem =
            "admits other accounts' events outside of the active region, which loses them";
        Finding::new(id, problem, format!("Give the policy a condition that requires {IS_ACTIVE}"))
    };
    everywhere.map(finding).collect()
}

/// Whether a resource exists only where the condition `needed` holds.
fn only_where(view: View<'_>, id: &str, needed: &str) -> bool {
    let own = &view.document["Resources"][id]["Condition"];
    let parts = own.as_str().map(|own| &view.document["Conditions"][own]["Fn::And"]);
    *own == needed || parts.is_some_and(|all| items(all).iter().any(|it| it["Condition"] == needed))
}

/// Reports rules that send the events of both regions to a target outside of the stack, such as a
/// partner. Our functions ignore events whose home region is the other region, but a target outside
/// of the stack does not, so the pattern of such a rule must exclude them.
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

/// Reports functions of the primary region that do not publish to the global endpoint, functions of
/// the secondary region that do, and a global endpoint that does not replicate events.
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
    let variable = &variables["BUS_ENDPOINT_ID"];
    let put_to = &either_way(variable)[0]["Fn::GetAtt"][0];
    let Some((id, _)) = endpoints.iter().find(|(id, _)| put_to == id) else {
        let problem = "lets functions publish to the bus of one region only";
        let remedy = "Set BUS_ENDPOINT_ID to the endpoint's EndpointId";
        findings.push(Finding::new("Globals.Function", problem, remedy));
        return findings;
    };
    // When the primary region fails and the secondary region becomes active, the primary region's
    // bus may accept events, but deliver none of them.
    let by_endpoint = variable["Fn::If"][0] == view.document["Resources"][id]["Condition"];
    let none = [json!(""), reference("AWS::NoValue")];
    if !by_endpoint || !none.contains(&variable["Fn::If"][2]) || !only_where(view, id, IS_PRIMARY) {
        let problem = "lets the secondary region's functions publish to the endpoint, whose first bus is the \
                       primary region's";
        let remedy = "Set BUS_ENDPOINT_ID only in the primary region's stack";
        findings.push(Finding::new("Globals.Function", problem, remedy));
    }
    findings
}

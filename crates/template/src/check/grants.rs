//! Checks that a role allows exactly what its function or state machine needs, such as access to
//! its own tables, its own events and its own failure queue.

use serde_json::Value;

use super::holder::Holder;
use super::view::{View, items, resource_of, texts};
use crate::Finding;
use crate::stack::machines::LOG_DELIVERY;

/// The prefix of actions that cannot be restricted to resources.
const WITHOUT_RESOURCES: &str = "xray:";

/// The types of resources whose roles are compared with what the resources need.
const ACTORS: &[&str] = &["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, role) in view.of_kind("AWS::IAM::Role") {
        findings.extend(statements(role).into_iter().flat_map(|statement| too_wide(id, statement)));
    }
    for (id, actor) in ACTORS.iter().flat_map(|kind| view.of_kind(kind)) {
        findings.extend(statements(actor).into_iter().flat_map(|one| too_wide(id, one)));
        let role = resource_of(&actor["Role"]);
        let of_role = role.map(|role| &view.document["Resources"][role]["Properties"]);
        let holder = Holder::of(view, id);
        let granted = statements(actor).into_iter().map(|one| (id, one));
        let by_role = of_role.into_iter().flat_map(statements);
        let by_role = by_role.map(|one| (role.unwrap_or(id), one));
        let all: Vec<_> = granted.chain(by_role).collect();
        findings.extend(all.iter().flat_map(|(at, one)| holder.too_much(at, one)));
        findings.extend(holder.too_little(role.unwrap_or(id), &all));
    }
    findings
}

/// The statements in the policies of a role or a function.
pub(super) fn statements(properties: &Value) -> Vec<&Value> {
    let policies = items(&properties["Policies"]).iter();
    let documents = policies.flat_map(|policy| [&policy["PolicyDocument"], policy]);
    documents.flat_map(|document| items(&document["Statement"])).collect()
}

/// Reports wildcards in a statement's actions and resources.
fn too_wide(id: &str, statement: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for action in texts(&statement["Action"]).filter(|action| action.contains('*')) {
        let problem =
            format!("is granted {action}, a wildcard, which allows more than any role needs");
        findings.push(Finding::new(id, problem, "List the needed actions instead of the wildcard"));
    }
    let knows_none =
        |action: &str| action.starts_with(WITHOUT_RESOURCES) || LOG_DELIVERY.contains(&action);
    let exempt = texts(&statement["Action"]).all(knows_none);
    let everything = texts(&statement["Resource"]).any(|resource| resource == "*");
    if everything && !exempt {
        let actions: Vec<&str> = texts(&statement["Action"]).collect();
        let problem = format!("is granted {} on every resource", actions.join(", "));
        findings.push(Finding::new(id, problem, "Name the resources by their ARNs"));
    }
    findings
}

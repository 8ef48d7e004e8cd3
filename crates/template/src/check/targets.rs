//! Checks that a target that needs a role has a role, and that the role allows EventBridge to call
//! the target. Also checks that a message in a function's queue has the event's tenant as its
//! message group.

use chorus_table::TENANT_PATH;
use serde_json::Value;

use super::grants;
use super::view::{BUS, OUTSIDE_QUEUE, View, is_arn, items, resource_of, texts};
use crate::Finding;

/// Types of targets for which EventBridge needs a role, and the action that the role has to allow.
const NEED_ROLE: &[(&str, &str)] = &[
    ("AWS::Events::ApiDestination", "events:InvokeApiDestination"),
    (BUS, "events:PutEvents"),
    (OUTSIDE_QUEUE, "sqs:SendMessage"),
    ("AWS::StepFunctions::StateMachine", "states:StartExecution"),
    ("AWS::Serverless::StateMachine", "states:StartExecution"),
    ("AWS::Kinesis::Stream", "kinesis:PutRecord"),
];

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = view.of_kind("AWS::Events::Rule");
    for (id, target) in
        rules.flat_map(|(id, rule)| items(&rule["Targets"]).iter().map(move |target| (id, target)))
    {
        let Some(resource) = resource_of(&target["Arn"]) else { continue };
        findings.extend(check_group(view, id, target, resource));
        let kind = view.target_kind(&target["Arn"]);
        let is_given = [BUS, OUTSIDE_QUEUE].contains(&kind) && view.is_parameter(resource);
        if !is_given && !is_arn(&target["Arn"]) {
            let problem = format!("has {resource} as a target, but not by its ARN");
            findings.push(Finding::new(id, problem, format!("Write !GetAtt {resource}.Arn")));
        }
        let Some((_, action)) = NEED_ROLE.iter().find(|(needs, _)| *needs == kind) else {
            continue;
        };
        let Some(role) = resource_of(&target["RoleArn"]) else {
            let problem = format!("has the target {resource}, but no role that may call it");
            let remedy = format!("Give the target a RoleArn that allows {action}");
            findings.push(Finding::new(id, problem, remedy));
            continue;
        };
        let statements = grants::statements(&view.document["Resources"][role]["Properties"]);
        let allows = statements.iter().any(|statement| {
            texts(&statement["Action"]).any(|allowed| allowed == *action)
                && items(&statement["Resource"]).iter().any(|on| resource_of(on) == Some(resource))
        });
        if !allows {
            let problem =
                format!("calls {resource} with {role}, which does not allow {action} on it");
            findings.push(Finding::new(
                id,
                problem,
                format!("Allow {action} on {resource} in {role}"),
            ));
        }
    }
    findings
}

/// Reports a rule that sends to a function's queue without the event's tenant as the message group.
/// If one message group has a backlog, SQS delivers the messages of other groups first. With a
/// group for each tenant, one tenant's backlog does not delay the other tenants.
fn check_group(view: View<'_>, id: &str, target: &Value, queue: &str) -> Option<Finding> {
    let mut consumed = view.events("SQS").map(|(_, _, source)| resource_of(&source["Queue"]));
    if !consumed.any(|consumed| consumed == Some(queue)) {
        return None;
    }
    let group = &target["SqsParameters"]["MessageGroupId"];
    if group == TENANT_PATH {
        return None;
    }
    let problem = match group {
        Value::Null => format!("sends to {queue} without a message group"),
        group => format!("sends to {queue} with the message group {group}"),
    };
    let problem = format!("{problem}: one tenant's backlog would delay the other tenants");
    Some(Finding::new(id, problem, format!("Write MessageGroupId: {TENANT_PATH}")))
}

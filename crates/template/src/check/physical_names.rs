//! Checks that no two resources of one type have the same name, and that no name is too long.

use std::collections::BTreeMap;

use serde_json::Value;

use super::view::{View, variables};
use crate::Finding;

/// The longest stack name that is supported, in characters.
const STACK_NAME: usize = 24;

/// The assumed length of any variable other than the stack's name, such as an account id or a
/// region.
const VARIABLE: usize = 14;

/// For each type of resource: the property with the name, and the name's maximum length.
const LIMITS: &[(&str, &str, usize)] = &[
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::Serverless::Function", "FunctionName", 64),
    ("AWS::Lambda::Function", "FunctionName", 64),
    ("AWS::Events::EventBus", "Name", 256),
    ("AWS::Events::Archive", "ArchiveName", 48),
    ("AWS::Events::Connection", "Name", 64),
    ("AWS::Events::ApiDestination", "Name", 64),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::DynamoDB::GlobalTable", "TableName", 255),
    ("AWS::DynamoDB::Table", "TableName", 255),
    ("AWS::Events::Endpoint", "Name", 64),
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::Serverless::StateMachine", "Name", 80),
    ("AWS::StepFunctions::StateMachine", "Name", 80),
    ("AWS::Scheduler::Schedule", "Name", 64),
];

/// The maximum length of a rule's name.
const RULE: usize = 64;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let limited = LIMITS.iter().flat_map(|(kind, property, limit)| {
        view.of_kind(kind).filter_map(move |(id, properties)| {
            Some((*kind, id.to_owned(), text(&properties[property])?, *limit))
        })
    });
    let rules = view
        .rules()
        .into_iter()
        .filter_map(|rule| Some(("AWS::Events::Rule", rule.id, text(rule.name)?, RULE)));
    let mut taken: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut findings = Vec::new();
    for (kind, id, name, limit) in limited.chain(rules) {
        let length = length(&name);
        if length > limit {
            let problem = format!(
                "is called {name}, which has {length} characters if the stack's name has \
                 {STACK_NAME}; {kind} allows {limit}"
            );
            findings.push(Finding::new(
                &id,
                problem,
                "Shorten the name, or let CloudFormation choose one",
            ));
        }
        if let Some(other) = taken.get(&(kind, name.clone())) {
            let problem = format!("has the same name as {other}: {name}");
            findings.push(Finding::new(&id, problem, "Rename one of them"));
        }
        taken.insert((kind, name), id);
    }
    findings
}

/// The text of a name: a literal, or the text of an `Fn::Sub` before substitution.
fn text(name: &Value) -> Option<String> {
    name.as_str().or_else(|| name["Fn::Sub"].as_str()).map(ToOwned::to_owned)
}

/// The greatest length of a name after substitution, in characters.
fn length(name: &str) -> usize {
    variables(name).fold(name.chars().count(), |length, variable| {
        let longest = if variable == "AWS::StackName" { STACK_NAME } else { VARIABLE };
        length - variable.chars().count() - "${}".len() + longest
    })
}

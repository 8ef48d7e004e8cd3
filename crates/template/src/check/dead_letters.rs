//! Checks that each target of a rule has a dead-letter queue, given by its ARN, and that the
//! queue's policy admits the rule.

use serde_json::Value;

use super::view::{View, either_way, is_arn, items, resource_of, texts};
use crate::Finding;

const QUEUE: &str = "AWS::SQS::Queue";
const EVENTBRIDGE: &str = "events.amazonaws.com";

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in view.rules() {
        for target in &rule.targets {
            let queue = &target["DeadLetterConfig"]["Arn"];
            if queue.is_null() {
                let problem = "loses undeliverable events: a target has no dead-letter queue";
                let remedy = "Give the target a DeadLetterConfig with a queue's ARN";
                findings.push(Finding::new(&rule.id, problem, remedy));
                continue;
            }
            findings.extend(not_an_arn(&rule.id, "dead-letter queue", queue));
            findings.extend(not_let_in(view, &rule.id, queue));
            findings.extend(not_let_in(view, &rule.id, &target["Arn"]));
        }
    }
    for (id, queue) in view.of_kind(QUEUE) {
        let target = &queue["RedrivePolicy"]["deadLetterTargetArn"];
        findings.extend(not_an_arn(id, "redrive queue", target));
    }
    for (id, _, source) in view.events("SQS") {
        findings.extend(not_an_arn(id, "event source", &source["Queue"]));
    }
    findings
}

/// Reports a queue that is given by its URL or name instead of its ARN.
pub(super) fn not_an_arn(id: &str, role: &str, queue: &Value) -> Option<Finding> {
    if queue.is_null() || is_arn(queue) {
        return None;
    }
    let name = resource_of(queue).or_else(|| queue.as_str()).unwrap_or("something");
    let problem = format!("refers to its {role} {name} by URL or name, not by ARN");
    Some(Finding::new(id, problem, format!("Write !GetAtt {name}.Arn")))
}

/// Reports a queue of this template if the queue's policy does not allow the rule to send messages,
/// or allows every rule to send messages.
fn not_let_in(view: View<'_>, rule: &str, queue: &Value) -> Option<Finding> {
    let queue = resource_of(queue).filter(|id| view.kind(id) == QUEUE)?;
    let policies = view.of_kind("AWS::SQS::QueuePolicy").filter(|(_, policy)| {
        items(&policy["Queues"]).iter().any(|named| resource_of(named) == Some(queue))
    });
    let statements: Vec<&Value> =
        policies.flat_map(|(_, policy)| items(&policy["PolicyDocument"]["Statement"])).collect();
    let sending = |statement: &&&Value| {
        statement["Effect"] == "Allow"
            && texts(&statement["Action"]).any(|action| action == "sqs:SendMessage")
            && texts(&statement["Principal"]["Service"]).any(|service| service == EVENTBRIDGE)
    };
    let remedy = format!("Allow {rule}, by aws:SourceArn, in the policy of {queue}");
    if statements.iter().filter(sending).count() == 0 {
        let problem = format!("may not send to {queue}: no policy allows EventBridge to send");
        return Some(Finding::new(rule, problem, remedy));
    }
    let bound: Vec<&Value> =
        statements.iter().filter(sending).flat_map(|statement| source_arns(statement)).collect();
    if bound.is_empty() {
        let problem =
            format!("shares {queue} with every rule of every account: the queue's policy is open");
        return Some(Finding::new(rule, problem, remedy));
    }
    let named = bound.iter().any(|arn| is_arn(arn) && resource_of(arn) == Some(rule));
    let problem = || format!("may not send to {queue}: the queue's policy names other rules only");
    (!named).then(|| Finding::new(rule, problem(), remedy))
}

/// The ARNs in a statement's `aws:SourceArn` conditions: the ARNs of the rules that may send to the
/// queue.
fn source_arns(statement: &Value) -> Vec<&Value> {
    let conditions = ["ArnEquals", "ArnLike", "StringEquals"];
    conditions
        .iter()
        .flat_map(|operator| items(&statement["Condition"][operator]["aws:SourceArn"]))
        .flat_map(either_way)
        .collect()
}

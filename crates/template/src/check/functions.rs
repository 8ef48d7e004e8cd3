//! Checks that each function has a failure destination, given by its ARN. Also checks that each
//! function that reads from a queue reports single failed messages, instead of failing the whole
//! batch.

use serde_json::Value;

use super::dead_letters::not_an_arn;
use super::view::{View, texts};
use crate::Finding;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let everywhere = &view.document["Globals"]["Function"]["EventInvokeConfig"];
    let mut findings = Vec::new();
    for (id, function) in view.of_kind("AWS::Serverless::Function") {
        let on_failure =
            |config: &'_ Value| config["DestinationConfig"]["OnFailure"]["Destination"].clone();
        let mut destination = on_failure(&function["EventInvokeConfig"]);
        if destination.is_null() {
            destination = on_failure(everywhere);
        }
        if destination.is_null() {
            let problem = "has no failure destination: an event on which it fails is lost";
            let remedy = "Give the function an EventInvokeConfig with an OnFailure destination";
            findings.push(Finding::new(id, problem, remedy));
        }
        findings.extend(not_an_arn(id, "failure destination", &destination));
    }
    for (id, event, source) in view.events("SQS") {
        let reports =
            texts(&source["FunctionResponseTypes"]).any(|one| one == "ReportBatchItemFailures");
        if !reports {
            let problem = format!(
                "fails whole batches of {event}: one unreadable message makes all others fail"
            );
            let remedy = "Set FunctionResponseTypes to ReportBatchItemFailures";
            findings.push(Finding::new(id, problem, remedy));
        }
    }
    findings
}

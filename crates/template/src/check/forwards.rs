//! Checks that a rule whose target is a bus forwards events unchanged. EventBridge rejects a rule
//! that changes the input of a bus, but emulators accept it.

use super::view::View;
use crate::Finding;

/// The properties of a target that change its input.
const CHANGES: [&str; 3] = ["Input", "InputPath", "InputTransformer"];

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in view.rules() {
        for target in rule.targets.iter().filter(|target| view.is_bus(&target["Arn"])) {
            for property in CHANGES.iter().filter(|property| !target[**property].is_null()) {
                let problem = format!("has {property} for a bus, which EventBridge rejects");
                let remedy = "Remove the property: a bus gets events unchanged";
                findings.push(Finding::new(&rule.id, problem, remedy));
            }
        }
    }
    findings
}

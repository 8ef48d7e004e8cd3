//! Checks that a rule whose target is a bus forwards events unchanged, and that no event is
//! forwarded twice. EventBridge rejects a rule that changes the input of a bus, and does not
//! forward an event that came from another bus; emulators accept both.

use chorus_table::RowSpec;

use super::view::{RuleView, View, texts};
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

/// In the template of a bus in another account, reports rules that forward the application's public
/// events to a further bus. A rule has already forwarded these events to the other account's bus,
/// and EventBridge forwards an event only once: a second rule would deliver none of them, and leave
/// no dead letter.
pub(super) fn check_second(view: View<'_>) -> Vec<Finding> {
    let public: Vec<&str> = view
        .stack
        .table
        .rows
        .iter()
        .filter_map(RowSpec::outside_bus)
        .map(|bus| bus.source)
        .collect();
    let forwards = view.rules().into_iter().filter(|rule| {
        let from_a_rule = texts(&rule.pattern["source"]).any(|source| public.contains(&source));
        from_a_rule && rule.targets.iter().any(|target| view.is_bus(&target["Arn"]))
    });
    let finding = |rule: RuleView<'_>| {
        let problem = "forwards public events to a second bus, which gets none of them";
        Finding::new(&rule.id, problem, "Send these events to a queue or a function")
    };
    forwards.map(finding).collect()
}

//! Checks the inputs of rules' targets: every JSONPath exists in an event that the rule matches,
//! and every variable of an input template has a path.

use std::collections::BTreeSet;

use serde_json::Value;

use super::patterns;
use super::view::{RuleView, View, walk};
use crate::Finding;

/// The prefix of the input template's variables that EventBridge defines.
const RESERVED: &str = "aws.events.";

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    view.rules().iter().flat_map(|rule| one(view, rule)).collect()
}

fn one(view: View<'_>, rule: &RuleView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for target in &rule.targets {
        let transformer = &target["InputTransformer"];
        if !transformer.is_null() {
            findings.extend(variables(&rule.id, transformer));
        }
        let paths = paths(target);
        if paths.is_empty() {
            continue;
        }
        let matched = patterns::matched(view, rule.pattern);
        for path in paths {
            if !matched.is_empty() && !matched.iter().any(|sample| path_exists(path, sample)) {
                let problem = format!("reads {path}, but no event that the rule matches has it");
                let remedy = "Correct the path: events/samples has a sample of each event";
                findings.push(Finding::new(&rule.id, problem, remedy));
            }
        }
    }
    findings
}

/// Reports variables of an input template that have no path, and paths whose variable the template
/// does not use.
fn variables(id: &str, transformer: &Value) -> Vec<Finding> {
    let template = transformer["InputTemplate"].as_str().unwrap_or_default();
    let used: BTreeSet<&str> = placeholders(template).collect();
    let map = transformer["InputPathsMap"].as_object();
    let given: BTreeSet<&str> =
        map.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
    let unknown = used.difference(&given).filter(|name| !name.starts_with(RESERVED)).map(|name| {
        let problem = format!("has <{name}> in its InputTemplate, but no path for {name}");
        Finding::new(id, problem, format!("Add {name} to InputPathsMap"))
    });
    let unused = given.difference(&used).map(|name| {
        let problem = format!("has a path for {name}, but no <{name}> in its InputTemplate");
        Finding::new(id, problem, format!("Use <{name}>, or remove the path"))
    });
    unknown.chain(unused).collect()
}

/// The names in `<…>` in an input template.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    template
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .map(|(name, _)| name)
        .filter(is_name)
}

/// The JSONPaths (`$.`) in a target's InputPath, InputTransformer and HttpParameters.
fn paths(settings: &Value) -> Vec<&str> {
    let mut paths = Vec::new();
    for part in ["InputPath", "InputTransformer", "HttpParameters"] {
        walk(&settings[part], &mut |value| {
            paths.extend(value.as_str().filter(|text| text.starts_with("$.")));
        });
    }
    paths
}

/// Whether a path such as `$.a.b` exists in the event.
fn path_exists(path: &str, event: &Value) -> bool {
    let steps = path.trim_start_matches("$.").split('.');
    !steps.fold(event, |value, step| &value[step]).is_null()
}

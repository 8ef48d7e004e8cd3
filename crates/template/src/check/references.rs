//! Checks that every name to which the template refers exists, and that every parameter and every
//! condition is used.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::{View, variables, walk};
use crate::Finding;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let known = known(view);
    let conditions: BTreeSet<&str> = keys(&view.document["Conditions"]).collect();
    let mut findings = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (place, value) in places(view) {
        let mut referred: BTreeSet<&str> = BTreeSet::new();
        let mut asked: BTreeSet<&str> = value["Condition"].as_str().into_iter().collect();
        walk(value, &mut |value| {
            referred.extend(references(value));
            asked.extend(value["Fn::If"][0].as_str());
        });
        for name in referred.iter().filter(|name| !known.contains(**name)) {
            let problem = format!("refers to {name}, which is neither a resource nor a parameter");
            findings.push(Finding::new(&place, problem, "Correct the name, or add the resource"));
        }
        for name in asked.iter().filter(|name| !conditions.contains(*name)) {
            let problem = format!("depends on the condition {name}, which does not exist");
            findings.push(Finding::new(&place, problem, "Correct the name, or add the condition"));
        }
        used.extend(referred);
        used.extend(asked);
    }
    for (what, section) in [("parameter", "Parameters"), ("condition", "Conditions")] {
        for name in keys(&view.document[section]).filter(|name| !used.contains(name)) {
            let problem = format!("is a {what} that nothing uses");
            findings.push(Finding::new(name, problem, "Use it, or remove it"));
        }
    }
    findings
}

/// The parts of the template, each with its name in findings.
fn places(view: View<'_>) -> Vec<(String, &Value)> {
    let resources = view.resources().map(|(id, resource)| (id.to_owned(), resource));
    let outputs = view.document["Outputs"].as_object().into_iter().flatten();
    let outputs = outputs.map(|(name, output)| (format!("Outputs.{name}"), output));
    let rest = ["Globals", "Conditions", "Rules"].into_iter();
    let rest = rest.map(|section| (section.to_owned(), &view.document[section]));
    resources.chain(outputs).chain(rest).collect()
}

/// The names to which the template may refer: its parameters, its resources, and the rules that SAM
/// creates for events of functions. Pseudo parameters, such as `AWS::Region`, are left out.
fn known(view: View<'_>) -> BTreeSet<String> {
    let parameters = keys(&view.document["Parameters"]).map(ToOwned::to_owned);
    let resources = view.resources().map(|(id, _)| id.to_owned());
    parameters.chain(resources).chain(view.rules().into_iter().map(|rule| rule.id)).collect()
}

fn keys(section: &Value) -> impl Iterator<Item = &str> {
    section.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str))
}

/// The names to which a value itself refers; names in nested values are left out.
fn references(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value["Ref"].as_str().into_iter().collect();
    match &value["Fn::GetAtt"] {
        Value::Array(parts) => names.extend(parts.first().and_then(Value::as_str)),
        Value::String(dotted) => names.extend(dotted.split('.').next()),
        _ => {}
    }
    let text = value["Fn::Sub"].as_str().or_else(|| value["Fn::Sub"][0].as_str());
    let own = &value["Fn::Sub"][1];
    let inside = text.into_iter().flat_map(variables).filter(|name| own[*name].is_null());
    names.extend(inside.filter_map(|name| name.split('.').next()));
    names.retain(|name| !name.starts_with("AWS::"));
    names
}

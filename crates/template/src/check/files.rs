//! Checks that every file that the template names exists, and that every `${name}` in the
//! definition of a state machine has a substitution.

use std::collections::BTreeSet;

use serde_json::Value;

use super::view::{View, variables, walk};
use crate::Finding;

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let globals = view.document["Globals"].as_object().into_iter().flatten();
    for (kind, settings) in globals {
        findings.extend(missing(view, &format!("Globals.{kind}"), settings));
    }
    for (id, resource) in view.resources() {
        let properties = &resource["Properties"];
        findings.extend(missing(view, id, properties));
        if resource["Type"] == "AWS::Serverless::StateMachine" {
            findings.extend(substitutions(view, id, properties));
        }
    }
    findings
}

/// Reports local files that do not exist: code, definitions and includes.
fn missing(view: View<'_>, id: &str, properties: &Value) -> Vec<Finding> {
    let mut named: Vec<(&str, &str)> = ["CodeUri", "DefinitionUri"]
        .iter()
        .filter_map(|property| Some((*property, properties[property].as_str()?)))
        .collect();
    walk(properties, &mut |value| {
        let include = &value["Fn::Transform"];
        if include["Name"] == "AWS::Include" {
            named.extend(include["Parameters"]["Location"].as_str().map(|at| ("Location", at)));
        }
    });
    let local = named.into_iter().filter(|(_, path)| !path.starts_with("s3://"));
    local
        .filter(|(_, path)| !view.stack.root.join(path).exists())
        .map(|(property, path)| {
            let problem = format!("names {path} as {property}, but there is no such file");
            Finding::new(
                id,
                problem,
                "Correct the path, which is relative to the template's folder",
            )
        })
        .collect()
}

/// Reports each `${name}` without a substitution, and each substitution that the definition does
/// not use.
fn substitutions(view: View<'_>, id: &str, properties: &Value) -> Vec<Finding> {
    let definition = view.definition(properties).unwrap_or_default();
    let used: BTreeSet<&str> = variables(&definition).collect();
    let filled = properties["DefinitionSubstitutions"].as_object();
    let filled: BTreeSet<&str> =
        filled.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
    let empty = used.difference(&filled).map(|name| {
        let problem = format!("has ${{{name}}} in its definition, but no substitution for it");
        Finding::new(id, problem, format!("Add {name} to DefinitionSubstitutions"))
    });
    let unused = filled.difference(&used).map(|name| {
        let problem =
            format!("has a substitution for {name}, but no ${{{name}}} in its definition");
        Finding::new(id, problem, format!("Remove {name} from DefinitionSubstitutions"))
    });
    empty.chain(unused).collect()
}

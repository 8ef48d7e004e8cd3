//! Checks that no environment variable of a function contains a secret, because anybody who may
//! read the function's configuration could read the secret.

use serde_json::Value;

use super::view::{View, walk};
use crate::Finding;

/// The beginnings of references that CloudFormation replaces with a secret's text.
const RESOLVED: [&str; 2] = ["{{resolve:secretsmanager:", "{{resolve:ssm-secure:"];

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let everywhere = ("Globals", &view.document["Globals"]["Function"]);
    let functions = view.of_kind("AWS::Serverless::Function").chain([everywhere]);
    let parameters = &view.document["Parameters"];
    let mut findings = Vec::new();
    for (id, function) in functions {
        let variables = function["Environment"]["Variables"].as_object().into_iter().flatten();
        for (name, _) in variables.filter(|(_, value)| holds_a_secret(value, parameters)) {
            let problem = format!("has a secret in the environment variable {name}");
            let remedy = "Pass the secret's ARN, and let the function read the secret at run time";
            findings.push(Finding::new(id, problem, remedy));
        }
    }
    findings
}

/// Whether CloudFormation puts a secret, or the value of a parameter with `NoEcho`, into `value`.
fn holds_a_secret(value: &Value, parameters: &Value) -> bool {
    let mut holds = false;
    walk(value, &mut |part| {
        let text = part.as_str();
        holds |= text.is_some_and(|text| RESOLVED.iter().any(|start| text.contains(start)));
        holds |= part["Ref"].as_str().is_some_and(|name| parameters[name]["NoEcho"] == true);
    });
    holds
}

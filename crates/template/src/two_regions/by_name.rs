//! References by name to tables and secrets, which only one of the two stacks creates, and to the
//! bus of the other region's stack. Names are needed, because `Ref` and `Fn::GetAtt` cannot refer
//! to a resource of another stack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::global_table::REGIONS;
use super::{HAS_ENDPOINT, PRIMARY, SECONDARY};
use crate::constructs::Statement;
use crate::intrinsics::{arn, only_if, substitute};
use crate::names;

/// The logical ids of the tables and the secrets of a template.
#[derive(Debug, Default)]
pub(crate) struct ByName {
    tables: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl ByName {
    /// The tables and secrets of a template for one region.
    pub(crate) fn of(document: &Value) -> Self {
        let of_kind = |kind: &str| {
            let resources = document["Resources"].as_object().into_iter().flatten();
            let those = resources.filter(|(_, resource)| resource["Type"] == kind);
            those.map(|(id, _)| id.clone()).collect()
        };
        Self {
            tables: of_kind("AWS::DynamoDB::Table"),
            secrets: of_kind("AWS::SecretsManager::Secret"),
        }
    }

    /// Replaces every reference to a table or a secret inside `value` by the name or the ARN of
    /// that table or secret.
    pub(super) fn replace(&self, value: &mut Value) {
        self.replace_in(value, false);
    }

    /// Returns the resources on which the template for two regions allows `action`, where the
    /// template for one region allows `action` on `resource`.
    pub(crate) fn granted(&self, action: &str, resource: &Value) -> Vec<Value> {
        if action == "events:PutEvents" && *resource == arn(names::BUS) {
            return buses_of_functions();
        }
        let mut resource = resource.clone();
        self.replace_in(&mut resource, true);
        vec![resource]
    }

    fn replace_in(&self, value: &mut Value, granted: bool) {
        if let Some(named) = self.named(value, granted) {
            *value = named;
            return;
        }
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.replace_in(field, granted || key == "Resource");
                }
            }
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.replace_in(item, granted));
            }
            _ => {}
        }
    }

    /// The name or the ARN of the table or secret to which `value` itself refers; `None` if `value`
    /// refers to neither. If `granted` is set, the reference is in an IAM permission, so a secret
    /// is given by its ARN instead of its name.
    fn named(&self, value: &Value, granted: bool) -> Option<Value> {
        if let Some(text) = value["Fn::Sub"].as_str() {
            let by_arn =
                |text: String, id: &String| text.replace(&format!("${{{id}.Arn}}"), &table_arn(id));
            let named = self.tables.iter().fold(text.to_owned(), by_arn);
            return (named != text).then(|| substitute(named));
        }
        let attribute = value["Fn::GetAtt"][1].as_str();
        let id = value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())?;
        if self.tables.contains(id) {
            let by_arn = attribute == Some("Arn");
            return Some(substitute(if by_arn { table_arn(id) } else { physical(id) }));
        }
        let is_secret = self.secrets.contains(id);
        is_secret.then(|| substitute(if granted { secret_arn(id) } else { physical(id) }))
    }
}

/// The physical name of a table or a secret.
pub(super) fn physical(id: &str) -> String {
    format!("${{AWS::StackName}}-{id}")
}

fn table_arn(id: &str) -> String {
    let table = physical(id);
    format!("arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{table}")
}

/// The ARN of a secret. The ARN's last six characters are wildcards, because Secrets Manager
/// chooses these characters.
fn secret_arn(id: &str) -> String {
    let secret = physical(id);
    format!(
        "arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{secret}-??????"
    )
}

/// The ARN of the stack's bus in a region. `region` is the template's parameter whose value is the
/// region's name.
pub(super) fn bus(region: &str) -> Value {
    substitute(format!(
        "arn:${{AWS::Partition}}:events:${{{region}}}:${{AWS::AccountId}}:event-bus/${{AWS::StackName}}"
    ))
}

pub(super) fn both_buses() -> Vec<Value> {
    vec![bus(PRIMARY), bus(SECONDARY)]
}

/// The buses to which a stack's functions publish: the stack's own bus and, through the global
/// endpoint, the secondary region's bus.
fn buses_of_functions() -> Vec<Value> {
    vec![arn(names::BUS), only_if(HAS_ENDPOINT, bus(SECONDARY))]
}

/// The permission to read the table that names the active region.
pub(crate) fn reads_active_region() -> Statement {
    Statement::new("Regions", &["dynamodb:GetItem"], vec![substitute(table_arn(REGIONS))])
}

/// Allows a function's role to read the active region's name and, where there is a global endpoint,
/// to publish to the buses of both regions. Without permission for both buses, the endpoint refuses
/// the function's events. State machines publish to the bus of their own region.
pub(super) fn grant(role: &mut Value) {
    let trusted = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"];
    if trusted != "lambda.amazonaws.com" {
        return;
    }
    let Some(statements) = role["Policies"][0]["PolicyDocument"]["Statement"].as_array_mut() else {
        return;
    };
    for statement in statements.iter_mut() {
        if statement["Action"] == "events:PutEvents" && statement["Resource"] == arn(names::BUS) {
            statement["Resource"] = json!(buses_of_functions());
        }
    }
    statements.push(reads_active_region().to_value());
}

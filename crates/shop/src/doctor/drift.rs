//! Differences between the rules on a bus and the rules of the design table.

use std::collections::{BTreeMap, BTreeSet};

use chorus_table::Rule;
use serde_json::Value;

use super::DeployedRule;

/// Returns each difference between the `deployed` rules and the rules of the design table `table`,
/// as text.
#[must_use]
pub fn drift(deployed: &[DeployedRule], table: &[Rule]) -> Vec<String> {
    let there: BTreeMap<&str, &Value> =
        deployed.iter().map(|rule| (rule.name.as_str(), &rule.pattern)).collect();
    let meant: BTreeMap<&str, &Value> =
        table.iter().map(|rule| (rule.name.as_str(), &rule.pattern)).collect();
    let optional: BTreeSet<&str> =
        table.iter().filter(|rule| rule.row.optional).map(|rule| rule.name.as_str()).collect();
    let mut drift = Vec::new();
    for (name, pattern) in &meant {
        match there.get(name) {
            // The rule's row in the design table is optional: a deployment may omit this rule.
            None if optional.contains(name) => {}
            None => drift.push(format!("{name} is a rule of the design table, but not on the bus")),
            Some(deployed) if normal(deployed) != normal(pattern) => {
                drift.push(format!(
                    "{name} has the pattern {deployed} on the bus, but {pattern} in the design table"
                ));
            }
            Some(_) => {}
        }
    }
    let unknown = there.keys().filter(|name| !meant.contains_key(*name));
    drift.extend(
        unknown.map(|name| format!("{name} is a rule on the bus, but not in the design table")),
    );
    drift
}

/// Returns an event pattern in a normal form: its alternatives are in a fixed order, and the
/// conditions that only the CloudFormation template adds are removed. These conditions keep
/// replayed events away from partners, and accept commands from one AWS account only.
fn normal(pattern: &Value) -> Value {
    match pattern {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| !["replay-name", "account"].contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), normal(value))).collect()
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(normal).collect();
            values.sort_by_key(ToString::to_string);
            Value::Array(values)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use chorus_events::table::TABLE;

    fn deployed() -> Vec<DeployedRule> {
        let rule =
            |rule: &Rule| DeployedRule { name: rule.name.clone(), pattern: rule.pattern.clone() };
        TABLE.rules().iter().map(rule).collect()
    }

    #[test]
    fn what_derives_from_the_table_does_not_drift() {
        assert_eq!(drift(&deployed(), &TABLE.rules()), Vec::<String>::new());
    }

    #[test]
    fn a_rule_that_a_deployment_may_do_without_is_missed_by_nobody() {
        let mut there = deployed();
        let optional: Vec<_> = TABLE.rules().into_iter().filter(|rule| rule.row.optional).collect();
        there.retain(|rule| optional.iter().all(|other| other.name != rule.name));
        assert_eq!((there.len(), optional.len()), (TABLE.rules().len() - 4, 4));
        assert_eq!(drift(&there, &TABLE.rules()), Vec::<String>::new());
    }

    #[test]
    fn a_missing_a_changed_and_an_unknown_rule_are_named() {
        let mut rules_there = deployed();
        let gone = rules_there.remove(0).name;
        rules_there[0].pattern["detail-type"] = serde_json::json!(["OrderCreate"]);
        let changed = rules_there[0].name.clone();
        rules_there.push(DeployedRule { name: "by-hand".to_owned(), pattern: Value::Null });
        let differences = drift(&rules_there, &TABLE.rules());
        assert_eq!(differences.len(), 3, "{differences:#?}");
        for name in [gone, changed, "by-hand".to_owned()] {
            assert!(
                differences.iter().any(|line| line.starts_with(&name)),
                "{name}: {differences:#?}"
            );
        }
    }
}

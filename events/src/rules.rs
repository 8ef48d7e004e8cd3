//! The rules of the bus: one for each row that consumes events, derived from the table.

use serde_json::{Map, Value, json};

use crate::table::TABLE;
use crate::{RowSpec, Trigger};

/// A rule on the bus: which events go to which action.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique on the bus, such as `inventory-ReserveItem`.
    pub name: String,
    /// The row that it delivers to.
    pub row: RowSpec,
    /// The event pattern, as EventBridge reads it.
    pub pattern: Value,
}

/// Why a row's rule cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the content rule of {action} is not a JSON object")]
pub struct RuleError {
    /// The row.
    pub action: &'static str,
    /// What the JSON reader says.
    #[source]
    source: serde_json::Error,
}

/// The rules of the whole table.
pub fn all() -> Result<Vec<Rule>, RuleError> {
    of(TABLE)
}

/// The rules of these rows: none for a row that only has an API.
pub fn of(rows: &[RowSpec]) -> Result<Vec<Rule>, RuleError> {
    let consuming = |row: &&RowSpec| row.trigger == Trigger::Every || !row.on.is_empty();
    rows.iter().filter(consuming).map(rule).collect()
}

fn rule(row: &RowSpec) -> Result<Rule, RuleError> {
    let name = format!("{}-{}", row.service.name(), row.action);
    Ok(Rule { name, row: *row, pattern: pattern(row)? })
}

/// The sources and detail types that the row names, and its content rule on `detail`. A catch-all
/// names every event of the shop by the metadata that all of them carry.
fn pattern(row: &RowSpec) -> Result<Value, RuleError> {
    if row.trigger == Trigger::Every {
        return Ok(json!({ "source": [{ "prefix": "com." }] }));
    }
    let mut sources: Vec<&str> = row.on.iter().map(|event| event.owner.source()).collect();
    sources.sort_unstable();
    sources.dedup();
    let detail_types: Vec<&str> = row.on.iter().map(|event| event.detail_type).collect();
    let mut pattern = Map::new();
    pattern.insert("source".to_owned(), json!(sources));
    pattern.insert("detail-type".to_owned(), json!(detail_types));
    if let Some(when) = row.when {
        let detail: Map<String, Value> = serde_json::from_str(when)
            .map_err(|source| RuleError { action: row.action, source })?;
        pattern.insert("detail".to_owned(), Value::Object(detail));
    }
    Ok(Value::Object(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HIGH_VALUE, HOME_COUNTRY};

    fn content_of(action: &str) -> Value {
        let rule = all().unwrap().into_iter().find(|rule| rule.row.action == action);
        rule.unwrap().pattern["detail"]["data"].clone()
    }

    #[test]
    fn the_content_rules_name_the_shops_own_constants() {
        assert_eq!(content_of("PrepareDeclaration")["country"][0]["anything-but"][0], HOME_COUNTRY);
        let high_value = content_of("ReviewOrder")["total"][0]["numeric"].clone();
        assert_eq!(high_value, json!([">=", HIGH_VALUE]));
    }

    #[test]
    fn a_row_without_events_has_no_rule() {
        assert!(all().unwrap().iter().all(|rule| rule.row.action != "CreateOrder"));
    }
}

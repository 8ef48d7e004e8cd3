//! The rules of the bus, derived from the table: one for each row to which the bus delivers
//! messages.

use serde_json::{Map, Value, json};

use crate::{RowSpec, Sender, Trigger};

/// A rule on the bus: which events go to which action.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The rule's name, such as `inventory-ReserveItem`. The name is unique on the bus.
    pub name: String,
    /// The row whose action receives the matching events.
    pub row: RowSpec,
    /// The event pattern, as EventBridge reads it.
    pub pattern: Value,
}

/// Derives the rules of `rows`. A row that consumes no events has a rule only if a partner sends
/// the row's commands through the bus.
#[must_use]
pub fn rules(rows: &[RowSpec]) -> Vec<Rule> {
    let consuming =
        |row: &&RowSpec| row.is_catch_all() || !row.on.is_empty() || row.commands_from.is_some();
    rows.iter().filter(consuming).map(rule).collect()
}

fn rule(row: &RowSpec) -> Rule {
    let name = format!("{}-{}", row.service.name, row.action);
    Rule { name, row: *row, pattern: pattern(row) }
}

/// Makes the pattern of a row's rule from the row's sources, its detail types, and its condition on
/// the content. For a catch-all row, the pattern matches every event whose source has the row's
/// prefix.
fn pattern(row: &RowSpec) -> Value {
    if let Trigger::Every { source_prefix } = row.trigger {
        return json!({ "source": [{ "prefix": source_prefix }] });
    }
    if let Some(Sender { partner, .. }) = row.commands_from {
        let commands: Vec<&str> = row.api.iter().map(|command| command.detail_type).collect();
        let category = json!({ "metadata": { "category": ["command"] } });
        return json!({ "source": [partner.source], "detail-type": commands, "detail": category });
    }
    let mut sources: Vec<&str> = row.on.iter().map(|event| event.owner.source()).collect();
    sources.sort_unstable();
    sources.dedup();
    let detail_types: Vec<&str> = row.on.iter().map(|event| event.detail_type).collect();
    let mut pattern = Map::new();
    pattern.insert("source".to_owned(), json!(sources));
    pattern.insert("detail-type".to_owned(), json!(detail_types));
    if let Some(content) = row.when {
        pattern.insert("detail".to_owned(), content.pattern());
    }
    Value::Object(pattern)
}

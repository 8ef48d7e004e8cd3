//! Checks that every rule's pattern is valid, and that it matches samples of exactly the events
//! that the rule's row consumes.

use chorus_table::Message;
use chorus_table::RowSpec;
use chorus_table::{Rule, rules};
use event_pattern::Pattern;

use crate::Finding;

/// Reports rules whose pattern is invalid, or matches other events than the rule's row consumes.
pub(crate) fn check(rows: &[RowSpec], messages: &[Message]) -> Vec<Finding> {
    rules(rows).iter().flat_map(|rule| one(rule, messages)).collect()
}

fn one(rule: &Rule, messages: &[Message]) -> Vec<Finding> {
    let action = rule.row.action;
    let pattern = match Pattern::parse(rule.pattern.to_string()) {
        Ok(pattern) => pattern,
        Err(error) => {
            let problem = format!("has a rule that EventBridge refuses: {error}");
            return vec![Finding::new(action, problem, "Correct the row's `when`")];
        }
    };
    let tried = messages.iter().map(|message| tried(rule, &pattern, message));
    tried
        .filter_map(|result| {
            result.unwrap_or_else(|error| {
                Some(Finding::new(
                    action,
                    format!(
                        "has a rule that cannot be tried, because a sample cannot be written as JSON: \
                         {error}"
                    ),
                    "Correct the sample",
                ))
            })
        })
        .collect()
}

/// Tries the rule on the samples of one message.
fn tried(rule: &Rule, pattern: &Pattern, message: &Message) -> serde_json::Result<Option<Finding>> {
    let (row, name) = (&rule.row, message.spec.detail_type);
    let samples = message.samples()?;
    let matched = samples.iter().filter(|sample| {
        pattern.matches(sample.to_string().as_bytes()).is_ok_and(|matched| matched)
    });
    let matched = matched.count();
    let meant = row.is_catch_all() || row.on.contains(&message.spec);
    let problem = match (meant, matched) {
        (true, 0) => format!(
            "consumes {name}, but the pattern of its rule matches no sample event of {name}"
        ),
        (true, some) if row.when.is_none() && some < samples.len() => {
            format!(
                "consumes {name}, but the pattern of its rule does not match all of its sample events"
            )
        }
        (true, all) if row.when.is_some() && all == samples.len() => {
            format!(
                "has a content rule that every sample of {name} satisfies: no sample shows what the \
                 rule excludes"
            )
        }
        (false, 1..) => format!("has a rule that matches {name}, which it does not consume"),
        _ => return Ok(None),
    };
    let remedy =
        "Correct the row's `when`, or add a sample that the rule has to match or to exclude";
    Ok(Some(Finding::new(row.action, problem, remedy)))
}

//! Checks for differences between a template and the design table, which no linter finds.

mod answers;
mod authorizers;
mod dead_letters;
mod files;
mod forwards;
mod functions;
mod grants;
mod holder;
mod inputs;
mod machines;
mod outages;
mod patterns;
mod physical_names;
mod references;
mod rules;
mod secrets;
mod targets;
mod view;

use serde_json::Value;

use crate::{Finding, Stack};
use view::View;
pub(crate) use view::variables;

/// Checks `document`, a template beside that of `stack`, such as of a bus in another account: all that
/// does not compare it with the rows of the table.
#[must_use]
pub fn check_beside(document: &Value, stack: &Stack) -> Vec<Finding> {
    let samples = patterns::samples(stack);
    let view = View { document, stack, samples: &samples };
    let checks = [
        patterns::check,
        inputs::check,
        forwards::check,
        dead_letters::check,
        targets::check,
        grants::check,
        physical_names::check,
        files::check,
        references::check,
    ];
    checks.iter().flat_map(|check| check(view)).collect()
}

/// Checks `document`, a SAM template as JSON, against `stack`. The result is empty if all is well.
#[must_use]
pub fn check(document: &Value, stack: &Stack) -> Vec<Finding> {
    let samples = patterns::samples(stack);
    let view = View { document, stack, samples: &samples };
    [
        rules::check,
        patterns::check,
        inputs::check,
        forwards::check,
        dead_letters::check,
        targets::check,
        functions::check,
        grants::check,
        physical_names::check,
        files::check,
        machines::check,
        outages::check,
        answers::check,
        authorizers::check,
        references::check,
        secrets::check,
    ]
    .iter()
    .flat_map(|check| check(view))
    .collect()
}

//! Finds differences between a template and the design table. No linter finds these differences.

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
mod regions;
mod rules;
mod secrets;
mod targets;
mod view;

use serde_json::Value;

use crate::two_regions::ByName;
use crate::{Finding, Stack, synthesize};
use view::View;
pub(crate) use view::variables;

type Check = for<'a> fn(View<'a>) -> Vec<Finding>;

/// The checks that do not need the rows of the table. They apply to the stack's template, and to
/// further templates of the application, such as the template of a bus in another account.
const CHECKS_OF_ALL_TEMPLATES: [Check; 9] = [
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

/// The checks that compare the stack's template with the rows of the table.
const WITH_ROWS: [Check; 7] = [
    rules::check,
    functions::check,
    machines::check,
    outages::check,
    answers::check,
    authorizers::check,
    secrets::check,
];

/// Checks `document`, a further template of the application of `stack`, such as the template of a
/// bus in another account. `document` is not compared with the rows of the table.
#[must_use]
pub fn check_beside(document: &Value, stack: &Stack) -> Vec<Finding> {
    run(document, stack, None, &[&CHECKS_OF_ALL_TEMPLATES, &[forwards::check_second]])
}

/// Checks `document`, a SAM template as JSON, against `stack`. Returns no finding if the template
/// has no fault.
#[must_use]
pub fn check(document: &Value, stack: &Stack) -> Vec<Finding> {
    run(document, stack, None, &[&CHECKS_OF_ALL_TEMPLATES, &WITH_ROWS])
}

/// Checks `document`, the template of `stack` for two regions. Returns no finding if the template
/// has no fault.
#[must_use]
pub fn check_in_two_regions(document: &Value, stack: &Stack) -> Vec<Finding> {
    let by_name = ByName::of(&synthesize(stack).document());
    run(document, stack, Some(&by_name), &[&CHECKS_OF_ALL_TEMPLATES, &WITH_ROWS, &[regions::check]])
}

fn run(
    document: &Value,
    stack: &Stack,
    by_name: Option<&ByName>,
    checks: &[&[Check]],
) -> Vec<Finding> {
    let samples = patterns::samples(stack);
    let view = View { document, stack, samples: &samples, by_name };
    checks.iter().copied().flatten().flat_map(|check| check(view)).collect()
}

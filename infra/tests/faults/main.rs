//! For each fault in an otherwise valid template, the checks report the resource, the problem and a
//! remedy.

mod authorizers;
mod dead_letters;
mod files;
mod functions;
mod grants;
mod machines;
mod names_and_references;
mod patterns;
mod targets;

use chorus_infra::shop;
use chorus_template::{Finding, check, synthesize};
use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Calls `plant` to put a fault into the template, and asserts that the checks report exactly the
/// `expected` findings. Each finding is given by its resource and a part of its problem.
#[track_caller]
fn planted(plant: impl FnOnce(&mut Value), expected: &[(&str, &str)]) {
    let stack = shop(ROOT);
    let mut document = synthesize(&stack).document();
    plant(&mut document);
    let findings = check(&document, &stack);
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let named = |(resource, problem): &(&str, &str)| {
        let is = |one: &&Finding| {
            one.subject == *resource && one.problem.contains(problem) && !one.remedy.is_empty()
        };
        findings.iter().any(|one| is(&one))
    };
    let missed: Vec<_> = expected.iter().filter(|one| !named(one)).collect();
    assert!(missed.is_empty(), "not named: {missed:?}\nnamed: {found:#?}");
    assert_eq!(findings.len(), expected.len(), "{found:#?}");
}

/// The properties of a resource.
fn of<'a>(document: &'a mut Value, id: &str) -> &'a mut Value {
    &mut document["Resources"][id]["Properties"]
}

/// The properties of an entry in a function's `Events`.
fn event<'a>(document: &'a mut Value, function: &str, name: &str) -> &'a mut Value {
    &mut of(document, function)["Events"][name]["Properties"]
}

/// In a role's policy, the statement with the `Sid` `sid`.
fn statement<'a>(document: &'a mut Value, role: &str, sid: &str) -> &'a mut Value {
    let statements = &mut of(document, role)["Policies"][0]["PolicyDocument"]["Statement"];
    let mut statements = statements.as_array_mut().expect("a role has statements").iter_mut();
    statements.find(|statement| statement["Sid"] == sid).expect("the role has this statement")
}

fn remove(value: &mut Value, key: &str) {
    let removed = value.as_object_mut().and_then(|fields| fields.remove(key));
    assert!(removed.is_some(), "there is no {key} to remove");
}

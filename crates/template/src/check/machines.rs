//! Checks state machines: each definition is valid, each wait ends, and each call names the right
//! resource.

use std::collections::BTreeSet;

use chorus_table::RowSpec;
use serde_json::Value;
use states::Severity;

use super::view::{View, resource_of, variables};
use crate::machine::{Definition, Machine, Task, substituted};
use crate::{Finding, names};

const KIND: &str = "AWS::Serverless::StateMachine";

/// The calls of tasks that are checked, each with the JSON Pointer of the parameter that names the
/// called resource, and with the resource's type.
const CALLED: &[(&str, &str, &str)] = &[
    ("lambda:invoke", "/FunctionName", "AWS::Serverless::Function"),
    ("states:startExecution", "/StateMachineArn", KIND),
    ("events:putEvents", "/Entries/0/EventBusName", "AWS::Events::EventBus"),
];

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, properties) in view.of_kind(KIND) {
        let Some(text) = view.definition(properties) else { continue };
        findings.extend(problems(id, &text));
        let Some(definition) = Definition::read(&text) else { continue };
        for task in definition.tasks() {
            findings.extend(waits(id, task));
            findings.extend(calls(view, id, properties, task));
            findings.extend(hands_over(view, id, properties, task));
            findings.extend(check_published(view, id, task));
        }
        findings.extend(unused_tasks(view, id, &definition));
    }
    findings
}

/// Reports the faults for which Step Functions would reject a definition.
fn problems(id: &str, definition: &str) -> Vec<Finding> {
    let filled = variables(definition)
        .fold(definition.to_owned(), |text, name| text.replace(&format!("${{{name}}}"), "1"));
    let (_, problems) = states::Machine::check(&filled);
    let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
    let finding = |problem: states::Problem| {
        let problem = format!("has a definition that Step Functions would reject: {problem}");
        Finding::new(
            id,
            problem,
            "Correct the definition; `chorus states validate FILE` reports the same problem",
        )
    };
    errors.map(finding).collect()
}

/// Reports waiting tasks without a timeout. Also reports waiting tasks that do not catch every
/// error, because an uncaught error would fail the execution.
fn waits(id: &str, task: Task<'_>) -> Vec<Finding> {
    let state = task.state;
    let mut findings = Vec::new();
    if !task.waits() {
        return findings;
    }
    if !task.has("Timeout") {
        let problem = format!("may wait forever in {state}");
        findings.push(Finding::new(id, problem, "Give the state a TimeoutSeconds"));
    }
    if !task.catches_all() {
        let problem = format!("does not catch every error of the waiting task {state}");
        findings.push(Finding::new(id, problem, "Give the state a Catch of States.ALL"));
    }
    findings
}

/// Reports a call whose target is not a function, state machine or bus of this template.
fn calls(view: View<'_>, id: &str, machine: &Value, task: Task<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (call, parameter, kind) in CALLED.iter().filter(|(call, ..)| task.calls(call)) {
        let named = task.parameters().pointer(parameter).unwrap_or(&Value::Null);
        let resource = referenced_resource(machine, named);
        if resource.is_none_or(|resource| view.kind(resource) != *kind) {
            let what = resource.or_else(|| named.as_str()).unwrap_or("nothing");
            let problem = format!(
                "calls {call} in {} with {what}, which is no {kind} of this template",
                task.state
            );
            let remedy = "Write a ${Name}, and let DefinitionSubstitutions refer to the resource";
            findings.push(Finding::new(id, problem, remedy));
        }
    }
    findings
}

/// The logical id of the resource that a `${Name}` of the definition refers to.
fn referenced_resource<'a>(machine: &'a Value, named: &Value) -> Option<&'a str> {
    resource_of(&machine["DefinitionSubstitutions"][substituted(named)?])
}

/// Reports a task that passes an event to an action whose row is not `task_of` this machine. Also
/// reports a task that calls the function of a service to which the action does not belong.
fn hands_over(view: View<'_>, id: &str, machine: &Value, task: Task<'_>) -> Option<Finding> {
    if !task.calls("lambda:invoke") {
        return None;
    }
    let state = task.state;
    let Some(action) = task.action() else {
        let problem = format!("invokes a function in {state}, but its payload names no action");
        return Some(Finding::new(id, problem, "Put the row's action into Payload.action"));
    };
    let of_machine = tasks_of(view, id).into_iter().find(|row| row.action == action);
    let Some(row) = of_machine else {
        let problem = format!(
            "invokes {action} in {state}, but {action} is not a task of this state machine"
        );
        return Some(Finding::new(
            id,
            problem,
            "Declare the row as `task_of` this machine in the design table",
        ));
    };
    let own = names::function(row.service.name);
    let function = referenced_resource(machine, &task.parameters()["FunctionName"])?;
    let problem =
        || format!("invokes {function} for {action} in {state}, but {action} belongs to {own}");
    (function != own).then(|| Finding::new(id, problem(), format!("Call {own}")))
}

/// The rows whose actions are tasks of the machine `id`, or of a machine that starts the machine
/// `id` as a nested machine.
fn tasks_of<'a>(view: View<'a>, id: &str) -> Vec<&'a RowSpec> {
    let machines = Machine::all(view.stack);
    let is_called = |task: Task<'_>| {
        let nested = substituted(&task.parameters()["StateMachineArn"]);
        task.calls("states:startExecution") && nested.is_some_and(|name| names::machine(name) == id)
    };
    let whole = machines.iter().filter(|machine| {
        names::machine(machine.spec.name) == id || machine.definition.tasks().any(is_called)
    });
    let names: BTreeSet<&str> = whole.map(|machine| machine.spec.name).collect();
    let is_task = |row: &&RowSpec| row.task_of.is_some_and(|machine| names.contains(machine));
    view.stack.table.rows.iter().filter(is_task).collect()
}

fn check_published(view: View<'_>, id: &str, task: Task<'_>) -> Vec<Finding> {
    if !task.calls("events:putEvents") {
        return Vec::new();
    }
    let own: BTreeSet<&str> = tasks_of(view, id).iter().map(|row| row.service.source).collect();
    let entries = task.parameters()["Entries"].as_array().into_iter().flatten();
    let sources = entries.map(|entry| entry["Source"].as_str().unwrap_or("nobody"));
    let finding = |source: &str| {
        let problem = format!(
            "publishes as {source} in {}, but the machine's service has another source",
            task.state
        );
        Finding::new(id, problem, "Write the source of the machine's service")
    };
    sources.filter(|source| !own.contains(source)).map(finding).collect()
}

/// The machines that are nested in a definition.
pub(super) fn parts(definition: &Definition) -> impl Iterator<Item = &str> {
    definition.tasks().filter_map(|task| substituted(&task.parameters()["StateMachineArn"]))
}

/// Reports rows that the design table declares as tasks of this state machine, but that no state of
/// the machine, or of a state machine nested in it, invokes.
fn unused_tasks(view: View<'_>, id: &str, definition: &Definition) -> Vec<Finding> {
    let parts: Vec<Definition> = parts(definition)
        .filter_map(|name| {
            let part = &view.document["Resources"][names::machine(name)]["Properties"];
            Definition::read(&view.definition(part)?)
        })
        .collect();
    let is_done = |row: &RowSpec| {
        let all = std::iter::once(definition).chain(&parts);
        all.flat_map(Definition::tasks).any(|task| task.action() == Some(row.action))
    };
    let own = |row: &&RowSpec| row.task_of.is_some_and(|machine| names::machine(machine) == id);
    let idle = view.stack.table.rows.iter().filter(own).filter(|row| !is_done(row));
    let finding = |row: &RowSpec| {
        let problem = format!("never invokes {}, which the table declares as its task", row.action);
        Finding::new(id, problem, "Add a state that invokes it, or remove `task_of` from the row")
    };
    idle.map(finding).collect()
}

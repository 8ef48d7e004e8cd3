//! The state machines of a stack: the calls in their definitions, and what each call waits for.

use chorus_kernel::MachineSpec;
use chorus_table::{RowSpec, Service};
use serde_json::Value;

use crate::{Stack, names};

/// The prefix of the `Resource` of every task that uses a service integration of Step Functions.
const INTEGRATION: &str = "arn:aws:states:::";

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) service: Service,
    pub(crate) spec: MachineSpec,
    pub(crate) definition: Definition,
    /// The path of the definition, relative to the template's folder.
    pub(crate) file: String,
}

impl Machine {
    /// Every machine of the stack. A definition that is not JSON counts as empty, and a check of
    /// the template reports it.
    pub(crate) fn all(stack: &Stack) -> Vec<Self> {
        let of_function = |function: &chorus_http::HttpFunction| {
            let function = &function.function;
            let service = function.service;
            let machines = function.machines.clone().into_iter();
            machines.map(move |spec| {
                let definition = Definition::read(spec.definition).unwrap_or_default();
                let folder = stack.application.definitions;
                let file = format!("{folder}/{}.asl.json", names::kebab(spec.name));
                Self { service, spec, definition, file }
            })
        };
        stack.functions.iter().flat_map(of_function).collect()
    }

    /// Whether an action of the table starts the machine. If not, the machine is nested: another
    /// machine starts it.
    pub(crate) fn is_started_by_a_row(&self, rows: &[RowSpec]) -> bool {
        rows.iter().any(|row| row.starts_machine && row.action == self.spec.name)
    }

    /// Whether a task of the machine waits for its task token to be returned.
    pub(crate) fn waits_for_answers(&self) -> bool {
        self.definition.tasks().any(Task::is_answered_by_token)
    }

    /// Whether a task that waits for its task token has a heartbeat timeout.
    pub(crate) fn waits_for_heartbeats(&self) -> bool {
        self.definition.tasks().any(|task| task.is_answered_by_token() && task.has("Heartbeat"))
    }

    /// The rows whose events the machine publishes: the action of such a row returns its event to a
    /// task of the machine, instead of publishing the event itself.
    pub(crate) fn publishing_rows<'a>(
        &'a self,
        rows: &'a [RowSpec],
    ) -> impl Iterator<Item = &'a RowSpec> {
        rows.iter().filter(|row| {
            let answers =
                |task: Task<'_>| task.action() == Some(row.action) && !task.is_answered_by_token();
            row.service == self.service && self.definition.tasks().any(answers)
        })
    }
}

/// Whether only state machines publish a row's events: only tasks of machines start the row's
/// action, and the action returns its events to these tasks.
pub(crate) fn is_published_by_machines(machines: &[Machine], row: &RowSpec) -> bool {
    let tasks = || {
        let all = machines.iter().flat_map(|machine| machine.definition.tasks());
        all.filter(|task| task.action() == Some(row.action))
    };
    let only_tasks = row.api.is_empty() && row.on.is_empty() && row.dead_letters_of.is_none();
    only_tasks && row.task_of.is_some() && tasks().all(|task| !task.is_answered_by_token())
}

/// The states of a definition with their names, including nested states.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definition(Vec<(String, Value)>);

impl Definition {
    /// Reads a definition; `None` if the text is not JSON.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let mut states = Vec::new();
        collect(&document, &mut states);
        Some(Self(states))
    }

    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let tasks = self.0.iter().filter(|(_, fields)| fields["Type"] == "Task");
        tasks.map(|(state, fields)| Task { state, fields })
    }

    /// The comparisons of fields with texts that the definition's Choice states make.
    pub(crate) fn comparisons(&self) -> Vec<Comparison<'_>> {
        let mut found = Vec::new();
        for (state, fields) in self.0.iter().filter(|(_, fields)| fields["Type"] == "Choice") {
            compared(state, fields, &mut found);
        }
        found
    }

    /// The texts that `Pass` states put into `field` of their result.
    pub(crate) fn results<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        let passes = self.0.iter().filter(|(_, fields)| fields["Type"] == "Pass");
        passes.filter_map(move |(_, fields)| fields["Result"][field].as_str())
    }
}

/// A Choice state's comparison of a field with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comparison<'a> {
    pub(crate) state: &'a str,
    /// The last field in the path of the compared value.
    pub(crate) field: &'a str,
    pub(crate) value: &'a str,
}

/// Collects the comparisons in a rule of a Choice state, including nested rules.
fn compared<'a>(state: &'a str, rule: &'a Value, found: &mut Vec<Comparison<'a>>) {
    if let (Some(path), Some(value)) = (rule["Variable"].as_str(), rule["StringEquals"].as_str()) {
        let field = path.rsplit('.').next().unwrap_or(path);
        found.push(Comparison { state, field, value });
    }
    let inside = ["Choices", "And", "Or"].iter().filter_map(|list| rule[*list].as_array());
    inside.flatten().chain(rule.get("Not")).for_each(|rule| compared(state, rule, found));
}

fn collect(value: &Value, states: &mut Vec<(String, Value)>) {
    for (key, inside) in value.as_object().into_iter().flatten() {
        if let (true, Some(named)) = (key == "States", inside.as_object()) {
            states.extend(named.iter().map(|(name, state)| (name.clone(), state.clone())));
        }
        collect(inside, states);
    }
    value.as_array().into_iter().flatten().for_each(|item| collect(item, states));
}

/// A `Task` state of a definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) state: &'a str,
    fields: &'a Value,
}

impl<'a> Task<'a> {
    fn integration(self) -> &'a str {
        let resource = self.fields["Resource"].as_str().unwrap_or_default();
        resource.strip_prefix(INTEGRATION).unwrap_or(resource)
    }

    /// Whether the task makes this call to an AWS service, such as `lambda:invoke`. A suffix that
    /// makes the task wait, such as `.sync`, is ignored.
    pub(crate) fn calls(self, call: &str) -> bool {
        self.integration().split('.').next() == Some(call)
    }

    /// Whether the task waits until its task token is returned.
    pub(crate) fn is_answered_by_token(self) -> bool {
        self.integration().ends_with(".waitForTaskToken")
    }

    /// Whether the task waits for more than the call's response: for its task token or, with
    /// `.sync`, for the end of the job that the call starts.
    pub(crate) fn waits(self) -> bool {
        self.is_answered_by_token() || self.integration().contains(".sync")
    }

    /// Whether the task sets `limit` (`Timeout` or `Heartbeat`) to a number, or to a path at which
    /// the number is found.
    pub(crate) fn has(self, limit: &str) -> bool {
        let field = |suffix: &str| self.fields.get(format!("{limit}Seconds{suffix}"));
        field("").or_else(|| field("Path")).is_some()
    }

    /// Whether the task catches every error.
    pub(crate) fn catches_all(self) -> bool {
        let catchers = self.fields["Catch"].as_array().into_iter().flatten();
        let mut errors = catchers.flat_map(|catcher| catcher["ErrorEquals"].as_array());
        errors.any(|errors| errors.iter().any(|error| error == "States.ALL"))
    }

    /// The task's retriers for errors that every call may cause: the retrier for `States.ALL`, and
    /// the retriers before it for `States.TaskFailed` or `States.Timeout`. Empty if no retrier
    /// names `States.ALL`.
    pub(crate) fn retries_of_any(self) -> Vec<&'a Value> {
        let names = |retrier: &Value, wanted: &[&str]| {
            let mut errors = retrier["ErrorEquals"].as_array().into_iter().flatten();
            errors.any(|error| error.as_str().is_some_and(|error| wanted.contains(&error)))
        };
        let retriers: Vec<&Value> = self.fields["Retry"].as_array().into_iter().flatten().collect();
        let Some(all) = retriers.iter().position(|retrier| names(retrier, &["States.ALL"])) else {
            return Vec::new();
        };
        let (before, from) = retriers.split_at(all);
        let wide = |retrier: &&&Value| names(retrier, &["States.TaskFailed", "States.Timeout"]);
        before.iter().filter(wide).chain(&from[..1]).copied().collect()
    }

    pub(crate) fn parameters(self) -> &'a Value {
        &self.fields["Parameters"]
    }

    /// The action to which the task passes an event; `None` if the task does not invoke a function
    /// of ours.
    pub(crate) fn action(self) -> Option<&'a str> {
        self.parameters()["Payload"]["action"].as_str()
    }
}

/// The `Name` of a value that is exactly `${Name}`.
pub(crate) fn substituted(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix("${")?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_found_wherever_they_stand() {
        let text = r#"{"StartAt": "All", "States": {"All": {"Type": "Parallel", "Branches": [
            {"StartAt": "Ask", "States": {"Ask": {"Type": "Task",
             "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
             "Parameters": {"FunctionName": "${F}", "Payload": {"action": "AskReviewer"}},
             "TimeoutSecondsPath": "$.limit",
             "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "All"}]}}}]}}}"#;
        let definition = Definition::read(text).unwrap();
        let [task] = definition.tasks().collect::<Vec<_>>()[..] else { panic!("{definition:?}") };
        assert_eq!((task.state, task.action()), ("Ask", Some("AskReviewer")));
        assert!(task.calls("lambda:invoke") && task.is_answered_by_token() && task.waits());
        assert!(task.has("Timeout") && !task.has("Heartbeat") && !task.catches_all());
        assert_eq!(substituted(&task.parameters()["FunctionName"]), Some("F"));
    }
}

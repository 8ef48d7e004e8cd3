//! Determines the nested executions that an execution starts, and their names, from the definition
//! of its state machine.

use chorus_aws_operator::Execution;
use chorus_kernel::Function;
use serde_json::Value;

/// The expression that names a nested execution in a state machine's definition appends a suffix to
/// the parent execution's name. These are the parts of the expression before and after the suffix.
const DERIVED: (&str, &str) = ("States.Format('{}", "', $$.Execution.Name)");

/// A task that starts a nested execution: it runs another state machine to its end.
struct Start {
    /// The state machine whose task starts the nested execution.
    parent: &'static str,
    machine: String,
    /// The suffix that the nested execution's name adds to the parent execution's name.
    suffix: String,
}

/// The tasks that start nested executions.
pub(super) struct Nested(Vec<Start>);

impl Nested {
    /// Finds the tasks that start nested executions, in the state machines of `functions`.
    ///
    /// # Errors
    /// If a definition is not JSON.
    pub(super) fn of_functions(functions: &[Function]) -> serde_json::Result<Self> {
        let mut starts = Vec::new();
        for spec in functions.iter().flat_map(Function::machines_under_way) {
            let definition: Value = serde_json::from_str(spec.definition)?;
            let states = definition["States"].as_object().into_iter().flat_map(|it| it.values());
            starts.extend(states.filter_map(|state| start(spec.name, state)));
        }
        Ok(Self(starts))
    }

    /// Returns the executions that `execution` may have started.
    pub(super) fn of(&self, execution: &Execution) -> impl Iterator<Item = Execution> {
        let of_machine = self.0.iter().filter(|start| start.parent == execution.machine);
        of_machine.map(|Start { machine, suffix, .. }| Execution {
            machine: machine.clone(),
            name: format!("{}{suffix}", execution.name),
        })
    }
}

fn start(parent: &'static str, state: &Value) -> Option<Start> {
    let resource = state["Resource"].as_str()?;
    if !resource.starts_with("arn:aws:states:::states:startExecution") {
        return None;
    }
    let parameters = &state["Parameters"];
    let machine = parameters["StateMachineArn"].as_str()?;
    let machine = machine.strip_prefix("${")?.strip_suffix('}')?.to_owned();
    let (before, after) = DERIVED;
    let suffix = parameters["Name.$"].as_str()?.strip_prefix(before)?.strip_suffix(after)?;
    Some(Start { parent, machine, suffix: suffix.to_owned() })
}

#[cfg(test)]
mod tests {
    use chorus_http::HttpFunction;

    use super::*;

    #[test]
    fn the_review_of_a_payment_is_found_by_the_payments_execution() {
        let (functions, _) = HttpFunction::split(chorus_infra::shop(".").functions);
        let nested = Nested::of_functions(&functions).unwrap();
        let payment =
            Execution { machine: "CollectPayment".to_owned(), name: "CollectPayment-1".to_owned() };
        let found: Vec<Execution> = nested.of(&payment).collect();
        let (machine, name) = ("AwaitReview".to_owned(), "CollectPayment-1-review".to_owned());
        assert_eq!(found, [Execution { machine, name }]);
    }
}

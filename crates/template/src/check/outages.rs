//! Checks that the messages of a row that calls a partner are retried for longer than a partner may
//! be unavailable ([`OUTAGE`]). Lambda's own three attempts within three minutes are not enough.

use std::time::Duration;

use chorus_table::policy::{OUTAGE, QUEUE};
use chorus_table::{RowSpec, Via};
use serde_json::Value;

use super::view::View;
use crate::machine::{Definition, Task};
use crate::{Finding, names};

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let functions = view.stack.functions.iter().map(|function| &function.function);
    let handlers = functions.flat_map(|function| &function.handlers);
    let calling = handlers.filter(|handler| handler.calls()).map(|handler| handler.row());
    let mut findings = Vec::new();
    for row in calling {
        findings.extend(by_the_bus(&row));
        findings.extend(by_a_queue(view, &row));
        findings.extend(by_a_machine(view, &row));
    }
    findings
}

/// Reports a row if the bus passes the row's events to the function directly, without a queue.
fn by_the_bus(row: &RowSpec) -> Option<Finding> {
    let problem = "calls a partner, but Lambda retries the row's events for three minutes only";
    let remedy = "Declare the row as `.queued()`, or as a task of a state machine";
    (!row.on.is_empty() && row.via == Via::Function)
        .then(|| Finding::new(row.action, problem, remedy))
}

/// Reports a row whose queue retries messages for a shorter time than the policy [`QUEUE`]
/// requires.
fn by_a_queue(view: View<'_>, row: &RowSpec) -> Option<Finding> {
    if row.via != Via::Queue {
        return None;
    }
    let queue = names::queue(row.service);
    let properties = &view.document["Resources"][&queue]["Properties"];
    let seconds = properties["VisibilityTimeout"].as_u64().unwrap_or(30);
    let receives = properties["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap_or(u64::MAX);
    let shortest = Duration::from_secs(seconds.saturating_mul(receives));
    let kept =
        Duration::from_secs(properties["MessageRetentionPeriod"].as_u64().unwrap_or(345_600));
    let patience = shortest.min(kept);
    let problem = || {
        format!(
            "gives up messages of {} after {patience:?}, but must retry them for {:?}",
            row.action, QUEUE.retry.max_age
        )
    };
    let remedy = format!(
        "Let both MessageRetentionPeriod and VisibilityTimeout * maxReceiveCount be at least {:?}",
        QUEUE.retry.max_age
    );
    (patience < QUEUE.retry.max_age).then(|| Finding::new(queue, problem(), remedy))
}

/// Reports tasks of state machines that invoke the row's action, and retry for less than
/// [`OUTAGE`].
fn by_a_machine(view: View<'_>, row: &RowSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, properties) in view.of_kind("AWS::Serverless::StateMachine") {
        let Some(definition) = view.definition(properties).as_deref().and_then(Definition::read)
        else {
            continue;
        };
        for task in definition.tasks().filter(|task| task.action() == Some(row.action)) {
            let patience = shortest_retry_time(task);
            if patience < OUTAGE {
                let (state, action) = (task.state, row.action);
                let problem = format!(
                    "tries {action} in {state} for {patience:?}, but an outage may last longer"
                );
                let remedy = format!("Give the state a Retry of States.ALL that lasts {OUTAGE:?}");
                findings.push(Finding::new(id, problem, remedy));
            }
        }
    }
    findings
}

/// The shortest time for which a task is retried, whatever its error. If the pauses are random,
/// their mean counts.
fn shortest_retry_time(task: Task<'_>) -> Duration {
    let shortest = task.retries_of_any().into_iter().map(seconds).reduce(f64::min);
    Duration::from_secs_f64(shortest.unwrap_or_default().min(1e9))
}

fn seconds(retry: &Value) -> f64 {
    let number = |name: &str, default: f64| retry[name].as_f64().unwrap_or(default);
    let longest = number("MaxDelaySeconds", f64::INFINITY);
    let (mut pause, rate) = (number("IntervalSeconds", 1.0), number("BackoffRate", 2.0));
    let mut all = 0.0;
    for _ in 0..retry["MaxAttempts"].as_u64().unwrap_or(3) {
        all += pause.min(longest);
        pause = (pause * rate).min(longest);
    }
    if retry["JitterStrategy"] == "FULL" { all / 2.0 } else { all }
}

#[cfg(test)]
mod tests {
    use chorus_table::{EventSpec, Owner, Role, Service};

    use super::*;

    const MAIL: Service = Service { name: "mail", title: "Mail", source: "com.mail", meaning: "" };
    const ASKED: EventSpec = EventSpec {
        detail_type: "Asked",
        owner: Owner::Service(MAIL),
        role: Role::Step,
        version: 1,
        meaning: "",
    };

    fn patience_of(retry: &str) -> u64 {
        let text = format!(
            r#"{{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Retry": {retry}, "End": true}}}}}}"#
        );
        let definition = Definition::read(&text).unwrap();
        let tasks: Vec<_> = definition.tasks().collect();
        shortest_retry_time(tasks[0]).as_secs()
    }

    #[test]
    fn events_for_a_row_that_calls_are_not_left_to_lambdas_three_tries() {
        let row = RowSpec::new("Send", MAIL, "Sends").messages(&[], &[ASKED], &[]);
        assert_eq!(by_the_bus(&row).unwrap().subject, "Send");
        assert_eq!(by_the_bus(&row.queued()), None);
        let asked = RowSpec::new("Send", MAIL, "Sends");
        assert_eq!(by_the_bus(&asked), None, "a caller of the API, or a machine, tries again");
    }

    #[test]
    fn patience_is_the_sum_of_the_pauses() {
        assert_eq!(patience_of("[]"), 0);
        assert_eq!(patience_of(r#"[{"ErrorEquals": ["States.Timeout"]}]"#), 0);
        assert_eq!(patience_of(r#"[{"ErrorEquals": ["States.ALL"]}]"#), 1 + 2 + 4);
        let hidden = r#"[{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1},
            {"ErrorEquals": ["States.ALL"]}]"#;
        assert_eq!(patience_of(hidden), 1, "the first that matches an error decides");
        let capped = r#"[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "MaxAttempts": 4,
            "BackoffRate": 2, "MaxDelaySeconds": 6, "JitterStrategy": "FULL"}]"#;
        assert_eq!(patience_of(capped), (3 + 6 + 6 + 6) / 2);
    }
}

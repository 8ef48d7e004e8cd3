//! The executions for one `correlation-id`, as operators see them.

use chorus_kernel::{Failure, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use states::{HistoryEvent, Status};

use super::run;
use crate::store::DynoxideStore;

/// An execution, as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecutionStory {
    pub machine: String,
    pub name: String,
    /// The `event-id` of the event that started the execution; none if another execution started
    /// it.
    pub started_by: Option<String>,
    /// The name of the execution that waits for this execution to end.
    pub parent: Option<String>,
    /// The status in Step Functions' terms: `RUNNING`, `SUCCEEDED` …
    pub status: String,
    /// The states that the execution is in; empty once it has ended.
    #[serde(default)]
    pub current: Vec<String>,
    /// The time at which a wait or a timeout ends next: the execution then continues even if no
    /// answer has arrived. None if the execution has ended, or waits only for answers without a
    /// timeout.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The events of the execution's history, including those of tasks that failed and were
    /// retried.
    pub moments: Vec<Moment>,
}

/// An event of an execution's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Moment {
    pub at: Timestamp,
    /// The type of the event in Step Functions' terms, such as `TaskStateEntered`.
    pub kind: String,
    /// The name of the state, if the event has one.
    pub state: Option<String>,
    /// The error, if the event has one.
    pub error: Option<String>,
}

/// The executions for this `correlation-id`, in the order of their starts.
pub(crate) async fn of_correlation(
    store: &dyn Store,
    correlation_id: &str,
) -> Result<Vec<ExecutionStory>, Failure> {
    let mut stories = Vec::new();
    for found in run::of_correlation(store, correlation_id).await? {
        let history = run::history(store, found.name()).await?;
        stories.push(ExecutionStory {
            machine: found.machine.clone(),
            name: found.name().to_owned(),
            started_by: started_by(&history),
            parent: found.parent.as_ref().map(|(parent, _)| parent.clone()),
            status: status(found.execution.status()).to_owned(),
            current: found.execution.current_states().map(ToOwned::to_owned).collect(),
            until: found.execution.wakes_at(),
            moments: history.iter().map(moment).collect(),
        });
    }
    Ok(stories)
}

/// An execution that ended without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedExecution {
    pub machine: String,
    pub name: String,
    /// The `correlation-id` of the event with which the execution was started.
    pub correlation_id: String,
    /// The status in Step Functions' terms: `FAILED`, `TIMED_OUT`, `ABORTED`.
    pub status: &'static str,
}

/// The executions that failed, timed out or were aborted, among those that were started at `since`
/// or later.
pub(crate) fn failed(
    store: &DynoxideStore,
    since: Timestamp,
) -> Result<Vec<EndedExecution>, Failure> {
    let view = |run: run::Run| EndedExecution {
        name: run.name().to_owned(),
        status: status(run.execution.status()),
        machine: run.machine,
        correlation_id: run.correlation_id,
    };
    Ok(run::failed(store, since)?.into_iter().map(view).collect())
}

const fn status(status: &Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded { .. } => "SUCCEEDED",
        Status::Failed { .. } => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted { .. } => "ABORTED",
    }
}

/// The `event-id` of the event that an execution was started with.
fn started_by(history: &[HistoryEvent]) -> Option<String> {
    let event = serde_json::to_value(history.first()?).ok()?;
    let input = event.pointer("/executionStartedEventDetails/input")?.as_str()?;
    let input: serde_json::Value = serde_json::from_str(input).ok()?;
    let id = input.pointer("/detail/metadata/event-id")?;
    id.as_str().map(ToOwned::to_owned)
}

fn moment(event: &HistoryEvent) -> Moment {
    let details = serde_json::to_value(event).unwrap_or_default();
    let named = |name: &str| {
        let details = details.as_object()?.values().find_map(|value| value.get(name))?;
        details.as_str().map(ToOwned::to_owned)
    };
    Moment {
        at: event.timestamp,
        kind: event.kind.to_string(),
        state: named("name"),
        error: named("error"),
    }
}

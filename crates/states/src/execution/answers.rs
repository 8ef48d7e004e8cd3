//! Accepts the answers of tasks: a task has succeeded, has failed, or is still alive.

use jiff::Timestamp;

use super::lane::{LaneId, Phase, TaskState, after};
use super::task::TaskEvent;
use super::{Execution, Status, TaskId, Turn, Work};
use crate::failure::{Failure, Origin};
use crate::json::Json;
use crate::machine::{Machine, Pattern, Resource};

/// Which task an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskRef {
    /// The task's number, as in [`TaskRequest::task`](crate::TaskRequest::task).
    Id(TaskId),
    /// The task's token, which the task's call has passed to a worker or a service.
    Token(String),
}

/// What a task reports to its execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The task that reports.
    pub task: TaskRef,
    /// What the task reports.
    pub outcome: Outcome,
}

/// What a task can report.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The task is done, with this output.
    Succeeded(Json),
    /// The task has failed.
    Failed(Failure),
    /// The task's call has returned this response. The task now waits for a callback, or for the
    /// end of the job that the call has started.
    Submitted(Json),
    /// A worker has taken the task of an activity.
    Taken {
        /// The worker's name, if it gave one.
        worker: Option<String>,
    },
    /// The task is still alive.
    Heartbeat,
}

/// Why an answer was refused. The execution is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The execution has ended.
    #[error("the execution has ended")]
    ExecutionOver,
    /// No task with this number or token waits for an answer: the task was answered or stopped, or
    /// belongs to another execution.
    #[error(
        "no task waits for this answer: the task was answered or stopped, or belongs to another \
         execution"
    )]
    UnknownTask,
    /// The task's timeout, or the time for its next heartbeat, had already passed.
    #[error("the task has timed out")]
    TaskTimedOut,
    /// The task does not accept this kind of answer, for example a heartbeat without
    /// `HeartbeatSeconds`.
    #[error("the task does not accept this kind of answer")]
    NotExpected,
}

impl Answer {
    /// Reports that the task is done.
    #[must_use]
    pub fn succeeded(task: TaskRef, output: Json) -> Self {
        Self { task, outcome: Outcome::Succeeded(output) }
    }

    /// Reports that the task has failed.
    pub fn failed(task: TaskRef, error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { task, outcome: Outcome::Failed(Failure::new(error, cause)) }
    }

    /// Reports the response to the task's call. The task then waits for a callback, or for the end
    /// of the job that the call has started.
    #[must_use]
    pub fn submitted(task: TaskRef, response: Json) -> Self {
        Self { task, outcome: Outcome::Submitted(response) }
    }

    /// Reports that the task is still alive.
    #[must_use]
    pub fn heartbeat(task: TaskRef) -> Self {
        Self { task, outcome: Outcome::Heartbeat }
    }
}

impl Execution {
    /// Accepts a task's answer. The next [`Execution::step`] acts on it.
    ///
    /// # Errors
    /// When the answer is refused. The execution is then unchanged.
    pub fn answer(
        &mut self,
        machine: &Machine,
        answer: Answer,
        now: Timestamp,
    ) -> Result<Turn, Refusal> {
        if self.status != Status::Running {
            return Err(Refusal::ExecutionOver);
        }
        let (id, task) = self.waiting(&answer.task).ok_or(Refusal::UnknownTask)?;
        if task.due().is_some_and(|due| due <= now) {
            return Err(Refusal::TaskTimedOut);
        }
        let mut work = self.work(machine, now);
        if work.storage_answered(id, &answer.outcome) {
            return Ok(work.done());
        }
        let resource = work.resource_of(id).ok_or(Refusal::UnknownTask)?;
        match answer.outcome {
            Outcome::Succeeded(output) => work.succeeded(id, &resource, output),
            Outcome::Failed(failure) => work.task_failed(id, TaskEvent::Failed, failure),
            Outcome::Submitted(response) => {
                if resource.pattern() == Pattern::RequestResponse {
                    return Err(Refusal::NotExpected);
                }
                work.task_answered(id, TaskEvent::Submitted, response.to_string());
            }
            Outcome::Taken { worker } => {
                if !resource.is_activity() {
                    return Err(Refusal::NotExpected);
                }
                work.taken(id, worker);
            }
            Outcome::Heartbeat => {
                let seconds = task.heartbeat.ok_or(Refusal::NotExpected)?;
                work.beat(id, after(now, seconds));
            }
        }
        Ok(work.done())
    }

    fn waiting(&self, task: &TaskRef) -> Option<(LaneId, TaskState)> {
        self.lanes.iter().find_map(|(id, lane)| {
            let Phase::Task(waiting) = &lane.phase else { return None };
            let is_it = match task {
                TaskRef::Id(id) => waiting.id == *id,
                TaskRef::Token(token) => waiting.token.as_ref() == Some(token),
            };
            is_it.then(|| (*id, TaskState::clone(waiting)))
        })
    }
}

impl Work<'_, '_> {
    fn succeeded(&mut self, id: LaneId, resource: &Resource, output: Json) {
        let name = resource.service().map_or(resource.arn(), |(service, _)| service);
        match self.payload(name, &output) {
            Ok(text) => {
                self.show("result", &output);
                self.task_answered(id, TaskEvent::Succeeded, text);
                self.make_ready(id, Phase::Done(output));
            }
            Err(too_large) => {
                // As in Step Functions, `States.ALL` matches this error if a task's result is too
                // large. If any other payload is too large, `States.ALL` does not match the error.
                let failure = Failure { origin: Origin::Ordinary, ..too_large };
                self.task_failed(id, TaskEvent::Failed, failure);
            }
        }
    }

    fn taken(&mut self, id: LaneId, worker: Option<String>) {
        let worker = worker.map(|worker| ("workerName", Json::String(worker)));
        let details = ("activityStartedEventDetails", Json::object(worker));
        self.emit(id, "ActivityStarted", Some(details));
    }

    fn beat(&mut self, id: LaneId, by: Timestamp) {
        if let Some(lane) = self.execution.lanes.get_mut(&id)
            && let Phase::Task(task) = &mut lane.phase
        {
            task.beat_by = Some(by);
        }
    }
}

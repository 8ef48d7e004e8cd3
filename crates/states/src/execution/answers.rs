//! What comes from outside: a task has answered, failed, or is still alive.

use jiff::Timestamp;

use super::lane::{LaneId, Phase, TaskState, after};
use super::task::Moment;
use super::{Execution, Status, TaskId, Turn, Work};
use crate::failure::{Failure, Origin};
use crate::json::Json;
use crate::machine::{Machine, Pattern, Resource};

/// Which task an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskRef {
    /// By its number: the one who made the call knows it.
    Id(TaskId),
    /// By its token: whoever was given it.
    Token(String),
}

/// Something that a task says.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The task.
    pub task: TaskRef,
    /// What it says.
    pub outcome: Outcome,
}

/// What a task says.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done, with an output.
    Succeeded(Json),
    /// It has failed.
    Failed(Failure),
    /// The call of a callback or a job has been made, and answered with this.
    Submitted(Json),
    /// A worker has taken up an activity.
    Taken {
        /// The name of the worker.
        worker: Option<String>,
    },
    /// It is still alive.
    Heartbeat,
}

/// Why an answer was not taken. The execution is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The execution has ended.
    #[error("the execution has ended")]
    ExecutionOver,
    /// No task waits under that number or token: it is another execution's, or has been answered.
    #[error("no task waits for this answer: it has been answered, stopped, or is not of here")]
    UnknownTask,
    /// The task's time was over.
    #[error("the task has timed out")]
    TaskTimedOut,
    /// The task takes no such answer, as a heartbeat of a task that has none.
    #[error("the task does not accept this answer")]
    NotExpected,
}

impl Answer {
    /// The task is done.
    #[must_use]
    pub fn succeeded(task: TaskRef, output: Json) -> Self {
        Self { task, outcome: Outcome::Succeeded(output) }
    }

    /// The task has failed.
    pub fn failed(task: TaskRef, error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { task, outcome: Outcome::Failed(Failure::new(error, cause)) }
    }

    /// The call of a callback or a job has been made.
    #[must_use]
    pub fn submitted(task: TaskRef, response: Json) -> Self {
        Self { task, outcome: Outcome::Submitted(response) }
    }

    /// The task is still alive.
    #[must_use]
    pub fn heartbeat(task: TaskRef) -> Self {
        Self { task, outcome: Outcome::Heartbeat }
    }
}

impl Execution {
    /// Takes an answer. What follows from it comes of the next [`Execution::step`].
    ///
    /// # Errors
    /// When nothing waits for the answer; the execution is as it was.
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
            Outcome::Failed(failure) => work.task_failed(id, Moment::Failed, failure),
            Outcome::Submitted(response) => {
                if resource.pattern() == Pattern::RequestResponse {
                    return Err(Refusal::NotExpected);
                }
                work.task_answered(id, Moment::Submitted, response.to_string());
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
                self.task_answered(id, Moment::Succeeded, text);
                self.make_ready(id, Phase::Done(output));
            }
            Err(too_large) => {
                // The service lets States.ALL catch a result that is too large.
                let failure = Failure { origin: Origin::Ordinary, ..too_large };
                self.task_failed(id, Moment::Failed, failure);
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

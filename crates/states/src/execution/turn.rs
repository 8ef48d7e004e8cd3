//! What a transition returns: the new events of the history, and what the caller has to do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::history::HistoryEvent;
use crate::json::Json;
use crate::machine::Resource;

/// The result of a transition. Store it together with the execution, then carry out the effects.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Turn {
    /// The events to append to the history.
    pub events: Vec<HistoryEvent>,
    /// What the caller has to do.
    pub effects: Vec<Effect>,
}

/// Something that the caller has to do. Each effect is returned once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Call the task, then pass its answer to [`Execution::answer`](super::Execution::answer).
    StartTask(Box<TaskRequest>),
    /// Stop the task if possible: the execution no longer accepts an answer from the task.
    StopTask(TaskId),
}

/// The number of a task within its execution. Each attempt has a different number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// A call that the caller has to make for a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// The number of the task, to be repeated in the answer. Together with the execution's ARN it
    /// is a good idempotency key.
    pub task: TaskId,
    /// The name of the state that makes the call.
    pub state: String,
    /// What to call: a function, an activity, or an action of an AWS service.
    pub resource: Resource,
    /// The input of the call.
    pub input: Json,
    /// The task token. Callbacks and activities have one; a job (`.sync`) has one only if a field
    /// of the state refers to the token.
    pub token: Option<String>,
    /// How many times the state has been retried since it was entered: 0 for the first attempt.
    pub attempt: u64,
    /// When the task times out; absent without a timeout. A missed heartbeat may end the task
    /// earlier.
    pub deadline: Option<Timestamp>,
    /// The `Credentials` of the state, filled in.
    pub credentials: Option<Json>,
}

impl TaskRequest {
    /// Whether the call writes a result file of a distributed Map. `input` then has `Bucket`, `Key`
    /// and `Body`; the output in the answer is ignored.
    #[must_use]
    pub fn writes_results(&self) -> bool {
        // A Task calls S3 through the SDK integration `aws-sdk:s3`, so only result writers have the
        // service `s3`.
        self.resource.service() == Some(("s3", "putObject"))
    }
}

//! What a transition answers with: the history's next events, and what is to be done outside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::history::HistoryEvent;
use crate::json::Json;
use crate::machine::Resource;

/// What came of a transition. Write down the execution and this together, then do the effects.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Turn {
    /// The history, continued.
    pub events: Vec<HistoryEvent>,
    /// What is to be done outside.
    pub effects: Vec<Effect>,
}

/// Something to be done outside of the execution. Each is given once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Call the task; answer with [`Execution::answer`](super::Execution::answer).
    StartTask(Box<TaskRequest>),
    /// Nobody waits for this task any more.
    StopTask(TaskId),
}

/// The number of a task within its execution. Every attempt is a task of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

/// A call to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRequest {
    /// Names it in the answer; with the execution's ARN it is a good idempotency key.
    pub task: TaskId,
    /// The state that calls.
    pub state: String,
    /// What to call.
    pub resource: Resource,
    /// What to call it with.
    pub input: Json,
    /// The token to answer with, for callbacks and activities.
    pub token: Option<String>,
    /// Counts the attempts of this visit of the state, from 0.
    pub attempt: u64,
    /// When it times out.
    pub deadline: Option<Timestamp>,
    /// The `Credentials` of the state, filled in.
    pub credentials: Option<Json>,
}

impl TaskRequest {
    /// Whether it writes down the results of a distributed Map: `input` has `Bucket`, `Key` and
    /// `Body` then. Such a call is answered with anything once it is done.
    #[must_use]
    pub fn writes_results(&self) -> bool {
        // A Task calls the service by its SDK, so that `aws-sdk:s3` is no writer.
        self.resource.service() == Some(("s3", "putObject"))
    }
}

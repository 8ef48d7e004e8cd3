//! A lane: a sequence of states that an execution goes through one after another. The machine's top
//! level is a lane, and so is each running branch of a Parallel and each running iteration of a
//! Map.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::TaskId;
use super::distributed::MapRun;
use super::results::Written;
use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::machine::FlowId;

/// The number of a lane (the top level, a branch or an iteration) within its execution.
pub(super) type LaneId = u64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) flow: FlowId,
    pub(super) state: String,
    /// The lane that waits for this lane, and the index of this lane's result among the results of
    /// the waiting lane. Absent for the top level.
    pub(super) parent: Option<(LaneId, usize)>,
    /// The item of the innermost inline Map around the lane; absent if there is none.
    pub(super) item: Option<Item>,
    /// The raw input of the state.
    pub(super) input: Json,
    pub(super) variables: Object,
    /// The id of the event that the lane's next event follows from.
    pub(super) last_event: u64,
    pub(super) entered_event: u64,
    /// For a state in JSONata, the id of the event from which `entered_event` follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) entered_from: Option<u64>,
    pub(super) entered_at: Timestamp,
    /// The ARN of the Map Run, if the lane's state is a distributed Map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) map_run: Option<String>,
    /// The result of a distributed Map while its result files are being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<Written>,
    /// The inputs of the calls that still have to be made. Each call writes one result file.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) writes: VecDeque<Json>,
    /// How many times each retrier has been used since the state was entered.
    pub(super) retried: Vec<u64>,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) value: Json,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// The lane is about to enter the state.
    Enter,
    /// The lane is about to do the state's work again.
    Retry,
    /// The task is scheduled and about to start.
    Start(Box<TaskState>, Box<Json>),
    /// The state's work is done, with this result.
    Done(Json),
    /// The state's work has failed.
    Failed(Failure),
    /// The wait of a Wait state is over.
    Waited,
    /// The lane is in a Wait state until this time.
    Waiting(Timestamp),
    /// The lane waits until this time before it does the state's work again.
    Backoff(Timestamp),
    /// The lane waits for a task's answer.
    Task(Box<TaskState>),
    /// The call that writes or reads a file of a distributed Map has returned this result.
    Stored(Json),
    /// The lane waits for the lanes of branches or iterations.
    Fan(Box<FanOut>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TaskState {
    pub(super) id: TaskId,
    pub(super) token: Option<String>,
    pub(super) timeout: Option<u64>,
    pub(super) heartbeat: Option<u64>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) beat_by: Option<Timestamp>,
    pub(super) credentials: Option<Json>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FanOut {
    pub(super) results: Vec<Option<Json>>,
    pub(super) live: Vec<LaneId>,
    /// The items of a Map for which no iteration has been started yet, in order.
    pub(super) pending: VecDeque<Json>,
    /// The id of the latest event of the lanes that are done. If no lane is done, the id of the
    /// event that started the lanes.
    pub(super) last_event: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<MapRun>,
}

impl Lane {
    pub(super) fn new(flow: FlowId, state: String, input: Json, now: Timestamp) -> Self {
        Self {
            flow,
            state,
            parent: None,
            item: None,
            input,
            variables: Object::new(),
            last_event: 0,
            entered_event: 0,
            entered_from: None,
            map_run: None,
            written: None,
            writes: VecDeque::new(),
            entered_at: now,
            retried: Vec::new(),
            phase: Phase::Enter,
        }
    }

    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Waiting(until) | Phase::Backoff(until) => Some(*until),
            Phase::Task(task) => task.due(),
            _ => None,
        }
    }

    pub(super) fn task(&self) -> Option<TaskId> {
        match &self.phase {
            Phase::Task(task) => Some(task.id),
            _ => None,
        }
    }

    pub(super) fn retries(&self) -> u64 {
        self.retried.iter().sum()
    }
}

impl TaskState {
    /// Makes the task that reads or writes a file of a distributed Map.
    pub(super) fn of_storage(id: TaskId) -> Self {
        Self {
            id,
            token: None,
            timeout: None,
            heartbeat: None,
            deadline: None,
            beat_by: None,
            credentials: None,
        }
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.deadline.into_iter().chain(self.beat_by).min()
    }
}

/// Returns the time `seconds` after `now`, or the latest time that can be represented.
pub(super) fn after(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

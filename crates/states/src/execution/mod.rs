//! An execution as a value: the caller passes in answers and the current time, and gets back the
//! calls to make.
//!
//! An execution calls no task and reads neither a clock nor a source of randomness, so the caller
//! can store it between any two transitions and continue it in another process.

mod answers;
mod context;
mod distributed;
mod failure_handling;
mod fan;
mod items;
mod lane;
mod probe;
mod record;
mod results;
mod shape;
mod task;
mod transition;
mod turn;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::history;
use crate::json::Json;
use crate::machine::Machine;
use crate::scope::Entropy;
use crate::trail::Trail;
use lane::{Lane, LaneId, Phase};
use probe::Probe;

pub use answers::{Answer, Outcome, Refusal, TaskRef};
pub use probe::{StateTest, TestResult, TestStatus};
pub use turn::{Effect, TaskId, TaskRequest, Turn};

/// The parameters of a new execution.
#[derive(Debug, Clone)]
pub struct Start {
    /// The input of the execution.
    pub input: Json,
    /// The names and ARNs in the context object and the history.
    pub identity: Identity,
    /// The source of task tokens, UUIDs and the jitter of retries.
    pub entropy: Entropy,
}

/// The names and ARNs of an execution and its machine, as in the context object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The value of `$$.Execution.Id`.
    pub execution_arn: String,
    /// The value of `$$.Execution.Name`.
    pub execution_name: String,
    /// The value of `$$.StateMachine.Id`.
    pub machine_arn: String,
    /// The value of `$$.StateMachine.Name`.
    pub machine_name: String,
    /// The value of `$$.Execution.RoleArn`.
    pub role_arn: Option<String>,
}

impl Identity {
    /// Makes the names and ARNs of an execution that runs locally: region `us-east-1`, account
    /// `000000000000`.
    #[must_use]
    pub fn local(machine: &str, execution: &str) -> Self {
        let prefix = "arn:aws:states:us-east-1:000000000000";
        Self {
            execution_arn: format!("{prefix}:execution:{machine}:{execution}"),
            execution_name: execution.to_owned(),
            machine_arn: format!("{prefix}:stateMachine:{machine}"),
            machine_name: machine.to_owned(),
            role_arn: Some("arn:aws:iam::000000000000:role/local".to_owned()),
        }
    }
}

/// A running or finished execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    identity: Identity,
    input: Json,
    started: Timestamp,
    expires: Option<Timestamp>,
    status: Status,
    lanes: BTreeMap<LaneId, Lane>,
    ready: VecDeque<LaneId>,
    next_lane: LaneId,
    next_task: u64,
    events: u64,
    entropy: Entropy,
    /// Present only if the execution tests a single state: the settings and records of that test.
    #[serde(skip)]
    probe: Option<Box<Probe>>,
    /// The states entered and the transitions made so far, if [`Self::keep_trail`] was called.
    #[serde(skip)]
    trail: Option<Trail>,
}

/// Whether an execution is running, or how it has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum Status {
    /// The execution has not ended: it has transitions to make, or waits for a time or an answer.
    Running,
    /// The execution has ended with an output.
    Succeeded {
        /// The output of the last state.
        output: Json,
    },
    /// The execution has ended with an error.
    Failed {
        /// The error name; absent if a Fail state gave none.
        error: Option<String>,
        /// A description for people; absent if none was given.
        cause: Option<String>,
    },
    /// The execution has run longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// The execution was stopped by [`Execution::abort`].
    Aborted {
        /// The error name given to `abort`, if any.
        error: Option<String>,
        /// The cause given to `abort`, if any.
        cause: Option<String>,
    },
}

/// A transition in progress. It adds its events and effects to `turn`.
struct Work<'e, 'm> {
    execution: &'e mut Execution,
    machine: &'m Machine,
    now: Timestamp,
    turn: Turn,
    /// Whether an event could not be recorded because the history is full.
    full: bool,
}

impl Execution {
    /// Starts an execution and records its first event. Continue with [`Execution::step`] or
    /// [`Execution::advance`].
    #[must_use]
    pub fn start(machine: &Machine, start: Start, now: Timestamp) -> (Self, Turn) {
        let Start { input, identity, entropy } = start;
        let mut execution = Self {
            identity,
            started: now,
            expires: machine.timeout_seconds.map(|seconds| lane::after(now, seconds)),
            status: Status::Running,
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            next_lane: 0,
            next_task: 1,
            events: 0,
            entropy,
            input,
            probe: None,
            trail: None,
        };
        let role = execution.identity.role_arn.as_deref();
        let details = history::execution_started(&execution.input, role);
        let start_at = machine.flows[0].start_at.clone();
        let lane = Lane::new(0, start_at, execution.input.clone(), now);
        let mut work = execution.work(machine, now);
        work.note(0, "ExecutionStarted", details);
        work.spawn(lane);
        let turn = work.turn;
        (execution, turn)
    }

    /// From now on, records the states that are entered and the transitions that are made.
    pub(crate) fn keep_trail(&mut self) {
        self.trail = Some(Trail::default());
    }

    /// Returns the states entered and the transitions made since [`Self::keep_trail`].
    pub(crate) fn into_trail(self) -> Trail {
        self.trail.unwrap_or_default()
    }

    /// Makes one transition; returns `None` if no transition is possible now.
    pub fn step(&mut self, machine: &Machine, now: Timestamp) -> Option<Turn> {
        if self.status != Status::Running {
            return None;
        }
        let due = |time: Option<Timestamp>| time.is_some_and(|time| time <= now);
        let (expired, wakes) = (due(self.expires), due(self.wakes_at()));
        let mut work = self.work(machine, now);
        if expired {
            work.time_out();
        } else if let Some(id) = work.execution.ready.pop_front() {
            work.transition(id);
        } else if wakes {
            work.wake();
        } else {
            return None;
        }
        Some(work.done())
    }

    /// Makes every transition that is possible now.
    pub fn advance(&mut self, machine: &Machine, now: Timestamp) -> Turn {
        let mut all = Turn::default();
        while let Some(turn) = self.step(machine, now) {
            all.events.extend(turn.events);
            all.effects.extend(turn.effects);
        }
        all
    }

    /// Returns the time at which to call [`Execution::advance`] again if no answer comes earlier.
    /// `None` if the execution has ended, or waits only for answers that have no timeout.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        if self.status != Status::Running {
            return None;
        }
        self.lanes.values().filter_map(Lane::wakes_at).chain(self.expires).min()
    }

    /// Whether [`Execution::step`] has a transition to make, whatever the time is.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == Status::Running && !self.ready.is_empty()
    }

    /// Stops the execution. A finished execution stays as it is.
    pub fn abort(&mut self, machine: &Machine, now: Timestamp, reason: &Failure) -> Turn {
        let running = self.status == Status::Running;
        let mut work = self.work(machine, now);
        if running {
            let (error, cause) = (reason.error.clone(), reason.cause.clone());
            let key = "executionAbortedEventDetails";
            let details = history::failed(key, error.as_deref(), cause.as_deref());
            work.note(0, "ExecutionAborted", details);
            work.finish(Status::Aborted { error, cause });
        }
        work.turn
    }

    /// Whether the execution is running, or how it has ended.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The names and ARNs that were given at the start.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The names of the current states: that of the top level, then those of the running branches
    /// and iterations. What was started first comes first.
    pub fn current_states(&self) -> impl Iterator<Item = &str> {
        self.lanes.values().map(|lane| lane.state.as_str())
    }

    /// The tasks that wait for an answer: the task's number, the name of its state, and its token
    /// if it has one.
    pub fn waiting_tasks(&self) -> impl Iterator<Item = (TaskId, &str, Option<&str>)> {
        self.lanes.values().filter_map(|lane| match &lane.phase {
            Phase::Task(task) => Some((task.id, lane.state.as_str(), task.token.as_deref())),
            _ => None,
        })
    }

    fn work<'m>(&mut self, machine: &'m Machine, now: Timestamp) -> Work<'_, 'm> {
        Work { execution: self, machine, now, turn: Turn::default(), full: false }
    }
}

impl Work<'_, '_> {
    fn spawn(&mut self, lane: Lane) -> LaneId {
        let id = self.execution.next_lane;
        self.execution.next_lane += 1;
        self.execution.lanes.insert(id, lane);
        self.execution.ready.push_back(id);
        id
    }

    fn finish(&mut self, status: Status) {
        for lane in std::mem::take(&mut self.execution.lanes).values() {
            self.turn.effects.extend(lane.task().map(Effect::StopTask));
        }
        self.execution.ready.clear();
        self.execution.status = status;
    }

    fn done(mut self) -> Turn {
        if self.full && self.execution.status == Status::Running {
            self.history_is_full();
        }
        self.turn
    }
}

//! A running machine as a value: it takes what happened and the time, and answers with what to do.
//!
//! It holds no task, no clock and no randomness, so it can be written down between any two
//! transitions and taken up again by another process.

mod answers;
mod context;
mod distributed;
mod fan;
mod items;
mod lane;
mod probe;
mod record;
mod results;
mod shape;
mod task;
mod transition;
mod trouble;
mod turn;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::history;
use crate::json::Json;
use crate::machine::Machine;
use crate::scope::Entropy;
use crate::way::Trail;
use lane::{Lane, LaneId, Phase};
use probe::Probe;

pub use answers::{Answer, Outcome, Refusal, TaskRef};
pub use probe::{Inspected, StateTest, Tested};
pub use turn::{Effect, TaskId, TaskRequest, Turn};

/// How an execution starts.
#[derive(Debug, Clone)]
pub struct Start {
    /// The input of the execution.
    pub input: Json,
    /// What the context object and the history tell of it.
    pub identity: Identity,
    /// Where task tokens, UUIDs and jitter come from.
    pub entropy: Entropy,
}

/// Names, as the context object tells them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `$$.Execution.Id`
    pub execution_arn: String,
    /// `$$.Execution.Name`
    pub execution_name: String,
    /// `$$.StateMachine.Id`
    pub machine_arn: String,
    /// `$$.StateMachine.Name`
    pub machine_name: String,
    /// `$$.Execution.RoleArn`
    pub role_arn: Option<String>,
}

impl Identity {
    /// ARNs made of a machine's and an execution's name, in a region and an account of no one.
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
    /// Set where one state is tried alone.
    #[serde(skip)]
    probe: Option<Box<Probe>>,
    /// What has been come through, where somebody wants to know it.
    #[serde(skip)]
    trail: Option<Trail>,
}

/// How far an execution is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum Status {
    /// It goes on, now or when something happens.
    Running,
    /// It has ended with an output.
    Succeeded {
        /// The output of the last state.
        output: Json,
    },
    /// It has ended with an error.
    Failed {
        /// The error name, unless a Fail state gave none.
        error: Option<String>,
        /// The text for people, if there is one.
        cause: Option<String>,
    },
    /// It has run longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// Someone stopped it.
    Aborted {
        /// The error name given for it.
        error: Option<String>,
        /// The reason given for it.
        cause: Option<String>,
    },
}

/// A transition at work on an execution.
struct Work<'e, 'm> {
    execution: &'e mut Execution,
    machine: &'m Machine,
    now: Timestamp,
    turn: Turn,
    /// Set when the history is full.
    full: bool,
}

impl Execution {
    /// Starts an execution. Nothing but the first event comes of it yet: go on with
    /// [`Execution::step`] or [`Execution::advance`].
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

    /// Keeps the states and ways that are taken from now on.
    pub(crate) fn keep_trail(&mut self) {
        self.trail = Some(Trail::default());
    }

    /// What has been come through since [`Self::keep_trail`].
    pub(crate) fn into_trail(self) -> Trail {
        self.trail.unwrap_or_default()
    }

    /// Makes one transition; none is left when it answers with `None`.
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

    /// When to call [`Execution::advance`] again though nothing happens; none to wait for answers.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        if self.status != Status::Running {
            return None;
        }
        self.lanes.values().filter_map(Lane::wakes_at).chain(self.expires).min()
    }

    /// Whether [`Execution::step`] has something to do now, whatever the time.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == Status::Running && !self.ready.is_empty()
    }

    /// Stops the execution. A finished one stays as it is.
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

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The names given at its start.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The names of the states it is in, in the order in which their branches were opened.
    pub fn current_states(&self) -> impl Iterator<Item = &str> {
        self.lanes.values().map(|lane| lane.state.as_str())
    }

    /// The tasks that wait for an answer, with their token where they have one.
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

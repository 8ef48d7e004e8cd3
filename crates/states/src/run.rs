//! Runs a machine to its end in virtual time: the clock jumps over waits, and tasks are answered by
//! the caller's [`Tasks`].

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::execution::{
    Answer, Effect, Execution, Identity, Outcome, Start, Status, TaskId, TaskRef, TaskRequest,
};
use crate::failure::Failure;
use crate::history::HistoryEvent;
use crate::json::Json;
use crate::machine::{Machine, Pattern};
use crate::scope::Entropy;
use crate::trail::{Trail, Transition};

/// Answers the tasks of a run.
pub trait Tasks {
    /// Answers one call of a task.
    ///
    /// # Errors
    /// When the task cannot be answered. The error text says why, and the run stops.
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String>;
}

/// The answer to the call of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The task's output or error; `None` leaves the task without an answer.
    pub outcome: Option<Result<Json, Failure>>,
    /// How long the task takes, in virtual time.
    pub after: SignedDuration,
    /// For a task that waits for a callback or a job: the response to the call, before the wait. If
    /// absent, the task's output is this response as well.
    pub submitted: Option<Json>,
}

impl Reply {
    pub(crate) fn new(outcome: Option<Result<Json, Failure>>) -> Self {
        Self { outcome, after: SignedDuration::ZERO, submitted: None }
    }

    /// Answers with an output, at once.
    #[must_use]
    pub fn output(output: Json) -> Self {
        Self::new(Some(Ok(output)))
    }

    /// Answers with an error, at once.
    pub fn error(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::new(Some(Err(Failure::new(error, cause))))
    }

    /// Gives no answer, so that the task times out if it has a timeout.
    #[must_use]
    pub fn never() -> Self {
        Self::new(None)
    }

    /// Sets how long the task takes, in virtual time.
    #[must_use]
    pub fn after(self, after: SignedDuration) -> Self {
        Self { after, ..self }
    }
}

/// A finished run of a machine.
#[derive(Debug, Clone)]
pub struct Run {
    /// How the execution ended.
    pub status: Status,
    /// All events of the execution.
    pub history: Vec<HistoryEvent>,
    /// The virtual time at the end.
    pub ended: Timestamp,
    /// The names of the states that were entered, in order. States inside a distributed Map are
    /// included.
    pub entered: Vec<String>,
    /// The transitions made from state to state, in order.
    pub transitions: Vec<Transition>,
}

/// Why a run stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A task could not be answered.
    #[error("the task of state '{state}' cannot be answered: {reason}")]
    Unanswered {
        /// The name of the state that made the call.
        state: String,
        /// The error text of [`Tasks::call`].
        reason: String,
    },
    /// The execution waits only for tasks that never answer and never time out.
    #[error("the run cannot end, because nothing answers the tasks of these states: {}", states.join(", "))]
    Stuck {
        /// The names of the states that wait.
        states: Vec<String>,
    },
}

/// The settings of a run. The same options, input and answers always give the same run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The names and ARNs in the context object.
    pub identity: Identity,
    /// The source of UUIDs, task tokens and the jitter of retries.
    pub entropy: Entropy,
    /// The virtual time at the start.
    pub starts: Timestamp,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            identity: Identity::local("local", "run"),
            entropy: Entropy::from_number(0),
            starts: Timestamp::UNIX_EPOCH,
        }
    }
}

/// Runs a machine to its end.
///
/// # Errors
/// When a task cannot be answered, or when the execution waits for an answer that never comes.
pub fn run(
    machine: &Machine,
    input: Json,
    tasks: &mut dyn Tasks,
    options: RunOptions,
) -> Result<Run, RunError> {
    let RunOptions { identity, entropy, starts } = options;
    let start = Start { input, identity, entropy };
    let (mut execution, turn) = Execution::start(machine, start, starts);
    execution.keep_trail();
    let mut runner = Runner {
        machine,
        execution,
        history: turn.events,
        now: starts,
        at_once: VecDeque::new(),
        later: BTreeMap::new(),
    };
    runner.finish(tasks)?;
    let status = runner.execution.status().clone();
    let (history, ended) = (runner.history, runner.now);
    let Trail { entered, transitions } = runner.execution.into_trail();
    Ok(Run { status, history, ended, entered, transitions })
}

struct Runner<'m> {
    machine: &'m Machine,
    execution: Execution,
    history: Vec<HistoryEvent>,
    now: Timestamp,
    at_once: VecDeque<Answer>,
    /// The answers that are not due yet, ordered by due time, then by task.
    later: BTreeMap<(Timestamp, TaskId), Answer>,
}

impl Runner<'_> {
    fn finish(&mut self, tasks: &mut dyn Tasks) -> Result<(), RunError> {
        loop {
            let turn = self.execution.advance(self.machine, self.now);
            self.history.extend(turn.events);
            for effect in turn.effects {
                if let Effect::StartTask(request) = effect {
                    self.call(&request, tasks)?;
                }
            }
            if *self.execution.status() != Status::Running {
                return Ok(());
            }
            if !self.hand_over() {
                self.sleep()?;
            }
        }
    }

    fn call(&mut self, request: &TaskRequest, tasks: &mut dyn Tasks) -> Result<(), RunError> {
        let task = TaskRef::Id(request.task);
        let reply = tasks
            .call(request)
            .map_err(|reason| RunError::Unanswered { state: request.state.clone(), reason })?;
        if request.resource.is_activity() {
            let outcome = Outcome::Taken { worker: Some("local".to_owned()) };
            self.at_once.push_back(Answer { task: task.clone(), outcome });
        }
        let output = || reply.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok());
        if request.resource.pattern() != Pattern::RequestResponse
            && let Some(response) = reply.submitted.as_ref().or_else(output)
        {
            self.at_once.push_back(Answer::submitted(task.clone(), response.clone()));
        }
        let Some(outcome) = reply.outcome else { return Ok(()) };
        let outcome = match outcome {
            Ok(output) => Outcome::Succeeded(output),
            Err(failure) => Outcome::Failed(failure),
        };
        let answer = Answer { task, outcome };
        if reply.after.is_positive() {
            let time = self.now.checked_add(reply.after).unwrap_or(Timestamp::MAX);
            self.later.insert((time, request.task), answer);
        } else {
            self.at_once.push_back(answer);
        }
        Ok(())
    }

    /// Passes every due answer to the execution. Returns false if no answer is due.
    fn hand_over(&mut self) -> bool {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            self.at_once.push_back(entry.remove());
        }
        let mut any = false;
        while let Some(answer) = self.at_once.pop_front() {
            any = true;
            // An answer that comes too late changes nothing, as in Step Functions.
            if let Ok(turn) = self.execution.answer(self.machine, answer, self.now) {
                self.history.extend(turn.events);
            }
        }
        any
    }

    /// Advances the virtual time to the next answer or the next timer of the execution.
    fn sleep(&mut self) -> Result<(), RunError> {
        let answer = self.later.first_key_value().map(|((time, _), _)| *time);
        let next = self.execution.wakes_at().into_iter().chain(answer).min();
        match next {
            Some(next) => {
                self.now = next.max(self.now);
                Ok(())
            }
            None => {
                let states = self.execution.current_states().map(str::to_owned).collect();
                Err(RunError::Stuck { states })
            }
        }
    }
}

//! Signals to executions: start an execution, complete a task, restart a task's heartbeat timeout.

use std::sync::Arc;

use chorus_kernel::{Failure, Signal, SignalOutcome, Store, with_limits};
use jiff::Timestamp;
use serde_json::Value;
use states::{Answer, Entropy, Execution, Identity, Start, TaskId, TaskRef};

use super::Orchestrator;
use super::advance::took;
use super::run::{self, Run};

/// How many times the engine tries to apply an answer (a task's result or heartbeat) to an
/// execution. Each attempt reads the execution, and then writes it. An attempt fails if the
/// execution is changed between its read and its write.
const ATTEMPTS: usize = 8;

/// The properties of a new execution.
pub(super) struct NewExecution<'a> {
    pub(super) machine: &'a str,
    pub(super) name: &'a str,
    pub(super) input: states::Json,
    /// The `correlation-id` of the event in `input`; for a nested execution, that of its parent.
    pub(super) correlation_id: String,
    pub(super) parent: Option<(String, TaskId)>,
}

impl Orchestrator {
    /// Applies a signal to its execution in `store`.
    ///
    /// # Errors
    /// If the store fails, there is no such machine, or the execution was changed during every
    /// attempt.
    pub(super) async fn signal(
        &self,
        store: &dyn Store,
        signal: &Signal,
    ) -> Result<SignalOutcome, Failure> {
        match signal {
            Signal::Start { machine, name, input } => {
                let correlation_id = about(input).unwrap_or(name).to_owned();
                let input = with_limits(input, self.definitions.limits(machine));
                let input = states::Json::from(input);
                let new = NewExecution { machine, name, input, correlation_id, parent: None };
                self.start(store, new).await
            }
            Signal::Answer { token, output } => {
                let task = TaskRef::Token(token.clone());
                let answer = Answer::succeeded(task, states::Json::from(output.clone()));
                self.answer_token(store, token, &answer).await
            }
            Signal::Heartbeat { token } => {
                let answer = Answer::heartbeat(TaskRef::Token(token.clone()));
                self.answer_token(store, token, &answer).await
            }
        }
    }

    /// Starts an execution, unless an execution of this name exists.
    pub(super) async fn start(
        &self,
        store: &dyn Store,
        new: NewExecution<'_>,
    ) -> Result<SignalOutcome, Failure> {
        let NewExecution { machine: machine_name, name, input, correlation_id, parent } = new;
        let edition = self.definitions.newest(machine_name);
        let machine = self.machine(machine_name, edition)?;
        let now = self.bus.now();
        let identity = Identity::local(machine_name, name);
        let entropy = Entropy::new(self.bus.entropy());
        let (execution, turn) = Execution::start(machine, Start { input, identity, entropy }, now);
        let mut run = Run {
            machine: machine_name.to_owned(),
            edition,
            execution,
            pending: Vec::new(),
            parent,
            parent_task_completed: false,
            correlation_id,
            started: now,
        };
        let mut happened = turn.events;
        took(run.execution.advance(machine, now), &mut happened, &mut run.pending);
        let started = self.save(store, 0, now, &run, &happened).await?;
        // Wake an existing execution, too: an earlier process may have died before advancing it.
        self.bus.wake(name);
        Ok(if started { SignalOutcome::Delivered } else { SignalOutcome::TooLate })
    }

    async fn answer_token(
        &self,
        store: &dyn Store,
        token: &str,
        answer: &Answer,
    ) -> Result<SignalOutcome, Failure> {
        let owner = match self.recent.owner(token) {
            Some(execution) => Some(execution),
            None => run::owner(store, token).await?.map(Arc::from),
        };
        match owner {
            Some(execution) => self.answer(store, &execution, answer).await,
            None => Ok(SignalOutcome::TooLate),
        }
    }

    /// Applies an answer (a task's result or heartbeat) to an execution, and advances the
    /// execution. Then wakes the execution, unless it has ended and no parent waits for it.
    pub(super) async fn answer(
        &self,
        store: &dyn Store,
        execution: &str,
        answer: &Answer,
    ) -> Result<SignalOutcome, Failure> {
        for _ in 0..ATTEMPTS {
            let Some(mut kept) = self.load(store, execution).await? else {
                return Ok(SignalOutcome::TooLate);
            };
            let machine = self.machine(&kept.run.machine, kept.run.edition)?;
            let now: Timestamp = self.bus.now();
            let turn = match kept.run.execution.answer(machine, answer.clone(), now) {
                Ok(turn) => turn,
                Err(refusal) => {
                    tracing::info!(execution, %refusal, "an answer came too late: no task waits for this answer");
                    // An earlier process may have applied the answer, and died before advancing the
                    // execution.
                    self.bus.wake(execution);
                    return Ok(SignalOutcome::TooLate);
                }
            };
            let Run { execution: it, pending, .. } = &mut kept.run;
            let mut happened = Vec::new();
            took(turn, &mut happened, pending);
            took(it.advance(machine, now), &mut happened, pending);
            if self.save(store, kept.version, now, &kept.run, &happened).await? {
                match kept.run.is_over() {
                    true => self.bus.end(execution),
                    false => self.bus.wake(execution),
                }
                return Ok(SignalOutcome::Delivered);
            }
        }
        Err(Failure::later(
            "Contended",
            format!("an answer was not applied: the execution {execution} changed at each attempt"),
        ))
    }

    pub(super) fn machine(&self, name: &str, edition: usize) -> Result<&states::Machine, Failure> {
        let unknown = || Failure::Terminal {
            code: "StateMachineDoesNotExist",
            message: format!("this engine has no state machine {name}"),
        };
        self.definitions.get(name, edition).map(|machine| &**machine).ok_or_else(unknown)
    }
}

/// The `correlation-id` of an event.
fn about(event: &Value) -> Option<&str> {
    event.pointer("/detail/metadata/correlation-id").and_then(Value::as_str)
}

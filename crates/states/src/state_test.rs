//! Tests a single state, as Step Functions' `TestState` does.

use crate::execution::{
    Answer, Effect, Execution, Outcome, StateTest, TaskRef, TaskRequest, TestResult,
};
use crate::failure::Failure;
use crate::json::Json;
use crate::machine::Machine;
use crate::run::Tasks;

/// Why a state could not be tested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// The machine has no state with this name.
    #[error("the machine has no state '{0}'")]
    NoState(String),
    /// A task could not be answered.
    #[error("the task of state '{state}' cannot be answered: {reason}")]
    Unanswered {
        /// The name of the task's state.
        state: String,
        /// The error text of [`Tasks::call`].
        reason: String,
    },
    /// The state waits for an answer, and the test gives none.
    #[error("the state '{0}' waits for an answer, but the test gives none")]
    Stuck(String),
}

impl Machine {
    /// Tests a single state. For a Task, Parallel or Map state, `test` may give the outcome.
    /// Otherwise `tasks` answers the calls of the state and of the states inside it. Waits end at
    /// once.
    ///
    /// # Errors
    /// When the machine has no state with this name, or when the state waits for an answer that
    /// neither the test nor `tasks` gives.
    pub fn test_state(
        &self,
        name: &str,
        test: StateTest,
        tasks: &mut dyn Tasks,
    ) -> Result<TestResult, TestError> {
        let flow = self.flows.iter().position(|flow| flow.states.contains_key(name));
        let flow = flow.ok_or_else(|| TestError::NoState(name.to_owned()))?;
        let stuck = || TestError::Stuck(name.to_owned());
        let (outcome, mut now) = (test.outcome.clone(), test.now);
        let mut execution = Execution::of_state(flow, name, test);
        loop {
            while let Some(turn) = execution.step(self, now) {
                for effect in turn.effects {
                    let Effect::StartTask(call) = effect else { continue };
                    let outcome = match outcome.clone() {
                        Some(outcome) => outcome,
                        None => answer(&call, tasks)?.ok_or_else(stuck)?,
                    };
                    let outcome = outcome.map_or_else(Outcome::Failed, Outcome::Succeeded);
                    let answer = Answer { task: TaskRef::Id(call.task), outcome };
                    execution.answer(self, answer, now).map_err(|_late| stuck())?;
                }
                if let Some(inspected) = execution.inspected() {
                    return Ok(inspected);
                }
            }
            now = execution.wakes_at().ok_or_else(stuck)?;
        }
    }
}

fn answer(
    call: &TaskRequest,
    tasks: &mut dyn Tasks,
) -> Result<Option<Result<Json, Failure>>, TestError> {
    let reply = tasks.call(call);
    let unanswered = |reason| TestError::Unanswered { state: call.state.clone(), reason };
    reply.map(|reply| reply.outcome).map_err(unanswered)
}

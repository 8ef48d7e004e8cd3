//! Tests a single state, as Step Functions' `TestState` does: records the intermediate values of
//! the state's data flow, and how the state ended.

use jiff::Timestamp;
use serde::Serialize;

use super::lane::{Lane, LaneId, Phase};
use super::{Execution, Identity, Status, Work};
use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::machine::FlowId;
use crate::scope::Entropy;

/// The settings of a test of a single state, and the values that the test records.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Probe {
    pub(super) seen: Object,
    /// The context object to use; absent to use the execution's own.
    pub(super) context: Option<Json>,
    /// The failure of the state under test, if a retrier or a catcher matches this failure.
    failure: Option<Failure>,
    /// The number of retries that every retrier counts as used when the state is entered; the same
    /// for all retriers.
    pub(super) retries: u64,
    /// How many iterations of the distributed Map under test count as failed.
    pub(super) failed_iterations: usize,
    /// Whether the execution has gone on from the state under test to another state.
    left: bool,
    /// The result to use instead of running the Parallel or the Map; if absent, the state is run.
    given_outcome: Option<Result<Json, Failure>>,
}

/// The settings for a test of a single state.
#[derive(Debug, Clone)]
pub struct StateTest {
    /// The raw input of the state.
    pub input: Json,
    /// The result to use for the task, the Parallel or the Map. If absent, the task is called, or
    /// the states inside are run.
    pub outcome: Option<Result<Json, Failure>>,
    /// The variables that are set, by their names.
    pub variables: Object,
    /// The whole context object; if absent, that of a local execution.
    pub context: Option<Json>,
    /// The number of retries that every retrier counts as used when the test starts; the same for
    /// all retriers.
    pub retries: u64,
    /// How many iterations of the distributed Map under test count as failed; used only if
    /// `outcome` is given.
    pub failed_iterations: usize,
    /// The time of the test.
    pub now: Timestamp,
}

impl StateTest {
    /// Makes a test that runs the state with this input at the Unix epoch.
    #[must_use]
    pub fn new(input: Json) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let variables = Object::new();
        let (retries, failed_iterations) = (0, 0);
        Self { input, outcome: None, variables, context: None, retries, failed_iterations, now }
    }
}

/// How the test of a state ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TestStatus {
    /// The state ended with an output.
    Succeeded,
    /// The state ended with an error that no retrier and no catcher handles.
    Failed,
    /// The state ended with an error that a retrier handles.
    Retriable,
    /// The state ended with an error that a catcher handles.
    CaughtError,
}

/// The result of a test, in the shape of `TestState`'s response.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// How the state ended.
    pub status: TestStatus,
    /// The state's output; absent if the state failed or will be retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// The error name; absent without an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The cause of the error, for people; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The name of the next state; absent if none follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_state: Option<String>,
    /// The intermediate values of the data flow, under names such as `afterInputPath`.
    pub inspection_data: Object,
}

/// The lane (the sequence of states) to which the state under test belongs.
const LANE: LaneId = 0;

impl Execution {
    pub(crate) fn of_state(flow: FlowId, name: &str, test: StateTest) -> Self {
        let StateTest { input, outcome, variables, context, retries, failed_iterations, now } =
            test;
        let given_outcome = outcome;
        let mut probe =
            Probe { context, given_outcome, retries, failed_iterations, ..Probe::default() };
        probe.seen.insert("input".to_owned(), input.clone());
        if !variables.is_empty() {
            probe.seen.insert("variables".to_owned(), Json::Object(variables.clone()));
        }
        let lane = Lane { variables, ..Lane::new(flow, name.to_owned(), input.clone(), now) };
        Self {
            identity: Identity::local("local", "test"),
            input,
            started: now,
            expires: None,
            status: Status::Running,
            lanes: [(LANE, lane)].into(),
            ready: [LANE].into(),
            next_lane: LANE + 1,
            next_task: 1,
            events: 0,
            entropy: Entropy::from_number(0),
            probe: Some(Box::new(probe)),
            trail: None,
        }
    }

    /// Returns the result of the test once the state has ended or will be retried; `None` before
    /// that.
    pub(crate) fn inspected(&mut self) -> Option<TestResult> {
        let probe = self.probe.as_mut()?;
        let left = match probe.failure {
            Some(_) => TestStatus::CaughtError,
            None => TestStatus::Succeeded,
        };
        let lane = self.lanes.get(&LANE);
        let backs_off =
            lane.is_some_and(|lane| matches!(lane.phase, Phase::Retry | Phase::Backoff(_)));
        let (status, output, next_state) = match (&self.status, lane) {
            (Status::Succeeded { output }, _) => (left, Some(output.clone()), None),
            (Status::Failed { error, cause }, _) => {
                let failure = Failure::new("", "");
                let (error, cause) = (error.clone(), cause.clone());
                probe.failure = Some(Failure { error, cause, ..failure });
                (TestStatus::Failed, None, None)
            }
            (_, Some(lane)) if probe.left => {
                (left, Some(lane.input.clone()), Some(lane.state.clone()))
            }
            _ if backs_off => (TestStatus::Retriable, None, None),
            _ => return None,
        };
        let (error, cause) =
            probe.failure.take().map_or((None, None), |failure| (failure.error, failure.cause));
        let inspection_data = std::mem::take(&mut probe.seen);
        Some(TestResult { status, output, error, cause, next_state, inspection_data })
    }
}

impl Work<'_, '_> {
    /// Records an intermediate value of the state under test.
    pub(super) fn show(&mut self, what: &str, value: &Json) {
        if let Some(probe) = &mut self.execution.probe {
            probe.seen.insert(what.to_owned(), value.clone());
        }
    }

    /// Records which retrier or catcher matches a failure of the state under test.
    pub(super) fn show_error(&mut self, id: LaneId, failure: &Failure, details: Json) {
        if let Some(probe) = self.execution.probe.as_mut().filter(|_| id == LANE) {
            probe.seen.insert("errorDetails".to_owned(), details);
            probe.failure = Some(failure.clone());
        }
    }

    /// Records that the execution has gone on from the state under test to another state. Does
    /// nothing if `id` is not the lane of the state under test.
    pub(super) fn show_left(&mut self, id: LaneId) {
        if let Some(probe) = self.execution.probe.as_mut().filter(|_| id == LANE) {
            probe.left = true;
        }
    }

    /// Returns the result that the test gives for the Parallel or the Map under test. If the test
    /// gives a result, the state is not run.
    pub(super) fn given_outcome(&self, id: LaneId) -> Option<Result<Json, Failure>> {
        self.execution.probe.as_ref().filter(|_| id == LANE)?.given_outcome.clone()
    }
}

//! One state alone, as `TestState` tries it: what its fields made of the input, and what came of it.

use jiff::Timestamp;
use serde::Serialize;

use super::lane::{Lane, LaneId, Phase};
use super::{Execution, Identity, Status, Work};
use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::machine::FlowId;
use crate::scope::Entropy;

/// What is noted while one state is tried.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Probe {
    pub(super) seen: Object,
    /// Stands in for the context object.
    pub(super) context: Option<Json>,
    /// The failure that was retried or caught.
    failure: Option<Failure>,
    /// How often each retrier has been used before.
    pub(super) retries: u64,
    /// How many iterations of a distributed Map have failed.
    pub(super) failed_iterations: usize,
    /// Whether the state has been left for another one.
    left: bool,
    /// What a Parallel or a Map is taken to end with.
    stand_in: Option<Result<Json, Failure>>,
}

/// How one state is to be tried.
#[derive(Debug, Clone)]
pub struct StateTest {
    /// The raw input of the state.
    pub input: Json,
    /// What the task, the Parallel or the Map ends with.
    pub outcome: Option<Result<Json, Failure>>,
    /// The variables that are set, by their names.
    pub variables: Object,
    /// The whole context object; without it, one of a local execution.
    pub context: Option<Json>,
    /// How often each retrier has been used before.
    pub retries: u64,
    /// How many iterations of a distributed Map have failed, where its outcome is given.
    pub failed_iterations: usize,
    /// The time of the test.
    pub now: Timestamp,
}

impl StateTest {
    /// A test with an input, at the beginning of 1970.
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
pub enum Tested {
    /// With an output.
    Succeeded,
    /// With an error that nothing handles.
    Failed,
    /// With an error that a retrier takes up.
    Retriable,
    /// With an error that a catcher takes up.
    CaughtError,
}

/// What came of a state, in the shape of the answer of `TestState`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspected {
    /// How it ended.
    pub status: Tested,
    /// Its output, unless it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// The name of its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The text of its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The state that it goes on to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_state: Option<String>,
    /// What each field made of the input.
    pub inspection_data: Object,
}

/// Where the one state is.
const LANE: LaneId = 0;

impl Execution {
    pub(crate) fn of_state(flow: FlowId, name: &str, test: StateTest) -> Self {
        let StateTest { input, outcome, variables, context, retries, failed_iterations, now } =
            test;
        let stand_in = outcome;
        let mut probe = Probe { context, stand_in, retries, failed_iterations, ..Probe::default() };
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

    /// What came of the state, once it has been left or is to be retried.
    pub(crate) fn inspected(&mut self) -> Option<Inspected> {
        let probe = self.probe.as_mut()?;
        let left = match probe.failure {
            Some(_) => Tested::CaughtError,
            None => Tested::Succeeded,
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
                (Tested::Failed, None, None)
            }
            (_, Some(lane)) if probe.left => {
                (left, Some(lane.input.clone()), Some(lane.state.clone()))
            }
            _ if backs_off => (Tested::Retriable, None, None),
            _ => return None,
        };
        let (error, cause) =
            probe.failure.take().map_or((None, None), |failure| (failure.error, failure.cause));
        let inspection_data = std::mem::take(&mut probe.seen);
        Some(Inspected { status, output, error, cause, next_state, inspection_data })
    }
}

impl Work<'_, '_> {
    /// Notes a value of the state that is tried.
    pub(super) fn show(&mut self, what: &str, value: &Json) {
        if let Some(probe) = &mut self.execution.probe {
            probe.seen.insert(what.to_owned(), value.clone());
        }
    }

    /// Notes which retrier or catcher of the state that is tried takes up a failure.
    pub(super) fn show_error(&mut self, id: LaneId, failure: &Failure, details: Json) {
        if let Some(probe) = self.execution.probe.as_mut().filter(|_| id == LANE) {
            probe.seen.insert("errorDetails".to_owned(), details);
            probe.failure = Some(failure.clone());
        }
    }

    /// Notes that the state that is tried has been left for another one.
    pub(super) fn show_left(&mut self, id: LaneId) {
        if let Some(probe) = self.execution.probe.as_mut().filter(|_| id == LANE) {
            probe.left = true;
        }
    }

    /// What is given for the Parallel or the Map that is tried, so that it is not run.
    pub(super) fn stand_in(&self, id: LaneId) -> Option<Result<Json, Failure>> {
        self.execution.probe.as_ref().filter(|_| id == LANE)?.stand_in.clone()
    }
}

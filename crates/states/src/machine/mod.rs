//! A parsed and checked state machine.

mod choice;
mod distributed;
mod fields;
mod graph;
mod integrations;
mod notes;
mod read;
mod recovery;
mod resource;
mod scopes;
mod states;

use std::str::FromStr;

use indexmap::IndexMap;

use crate::json::Json;
use crate::jsonata::Query;
use crate::path::Path;
use crate::problem::{Problem, Problems, Severity};
use crate::template::{Expression, Template};

pub(crate) use choice::{ChoiceRule, Comparison, Kind as ValueKind, Operand, Relation, Test};
pub(crate) use distributed::{Batcher, Format, Reader, Share, Transformation, Writer};
pub(crate) use graph::targets;
pub(crate) use recovery::{Catcher, Retrier};
pub(crate) use resource::Family;
pub use resource::{Pattern, Resource};

/// The limits of an execution. The defaults are the limits of Step Functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of events in the history of one execution.
    pub events: u64,
    /// The maximum size of a state's input or output in bytes, as compact JSON.
    pub payload: usize,
    /// The maximum number of levels of nesting in a payload.
    pub depth: usize,
    /// How many iterations of an inline Map run at a time if the Map sets no lower number.
    pub concurrency: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 25_000, payload: 256 * 1024, depth: 100, concurrency: 40 }
    }
}

/// The type of a state machine: how long its executions may last, and what its tasks may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workflow {
    /// Executions last up to a year, and each step runs once.
    #[default]
    Standard,
    /// Executions last up to five minutes, and have no callbacks, jobs or activities.
    Express,
}

/// A state machine, ready to run.
#[derive(Debug, Clone)]
pub struct Machine {
    pub(crate) comment: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
    /// First the flow of the top level, then the flows of all branches and item processors.
    pub(crate) flows: Vec<Flow>,
    pub(crate) limits: Limits,
}

/// A set of states, and the state at which it starts: the top level of the machine, a branch of a
/// Parallel, or the processor of a Map.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) start_at: String,
    /// Where the flow is in the definition, such as `/States/All/Branches[0]`; empty for the top
    /// level.
    pub(crate) pointer: String,
    pub(crate) states: IndexMap<String, State>,
}

/// The index of a flow (the top level, a branch or an item processor) in [`Machine::flows`].
pub(crate) type FlowId = usize;

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) kind: Kind,
    pub(crate) comment: Option<String>,
    pub(crate) input_path: Selector,
    pub(crate) output_path: Selector,
    pub(crate) assign: Option<Template>,
    /// The field `Output`, which a state has only if its fields are in JSONata.
    pub(crate) output: Option<Template>,
    /// Whether the state's fields are in JSONata.
    pub(crate) jsonata: bool,
    /// The next state, or the end of the flow. Absent for a Choice, whose rules name the next
    /// state, and for Succeed and Fail, which have no successor.
    pub(crate) next: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    State(String),
    End,
}

/// The value of `InputPath` or `OutputPath`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selector {
    Whole,
    /// The value is `null`, which selects the empty object.
    Nothing,
    Path(Path),
}

/// The value of `ResultPath`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ResultPath {
    Replace,
    /// The value is `null`: the result is discarded, and the input becomes the output.
    Discard,
    Into(Path),
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Pass(Pass),
    Task(Box<Task>),
    Choice(Vec<ChoiceRule>, Option<String>),
    Wait(Wait),
    Succeed,
    Fail { error: Option<Text>, cause: Option<Text> },
    Parallel(CommonFields, Vec<FlowId>),
    Map(CommonFields, Box<Map>),
}

#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) parameters: Option<Template>,
    pub(crate) result: Option<Json>,
    pub(crate) result_path: ResultPath,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    /// Whether the call gets a task token. A call that starts a job gets one only if a field of the
    /// state refers to the token.
    pub(crate) has_token: bool,
    pub(crate) credentials: Option<Template>,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) heartbeat: Option<Seconds>,
    pub(crate) fan: CommonFields,
}

/// The fields that Task, Parallel and Map have in common.
#[derive(Debug, Clone)]
pub(crate) struct CommonFields {
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
}

#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) items: Items,
    pub(crate) item_selector: Option<Template>,
    pub(crate) max_concurrency: Option<Seconds>,
    pub(crate) processor: FlowId,
    pub(crate) distributed: Option<Distributed>,
}

/// How the iterations of a Map are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The iterations run within the execution.
    Inline,
    /// The iterations run as separate executions.
    Distributed,
}

/// The fields that only a distributed Map has.
#[derive(Debug, Clone)]
pub(crate) struct Distributed {
    pub(crate) label: Option<String>,
    pub(crate) reader: Option<Reader>,
    pub(crate) batcher: Option<Batcher>,
    pub(crate) writer: Option<Writer>,
    pub(crate) tolerated_count: Option<Seconds>,
    pub(crate) tolerated_share: Option<Share>,
}

/// Where a Map takes its items from.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    /// The whole input, in JSONPath.
    Input,
    /// The whole input, in JSONata.
    QueryInput,
    Path(Path),
    /// The field `Items`, which a Map has only if its fields are in JSONata.
    Template(Template),
}

/// A number, such as a timeout or a count: stated in the definition, or computed from the input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seconds {
    Fixed(u64),
    Path(Path),
    /// The name of a field, for error messages, and the JSONata expression in that field.
    Query(String, Query),
}

#[derive(Debug, Clone)]
pub(crate) enum Wait {
    Seconds(Seconds),
    Timestamp(jiff::Timestamp),
    TimestampPath(Path),
    TimestampQuery(Query),
}

/// The `Error` or the `Cause` of a Fail state.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Fixed(String),
    Computed(Expression),
    /// The name of a field, for error messages, and the JSONata expression in that field.
    Query(String, Query),
}

impl Machine {
    /// Reads a definition and checks all of it.
    ///
    /// # Errors
    /// When at least one problem is an error. [`Problems`] then includes the warnings, too.
    pub fn parse(definition: &str) -> Result<Self, Problems> {
        let (machine, problems) = Self::check(definition);
        machine.ok_or(Problems(problems))
    }

    /// Reads a definition. Returns the machine and all problems, warnings included.
    ///
    /// The machine is absent when a problem is an error.
    #[must_use]
    pub fn check(definition: &str) -> (Option<Self>, Vec<Problem>) {
        Self::check_as(definition, Workflow::Standard)
    }

    /// Like [`Self::check`], for a machine of the given type.
    #[must_use]
    pub fn check_as(definition: &str, workflow: Workflow) -> (Option<Self>, Vec<Problem>) {
        let (machine, problems) = read::machine(definition, workflow);
        let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
        (machine.filter(|_| !refused), problems)
    }

    /// Replaces the limits of the machine.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The `Comment` of the machine as a whole, if it has one.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Returns the names of all states, nested ones included, with the resource of each Task.
    pub fn states(&self) -> impl Iterator<Item = (&str, Option<&Resource>)> {
        self.flows.iter().flat_map(|flow| &flow.states).map(|(name, state)| match &state.kind {
            Kind::Task(task) => (name.as_str(), Some(&task.resource)),
            _ => (name.as_str(), None),
        })
    }

    pub(crate) fn state(&self, flow: FlowId, name: &str) -> Option<&State> {
        self.flows.get(flow)?.states.get(name)
    }
}

impl FromStr for Machine {
    type Err = Problems;

    fn from_str(definition: &str) -> Result<Self, Problems> {
        Self::parse(definition)
    }
}

impl Kind {
    /// The name of the state's type, as in the definition and the history.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "Pass",
            Self::Task(_) => "Task",
            Self::Choice(..) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail { .. } => "Fail",
            Self::Parallel(..) => "Parallel",
            Self::Map(..) => "Map",
        }
    }

    /// The fields that Task, Parallel and Map have in common; `None` for a state of any other type.
    pub(crate) fn fan(&self) -> Option<&CommonFields> {
        match self {
            Self::Task(task) => Some(&task.fan),
            Self::Parallel(fan, _) | Self::Map(fan, _) => Some(fan),
            _ => None,
        }
    }
}

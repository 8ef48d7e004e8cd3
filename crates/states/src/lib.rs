#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod choice;
mod coverage;
mod document;
mod draw;
mod execution;
mod failure;
mod history;
mod intrinsic;
mod json;
#[cfg_attr(not(feature = "jsonata"), path = "jsonata/absent.rs")]
mod jsonata;
mod machine;
mod mock;
mod path;
mod problem;
mod run;
mod scope;
mod shaping;
mod state_test;
mod template;
mod timestamp;
mod trail;

pub use coverage::Coverage;
pub use draw::{draw_svg, draw_svg_at};
pub use execution::{
    Answer, Effect, Execution, Identity, Outcome, Refusal, Start, StateTest, Status, TaskId,
    TaskRef, TaskRequest, TestResult, TestStatus, Turn,
};
pub use failure::Failure;
pub use history::HistoryEvent;
pub use json::{Json, Object};
pub use machine::{Limits, Machine, Pattern, Resource, Workflow};
pub use mock::{MockError, Mocks};
pub use path::{Path, PathError};
pub use problem::{Code, Problem, Problems, Severity};
pub use run::{Reply, Run, RunError, RunOptions, Tasks, run};
pub use scope::Entropy;
pub use state_test::TestError;
pub use trail::Transition;

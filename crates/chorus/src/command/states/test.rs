//! `chorus states test`: runs one state alone, as TestState does.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use states::{Failure, Json, StateTest, TestStatus};

use super::{Answers, Which, json};
use crate::screen::line;

#[derive(Debug, Args)]
pub(super) struct Test {
    #[command(flatten)]
    which: Which,
    /// The name of the state
    #[arg(long, value_name = "NAME")]
    state: String,
    /// The state's input: JSON, `@FILE`, or `-` (standard input)
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    #[command(flatten)]
    answers: Answers,
    /// The mocked result of the state's task, branches or iterations
    #[arg(long, value_name = "JSON", conflicts_with_all = ["error", "mock"])]
    result: Option<String>,
    /// The error name with which the task, the branches or the iterations fail
    #[arg(long, value_name = "NAME", conflicts_with = "mock")]
    error: Option<String>,
    /// The text of the error
    #[arg(long, value_name = "TEXT", requires = "error")]
    cause: Option<String>,
    /// The values of variables: a JSON object
    #[arg(long, value_name = "JSON")]
    variables: Option<String>,
    /// The whole context object
    #[arg(long, value_name = "JSON")]
    context: Option<String>,
    /// How many times each retrier has been used before
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    retries: u64,
    /// How many iterations of a distributed Map have failed; --result has the other iterations'
    /// results
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    failed_iterations: usize,
    /// The time of the test [default: the beginning of 1970]
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
}

impl Test {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let machine = self.which.read()?;
        let mut test = StateTest::new(json(&self.input, "--input")?);
        test.retries = self.retries;
        test.failed_iterations = self.failed_iterations;
        test.now = self.now.unwrap_or(test.now);
        test.outcome = match (&self.result, &self.error) {
            (Some(result), _) => Some(Ok(json(result, "--result")?)),
            (None, Some(error)) => {
                Some(Err(Failure::new(error, self.cause.as_deref().unwrap_or_default())))
            }
            (None, None) => None,
        };
        if let Some(variables) = &self.variables {
            let Json::Object(members) = json(variables, "--variables")? else {
                bail!("--variables must be a JSON object");
            };
            test.variables = members;
        }
        if let Some(context) = &self.context {
            test.context = Some(json(context, "--context")?);
        }
        let mut mocks = self.answers.read(&machine)?;
        let inspected = machine.test_state(&self.state, test, &mut mocks)?;
        line!("{}", serde_json::to_string_pretty(&inspected)?);
        Ok(match inspected.status {
            TestStatus::Failed => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }
}

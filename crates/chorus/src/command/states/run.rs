//! `chorus states run`: runs an execution in virtual time.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use states::{Identity, RunOptions, Status};

use super::{Answers, Which, json, table};
use crate::screen::{line, note};

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    which: Which,
    /// The execution's input: JSON, `@FILE`, or `-` (standard input)
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    #[command(flatten)]
    answers: Answers,
    /// Print the history's events as JSON instead of the output
    #[arg(long, conflicts_with = "table")]
    history: bool,
    /// Print the history as a table, then the output
    #[arg(long)]
    table: bool,
    /// The name of the execution
    #[arg(long, default_value = "run")]
    name: String,
    /// When the execution starts, such as 2026-11-20T10:47:00Z [default: the beginning of 1970]
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
    /// Print the error of this command as JSON; the execution's output is always JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Run {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let machine = self.which.read()?;
        let mut mocks = self.answers.read(&machine)?;
        let input = json(&self.input, "--input")?;
        let options = RunOptions {
            identity: Identity::local(self.which.machine.as_deref().unwrap_or("local"), &self.name),
            starts: self.now.unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            ..RunOptions::default()
        };
        let run = states::run(&machine, input, &mut mocks, options)?;
        if self.table {
            line!("{}", table::of(&run.history));
        }
        if self.history {
            let printed = serde_json::json!({ "events": run.history });
            line!("{}", serde_json::to_string_pretty(&printed)?);
        }
        let (error, cause) = match run.status {
            Status::Succeeded { output } => {
                if !self.history {
                    line!("{output}");
                }
                return Ok(ExitCode::SUCCESS);
            }
            Status::Failed { error, cause } | Status::Aborted { error, cause } => (error, cause),
            Status::TimedOut => (Some("States.Timeout".to_owned()), None),
            Status::Running => bail!(
                "the execution does not end: a task waits for a response that --mock does not contain"
            ),
        };
        if self.history {
            let shown = error.as_deref().unwrap_or("no error name");
            note!("failed: {shown}: {}", cause.as_deref().unwrap_or_default());
        } else {
            let printed = serde_json::json!({ "error": error, "cause": cause });
            line!("{}", serde_json::to_string(&printed).context("the error cannot be written")?);
        }
        Ok(ExitCode::FAILURE)
    }
}

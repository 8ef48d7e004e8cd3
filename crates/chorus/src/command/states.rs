//! `chorus states`: state machines in Amazon States Language, without AWS.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use states::{Json, Machine, Mocks, RunOptions, Severity, Status, draw_svg};

use crate::screen::{BAD, DIM, GOOD, line, note};

/// Validate, run and draw state machines in Amazon States Language.
#[derive(Debug, Args)]
pub(crate) struct States {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every problem, by state and field; exit 1 if there is an error among them
    Validate {
        /// The state machine
        file: PathBuf,
    },
    /// Run it in virtual time and print its output; exit 1 with error and cause if it fails
    Run {
        /// The state machine
        file: PathBuf,
        /// The execution's input, as JSON
        #[arg(long, value_name = "JSON", default_value = "{}")]
        input: String,
        /// What its tasks answer: a file that maps a state's name to its responses
        #[arg(long, value_name = "FILE")]
        mock: Option<PathBuf>,
        /// Of mocks written for Step Functions Local: which test case
        #[arg(long, value_name = "NAME", requires = "mock")]
        case: Option<String>,
        /// Print the history's events instead of the output
        #[arg(long)]
        history: bool,
    },
    /// Write a picture of it, as SVG
    Draw {
        /// The state machine
        file: PathBuf,
        /// Where to; without, to standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(crate) fn run(states: &States) -> anyhow::Result<ExitCode> {
    match &states.verb {
        Verb::Validate { file } => validate(file),
        Verb::Run { file, input, mock, case, history } => {
            let machine = machine(file)?;
            let mocks = mocks(&machine, mock.as_deref(), case.as_deref())?;
            execute(&machine, input, mocks, *history)
        }
        Verb::Draw { file, output } => draw(file, output.as_deref()),
    }
}

fn validate(file: &Path) -> anyhow::Result<ExitCode> {
    let (machine, problems) = Machine::check(&read(file)?);
    for problem in &problems {
        let colour = if problem.severity == Severity::Error { BAD } else { DIM };
        let told = problem.to_string();
        let (severity, what) = told.split_once(": ").unwrap_or(("", &told));
        line!("{colour}{severity}{colour:#}: {what}");
    }
    let Some(machine) = machine else { return Ok(ExitCode::FAILURE) };
    line!("{GOOD}valid{GOOD:#}: {} states", machine.states().count());
    Ok(ExitCode::SUCCESS)
}

fn mocks(machine: &Machine, file: Option<&Path>, case: Option<&str>) -> anyhow::Result<Mocks> {
    let Some(file) = file else { return Ok(Mocks::default()) };
    let mocks = Mocks::parse_case(&read(file)?, case).context("--mock cannot be read")?;
    let strangers = mocks.strangers(machine);
    if !strangers.is_empty() {
        note!("note: no task of the machine is called {}", strangers.join(", "));
    }
    Ok(mocks)
}

fn execute(
    machine: &Machine,
    input: &str,
    mut mocks: Mocks,
    history: bool,
) -> anyhow::Result<ExitCode> {
    let input: Json = input.parse().context("--input is no JSON")?;
    let run = states::run(machine, input, &mut mocks, RunOptions::default())?;
    if history {
        let told = serde_json::json!({ "events": run.history });
        line!("{}", serde_json::to_string_pretty(&told)?);
    }
    let (error, cause) = match run.status {
        Status::Succeeded { output } => {
            if !history {
                line!("{output}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        Status::Failed { error, cause } | Status::Aborted { error, cause } => (error, cause),
        Status::TimedOut => (Some("States.Timeout".to_owned()), None),
        Status::Running => bail!("the execution waits for something that never comes"),
    };
    if !history {
        line!("{}", serde_json::json!({ "error": error, "cause": cause }));
    }
    Ok(ExitCode::FAILURE)
}

fn draw(file: &Path, output: Option<&Path>) -> anyhow::Result<ExitCode> {
    let picture = draw_svg(&machine(file)?);
    match output {
        Some(path) => std::fs::write(path, picture)
            .with_context(|| format!("{} cannot be written", path.display()))?,
        None => line!("{picture}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn machine(file: &Path) -> anyhow::Result<Machine> {
    Machine::parse(&read(file)?).with_context(|| format!("{} is invalid", file.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

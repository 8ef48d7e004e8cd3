//! The commands of every application that is built with these crates. An application's `main` calls
//! [`run`].

mod demo;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anstream::{eprintln, println};
use anyhow::ensure;
use chorus_design::Finding;
use chorus_http::{ApiInfo, HttpFunction};
use chorus_simulation::{Application, Campaign, Faults, Report, Setting, Simulator};
use chorus_template::{Stack, Template};
use clap::{Parser, Subcommand};

/// How long a command waits for work in flight to finish.
const PATIENCE: Duration = Duration::from_secs(10);

/// The application that the commands run.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The title of the application's API.
    pub title: &'static str,
    /// Returns the application's stack: its design table, functions and template settings.
    pub stack: fn() -> Stack,
    /// The requests that `demo` sends: for each, a method with a path, and a JSON body. The demo
    /// sends each request after all events of the previous request were handled.
    pub demo: &'static [(&'static str, &'static str)],
}

impl Program {
    fn info(&self) -> ApiInfo {
        ApiInfo {
            title: self.title,
            description: "",
            hint: "",
            version: "1",
            pages: None,
            webhooks: &[],
        }
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send the demo's requests to the application in memory, and print the events that follow
    Demo,
    /// Serve the API until Ctrl-C
    Up {
        /// The directory of the application's data; a later `up` with the same directory continues
        /// where this one stopped
        #[arg(long, value_name = "DIR", default_value = ".data")]
        data: PathBuf,
        /// The port on 127.0.0.1
        #[arg(long, default_value_t = 3100)]
        port: u16,
    },
    /// Print the design table
    Design {
        /// Instead, print gaps in the flow of events, and differences between the code and the
        /// table; exit 1 if there are any
        #[arg(long)]
        check: bool,
    },
    /// Print template.yaml
    Synth {
        /// Write template.yaml instead of printing it
        #[arg(long)]
        write: bool,
        /// Check that template.yaml is up to date; exit 1 if not
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
    /// Simulate the application with many seeds, under every kind of fault
    Simulate {
        /// How many runs to make, each with its own seed
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
    },
}

/// Parses the command line, and runs its command on `program`; the command `simulate` simulates the
/// application `A`. Prints errors, and returns the exit code.
#[must_use]
pub fn run<A: Application>(program: &Program) -> ExitCode {
    let arguments = Arguments::parse();
    match run_command::<A>(program, arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command<A: Application>(program: &Program, command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    match command {
        Command::Demo => runtime.block_on(demo::demo(program)),
        Command::Up { data, port } => runtime.block_on(up::up(program, data, port)),
        Command::Design { check } => design(&(program.stack)(), check),
        Command::Synth { write, check } => synth(&(program.stack)(), write, check),
        Command::Simulate { seeds } => {
            let report = simulate::<A>(seeds)?;
            ensure!(
                report.failed == 0,
                "the simulation failed with {} of {seeds} seeds: {:#?}",
                report.failed,
                report.failures
            );
            println!("No violations in {} runs.", report.runs);
            Ok(())
        }
    }
}

/// Finds gaps in an application's flow of events, and differences between its design table and its
/// code or template.
#[must_use]
pub fn findings(stack: &Stack) -> Vec<Finding> {
    of_template(stack, &chorus_template::synthesize(stack))
}

fn of_template(stack: &Stack, template: &Template) -> Vec<Finding> {
    let functions = HttpFunction::split(stack.functions.clone()).0;
    let mut findings = chorus_design::prove(&stack.table, &functions);
    findings.extend(chorus_template::check(&template.document(), stack));
    findings
}

/// Simulates `A` once with each seed below `seeds`. Each run handles four cases, such as orders,
/// and any kind of fault may be injected.
///
/// # Errors
/// If the simulator itself fails.
pub fn simulate<A: Application>(seeds: u64) -> anyhow::Result<Report<A::Ends, A::Story>> {
    let campaign = Campaign::Seeds { seeds: 0..seeds, faults: Faults::all(&[]), size: 4 };
    Ok(Simulator::<A>::new().campaign(&campaign, &Setting::default(), &|_| {})?)
}

/// Returns the application's template. If the checks have findings, returns these as an error.
fn clean(stack: &Stack) -> anyhow::Result<Template> {
    let template = chorus_template::synthesize(stack);
    let findings = of_template(stack, &template);
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    ensure!(findings.is_empty(), "{}", lines.join("\n"));
    Ok(template)
}

fn design(stack: &Stack, check: bool) -> anyhow::Result<()> {
    if check {
        clean(stack)?;
        println!("The flow has no gaps, and the template is clean.");
    } else {
        println!("{}", chorus_design::action_table(stack.table.rows, None));
    }
    Ok(())
}

fn synth(stack: &Stack, write: bool, check: bool) -> anyhow::Result<()> {
    let (text, path) = (clean(stack)?.to_yaml(), stack.root.join("template.yaml"));
    if write {
        std::fs::write(path, text)?;
    } else if check {
        ensure!(
            std::fs::read_to_string(path)? == text,
            "template.yaml is stale: write it with `synth --write`"
        );
        println!("The template is clean.");
    } else {
        println!("{}", text.trim_end());
    }
    Ok(())
}

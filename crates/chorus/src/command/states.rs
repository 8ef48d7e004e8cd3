//! `chorus states`: checks and runs state machines in Amazon States Language, without AWS.

mod coverage;
mod run;
mod source;
mod storage;
mod table;
mod test;
mod validate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use states::{Json, Machine, Mocks, Workflow, draw_svg};

use self::storage::Storage;
use crate::screen::{self, line, note};

/// The exit code if something cannot be read, so that nothing was checked or run.
const UNREADABLE: u8 = 2;

/// Validate, run, test and draw state machines in Amazon States Language.
///
/// A FILE is a definition in JSON or YAML, or a SAM or CloudFormation template whose definitions
/// are in the template or in files that it names; `-` is standard input. Exit codes: 0 when all is
/// well, 1 when a machine is invalid, fails, or is not covered, 2 when something cannot be read.
#[derive(Debug, Args)]
pub(crate) struct States {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every problem, by state and field. Exit 1 if a problem is an error, 2 if a file cannot
    /// be read
    Validate(validate::Validate),
    /// Run the machine in virtual time and print its output. Exit 1, with error and cause, if the
    /// execution fails, 2 if the machine cannot be run
    Run(run::Run),
    /// Run one state alone, and print the response that TestState gives. Exit 1 if the state fails,
    /// 2 if it cannot be run
    Test(test::Test),
    /// Run a folder of mocks, and report which states and transitions they cover. Exit 1 if a state
    /// or a transition is not covered, 2 if a run is not possible
    Coverage(coverage::Coverage),
    /// Draw the machine as SVG. Exit 2 if there is no machine to draw
    Draw {
        #[command(flatten)]
        which: Which,
        /// The file to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Selects one machine.
#[derive(Debug, Args)]
struct Which {
    /// The state machine, or a template with it; `-` is standard input
    file: PathBuf,
    /// The machine's logical id, if a template has several machines
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// The type of the machine [default: the template's, or else standard]
    #[arg(long = "type", value_name = "TYPE")]
    workflow: Option<Type>,
}

/// What a run uses in place of AWS: mocked task results, and a folder instead of S3.
#[derive(Debug, Args)]
struct Answers {
    /// Mocked task results: a file that maps a state's name to its responses
    #[arg(long, value_name = "FILE")]
    mock: Option<PathBuf>,
    /// The test case to run, if the mocks are written for Step Functions Local
    #[arg(long, value_name = "NAME", requires = "mock")]
    case: Option<String>,
    /// A folder that replaces S3, for distributed Maps: FOLDER/BUCKET/KEY
    #[arg(long, value_name = "FOLDER")]
    s3: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Type {
    Standard,
    Express,
}

impl From<Type> for Workflow {
    fn from(given: Type) -> Self {
        match given {
            Type::Standard => Self::Standard,
            Type::Express => Self::Express,
        }
    }
}

pub(crate) fn run(states: &States) -> anyhow::Result<ExitCode> {
    let (ran, json) = match &states.verb {
        Verb::Validate(validate) => (validate.run(), validate.json),
        Verb::Run(run) => (run.run(), run.json),
        Verb::Test(test) => (test.run(), true),
        Verb::Coverage(coverage) => (coverage.run(), coverage.json),
        Verb::Draw { which, output } => (draw(which, output.as_deref()), false),
    };
    // Exit code 1 says that a machine has a fault. If the command itself fails, the code is 2.
    ran.or_else(|error| {
        if json {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            line!("{}", serde_json::json!({ "error": causes[0], "because": causes[1..] }));
        } else {
            screen::error(&error);
        }
        Ok(ExitCode::from(UNREADABLE))
    })
}

impl Which {
    fn read(&self) -> anyhow::Result<Machine> {
        let definition = source::definition(&self.file, self.machine.as_deref())?;
        for assumed in &definition.assumed {
            note!("note: {}: {assumed}", definition.name);
        }
        definition.machine(self.workflow.map(Workflow::from))
    }
}

impl Answers {
    fn read(&self, machine: &Machine) -> anyhow::Result<Storage> {
        let folder = self.s3.clone();
        let Some(file) = &self.mock else {
            return Ok(Storage { mocks: Mocks::default(), folder });
        };
        let mocks = Mocks::parse_case(&source::read(file)?, self.case.as_deref())
            .context("--mock cannot be read")?;
        let unknown_names = mocks.unknown_names(machine);
        if !unknown_names.is_empty() {
            note!(
                "note: --mock has results for {}, but no task of the machine has such a name",
                unknown_names.join(", ")
            );
        }
        Ok(Storage { mocks, folder })
    }
}

/// Reads JSON that is given as text, as `-` for standard input, or as `@FILE`.
fn json(given: &str, option: &str) -> anyhow::Result<Json> {
    let text = match given.strip_prefix('@') {
        Some(file) => source::read(Path::new(file))?,
        None if given == "-" => source::read(Path::new("-"))?,
        None => given.to_owned(),
    };
    text.parse().with_context(|| format!("{option} is not JSON"))
}

fn draw(which: &Which, output: Option<&Path>) -> anyhow::Result<ExitCode> {
    let picture = draw_svg(&which.read()?);
    match output {
        Some(path) => std::fs::write(path, picture)
            .with_context(|| format!("{} cannot be written", path.display()))?,
        None => line!("{picture}"),
    }
    Ok(ExitCode::SUCCESS)
}

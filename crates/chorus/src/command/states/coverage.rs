//! `chorus states coverage`: reports which states and transitions a folder of mocks covers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use states::{Json, Machine, Mocks, RunOptions};

use super::storage::Storage;
use super::{Which, json as given, source};
use crate::screen::{BAD, DIM, GOOD, line};

#[derive(Debug, Args)]
pub(super) struct Coverage {
    #[command(flatten)]
    which: Which,
    /// A folder of mocks. Each file is one run; in a file for Step Functions Local, each test case
    /// is one run. The input for `NAME.json` is in `NAME.input.json`
    #[arg(long, value_name = "FOLDER")]
    mocks: PathBuf,
    /// The input of the runs that have no `NAME.input.json`: JSON, `@FILE`, or `-` (standard input)
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// A folder that replaces S3, for distributed Maps: FOLDER/BUCKET/KEY
    #[arg(long, value_name = "FOLDER")]
    s3: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The mocks and the input of one execution.
struct Case {
    name: String,
    mocks: Mocks,
    input: Json,
}

impl Coverage {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let machine = self.which.read()?;
        let mut coverage = states::Coverage::new(&machine);
        let input = given(&self.input, "--input")?;
        let cases = cases(&self.mocks, &input)?;
        if cases.is_empty() {
            bail!("{} has no .json file with mocks", self.mocks.display());
        }
        for case in cases {
            let mut tasks = Storage { mocks: case.mocks, folder: self.s3.clone() };
            let run = states::run(&machine, case.input, &mut tasks, RunOptions::default());
            coverage.add(&run.with_context(|| {
                format!("the execution of the case {} does not end", case.name)
            })?);
        }
        if self.json {
            let states: serde_json::Map<_, _> =
                coverage.states().map(|(name, times)| (name.to_owned(), times.into())).collect();
            let transitions: Vec<_> = coverage
                .transitions()
                .map(|(it, times)| {
                    json!({"from": it.from, "field": it.field, "to": it.to, "times": times})
                })
                .collect();
            let printed = json!({ "states": states, "transitions": transitions });
            line!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            print_text(&coverage, &machine);
        }
        Ok(if coverage.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn print_text(coverage: &states::Coverage, machine: &Machine) {
    let counted = |times: usize| {
        let colour = if times == 0 { BAD } else { DIM };
        format!("{colour}{times:>4} x{colour:#}")
    };
    for (name, times) in coverage.states() {
        line!("{} {name}", counted(times));
        for (transition, times) in coverage.transitions().filter(|(it, _)| it.from == name) {
            let to = transition.to.as_deref().unwrap_or("(end)");
            line!("     {} {} → {to}", counted(times), transition.field);
        }
    }
    let states = coverage.states().filter(|(_, times)| *times > 0).count();
    let transitions = coverage.transitions().filter(|(_, times)| *times > 0).count();
    let colour = if coverage.is_whole() { GOOD } else { BAD };
    let (all_states, all_transitions) = (machine.states().count(), coverage.transitions().count());
    line!(
        "{colour}{states} of {all_states} states, {transitions} of {all_transitions} transitions{colour:#}"
    );
}

fn cases(folder: &Path, input: &Json) -> anyhow::Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be read", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.ends_with(".json") && !name.ends_with(".input.json")) {
            files.push(path);
        }
    }
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = source::read(&file)?;
        let own = file.with_extension("input.json");
        let input = match own.exists() {
            true => given(&format!("@{}", own.display()), "the input")?,
            false => input.clone(),
        };
        let unreadable = || format!("{} cannot be read", file.display());
        for case in Mocks::cases(&text).with_context(unreadable)? {
            let mocks = Mocks::parse_case(&text, case.as_deref()).with_context(unreadable)?;
            let name = match &case {
                Some(case) => format!("{}: {case}", file.display()),
                None => file.display().to_string(),
            };
            cases.push(Case { name, mocks, input: input.clone() });
        }
    }
    Ok(cases)
}

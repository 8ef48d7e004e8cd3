//! `chorus states validate`: every problem of every machine, as text or as the service tells it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use states::{Machine, Problem, Severity, Workflow};

use super::{Type, source};
use crate::screen::{BAD, BOLD, DIM, GOOD, line, note};

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// State machines, and templates with machines
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The type of the machines; without, the template's, or standard
    #[arg(long = "type", value_name = "TYPE")]
    workflow: Option<Type>,
    /// Print JSON: of each machine what ValidateStateMachineDefinition answers
    #[arg(long)]
    pub(super) json: bool,
}

impl Validate {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut definitions = Vec::new();
        for file in &self.files {
            definitions.extend(source::definitions(file)?);
        }
        let several = definitions.len() > 1;
        let (mut all_valid, mut told) = (true, Vec::new());
        for definition in &definitions {
            let workflow = self.workflow.map(Workflow::from).or(definition.workflow);
            let (machine, problems) =
                Machine::check_as(&definition.text, workflow.unwrap_or_default());
            all_valid &= machine.is_some();
            if self.json {
                let result = if machine.is_some() { "OK" } else { "FAIL" };
                let name = &definition.name;
                told.push(json!({ "machine": name, "result": result, "diagnostics": problems,
                    "truncated": false }));
                continue;
            }
            for assumed in &definition.assumed {
                note!("note: {}: {assumed}", definition.name);
            }
            if several {
                line!("{BOLD}{}{BOLD:#}", definition.name);
            }
            tell(machine.as_ref(), &problems);
        }
        if self.json {
            line!("{}", serde_json::to_string_pretty(&told)?);
        }
        Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell(machine: Option<&Machine>, problems: &[Problem]) {
    for problem in problems {
        let colour = if problem.severity == Severity::Error { BAD } else { DIM };
        let told = problem.to_string();
        let (severity, what) = told.split_once(": ").unwrap_or(("", &told));
        line!("{colour}{severity}{colour:#}: {what}");
    }
    if let Some(machine) = machine {
        line!("{GOOD}valid{GOOD:#}: {} states", machine.states().count());
    }
}

//! `chorus states validate`: lists the problems of every state machine, as text, or as the JSON
//! that ValidateStateMachineDefinition returns.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use states::{Machine, Problem, Severity, Workflow};

use super::source::UnreadableDefinition;
use super::{Type, UNREADABLE, source};
use crate::screen::{BAD, BOLD, DIM, GOOD, line, note};

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// State machines, and templates with machines; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The workflow type [default: the template's, or else standard]
    #[arg(long = "type", value_name = "TYPE")]
    workflow: Option<Type>,
    /// Print JSON: for each machine, the response that ValidateStateMachineDefinition gives
    #[arg(long)]
    pub(super) json: bool,
}

impl Validate {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut definitions = Vec::new();
        for file in &self.files {
            match source::definitions(file) {
                Ok(found) => definitions.extend(found),
                // One unreadable file does not prevent the check of the other files.
                Err(error) if self.files.len() > 1 => {
                    definitions.push(source::Definition::unreadable(file, error));
                }
                Err(error) => return Err(error),
            }
        }
        let several = definitions.len() > 1;
        let (mut checked, mut unread) = (0, false);
        let (mut all_valid, mut printed) = (true, Vec::new());
        for definition in &definitions {
            let name = &definition.name;
            let text = match &definition.text {
                Ok(text) => text,
                Err(why) => {
                    unread |= matches!(why, UnreadableDefinition::Failed(_));
                    let why = report_unreadable(name, why, self.json);
                    printed.push(json!({ "machine": name, "result": null, "because": why }));
                    continue;
                }
            };
            checked += 1;
            let workflow = self.workflow.map(Workflow::from).or(definition.workflow);
            let (machine, problems) = Machine::check_as(text, workflow.unwrap_or_default());
            all_valid &= machine.is_some();
            if self.json {
                let result = if machine.is_some() { "OK" } else { "FAIL" };
                printed.push(json!({ "machine": name, "result": result, "diagnostics": problems,
                    "truncated": false }));
                continue;
            }
            for assumed in &definition.assumed {
                note!("note: {name}: {assumed}");
            }
            if several {
                line!("{BOLD}{name}{BOLD:#}");
            }
            print_text(machine.as_ref(), &problems);
        }
        if self.json {
            line!("{}", serde_json::to_string_pretty(&printed)?);
        }
        Ok(match all_valid {
            false => ExitCode::FAILURE,
            true if unread || checked == 0 => ExitCode::from(UNREADABLE),
            true => ExitCode::SUCCESS,
        })
    }
}

/// Reports why a state machine cannot be checked. The other machines are checked nevertheless.
fn report_unreadable(name: &str, why: &UnreadableDefinition, json: bool) -> Vec<String> {
    let causes = match why {
        UnreadableDefinition::Elsewhere(uri) => {
            vec![format!("its definition is at {uri}; download that file, and check it")]
        }
        UnreadableDefinition::Failed(error) => error.chain().map(ToString::to_string).collect(),
    };
    if !json {
        note!("note: {name} is not checked: {}", causes.join(": "));
    }
    causes
}

fn print_text(machine: Option<&Machine>, problems: &[Problem]) {
    for problem in problems {
        let colour = if problem.severity == Severity::Error { BAD } else { DIM };
        let text = problem.to_string();
        let (severity, what) = text.split_once(": ").unwrap_or(("", &text));
        line!("{colour}{severity}{colour:#}: {what}");
    }
    if let Some(machine) = machine {
        let count = machine.states().count();
        line!("{GOOD}valid{GOOD:#}: {count} state{}", if count == 1 { "" } else { "s" });
    }
}

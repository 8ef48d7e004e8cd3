//! `chorus design`: prints the design table, checks the flow of events for gaps, and writes the
//! files that are derived from the table.

use std::path::PathBuf;
use std::process::ExitCode;

use chorus_design::{Finding, PUBLISHED, action_table, event_table};
use chorus_events::table::TABLE;
use chorus_infra::{prove_contract, prove_design, publish_contract, write_design};
use clap::Args;
use serde_json::json;

use crate::screen::{self, BAD, BOLD, GOOD, line};

/// Print the design table, or prove that its flow of events has no gaps
///
/// There is one row for each action, and one for each event.
#[derive(Debug, Args)]
pub(crate) struct Design {
    /// Prove that the flow of events has no gaps and that the services implement the table; if not,
    /// name the row and exit 1
    #[arg(long)]
    check: bool,
    /// Write the files that derive from the table, if the check finds no problem: schemas, samples,
    /// docs/DESIGN-TABLE.md, docs/events/ and docs/asyncapi.json
    #[arg(long)]
    write: bool,
    /// Compare the events' schemas with the published ones: can old consumers read new events, and
    /// new consumers old events? If a change breaks rows, name the rows and exit 1
    #[arg(long, conflicts_with_all = ["check", "write", "publish"])]
    compat: bool,
    /// Compare with the schemas in this folder, or with the schemas of this commit
    #[arg(long, value_name = "DIR|COMMIT", requires = "compat")]
    against: Option<String>,
    /// If the events' schemas are compatible with the published ones, publish them, as a release
    /// does
    #[arg(long, conflicts_with_all = ["check", "write"])]
    publish: bool,
    /// The root of the repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(design: &Design) -> anyhow::Result<ExitCode> {
    match design {
        Design { check: true, .. } => prove(design),
        Design { write: true, .. } => write(design),
        Design { compat: true, .. } => compare(design),
        Design { publish: true, .. } => publish(design),
        _ => print(design),
    }
}

fn print(design: &Design) -> anyhow::Result<ExitCode> {
    if design.json {
        let names = |events: &[chorus_table::EventSpec]| {
            events.iter().map(|event| event.detail_type).collect::<Vec<_>>()
        };
        let rows = TABLE.rows.iter().map(|row| {
            json!({
                "action": row.action, "service": row.service.title, "meaning": row.meaning,
                "api": names(row.api), "on": names(row.on), "emits": names(row.emits),
                "task-of": row.task_of, "tasks": names(row.tasks),
                "starts-machine": row.starts_machine,
                "when": row.when.map(chorus_table::Content::pattern), "dead-letters-of": row.dead_letters_of,
                "gives-up-to": row.gives_up_to,
            })
        });
        line!("{}", serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
        return Ok(ExitCode::SUCCESS);
    }
    line!("{BOLD}Actions{BOLD:#}\n{}\n", action_table(TABLE.rows, screen::width()));
    line!("{BOLD}Events{BOLD:#}\n{}", event_table(TABLE.rows, screen::width()));
    Ok(ExitCode::SUCCESS)
}

fn prove(design: &Design) -> anyhow::Result<ExitCode> {
    let findings = prove_design();
    if design.json {
        line!("{}", serde_json::to_string_pretty(&findings)?);
    } else if findings.is_empty() {
        let (rows, events) = (TABLE.rows.len(), TABLE.messages().len());
        line!("{GOOD}The flow has no gaps{GOOD:#}: {rows} rows, {events} messages.");
    } else {
        for finding in &findings {
            line!("{BAD}{}{BAD:#}: {}. {}.", finding.subject, finding.problem, finding.remedy);
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(design: &Design) -> anyhow::Result<ExitCode> {
    let written = write_design(&design.root)?;
    line!("{written} files written.");
    Ok(ExitCode::SUCCESS)
}

fn compare(design: &Design) -> anyhow::Result<ExitCode> {
    let published = design.root.join(PUBLISHED).display().to_string();
    let against = design.against.as_deref().unwrap_or(&published);
    let found = prove_contract(&design.root, Some(against))?;
    let code = if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if design.json {
        line!("{}", serde_json::to_string_pretty(&found)?);
    } else if found.is_empty() {
        line!("{GOOD}Compatible{GOOD:#} with {against}, in both directions.");
    } else {
        for Finding { subject, problem, remedy } in found.into_iter().map(Finding::from) {
            line!("{BAD}{subject}{BAD:#}: {problem}. {remedy}.");
        }
    }
    Ok(code)
}

fn publish(design: &Design) -> anyhow::Result<ExitCode> {
    let new = publish_contract(&design.root)?;
    line!("{new} new schemas published.");
    Ok(ExitCode::SUCCESS)
}

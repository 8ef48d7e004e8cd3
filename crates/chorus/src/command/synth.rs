//! `chorus synth`: the stack, from the design table.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chorus_infra::shop;
use chorus_template::{check, synthesize};
use clap::Args;

use crate::screen::{BAD, GOOD, line};

/// Print template.yaml (SAM), as the design table, the services' tables and their routes have it.
#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Check what no linter sees, and that template.yaml is what this prints; exit 1 if not
    #[arg(long)]
    check: bool,
    /// Write template.yaml
    #[arg(long)]
    write: bool,
    /// Where the repository is
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Print the findings as JSON
    #[arg(long, requires = "check")]
    json: bool,
}

pub(crate) fn run(synth: &Synth) -> anyhow::Result<ExitCode> {
    let stack = shop(&synth.root);
    let template = synthesize(&stack);
    let (text, path) = (template.to_yaml(), synth.root.join("template.yaml"));
    if synth.write {
        std::fs::write(&path, text)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        line!("{} written.", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    if !synth.check {
        line!("{}", text.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let findings = check(&template.document(), &stack);
    let committed = std::fs::read_to_string(&path).unwrap_or_default() == text;
    if synth.json {
        line!("{}", serde_json::to_string_pretty(&findings)?);
    }
    for finding in findings.iter().filter(|_| !synth.json) {
        line!("{BAD}{finding}{BAD:#}");
    }
    if !committed {
        line!("{BAD}template.yaml is stale{BAD:#}: run `chorus synth --write`.");
    }
    let clean = findings.is_empty() && committed;
    if clean && !synth.json {
        line!("{GOOD}The template is clean{GOOD:#}, and template.yaml is what the table says.");
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

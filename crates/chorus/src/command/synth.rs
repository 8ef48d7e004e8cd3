//! `chorus synth`: prints, checks or writes the stack's template, which derives from the design
//! table.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use chorus_design::{Finding, GeneratedFile};
use chorus_infra::{printed, prove_template, shop, write_template};
use chorus_template::{import, synthesize};
use clap::Args;

use crate::screen::{BAD, GOOD, line};

/// Print or check template.yaml, the stack that derives from the design table
///
/// Print template.yaml (SAM), which derives from the design table, and from the DynamoDB tables and
/// the routes of the services.
#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Check the template by rules that no linter has, and that template.yaml is up to date; exit 1
    /// if not
    #[arg(long)]
    check: bool,
    /// Write template.yaml, if the checks find no problem
    #[arg(long)]
    write: bool,
    /// The root of the repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// Print the findings as JSON
    #[arg(long, requires = "check")]
    json: bool,
    /// Print a change set that imports the remaining resources of a deleted stack into a new stack
    ///
    /// FILE is the output of `aws cloudformation list-stack-resources` for the deleted stack. The
    /// change set is the input of `aws cloudformation create-change-set --cli-input-json`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "write"])]
    import: Option<PathBuf>,
}

pub(crate) fn run(synth: &Synth) -> anyhow::Result<ExitCode> {
    let path = synth.root.join("template.yaml");
    if synth.write {
        write_template(&synth.root)?;
        line!("{} written.", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let template = synthesize(&shop(&synth.root));
    if let Some(listed) = &synth.import {
        let listed = std::fs::read_to_string(listed)
            .with_context(|| format!("{} cannot be read", listed.display()))?;
        line!("{}", serde_json::to_string_pretty(&import(&template.document(), &listed)?)?);
        return Ok(ExitCode::SUCCESS);
    }
    if !synth.check {
        line!("{}", template.to_yaml().trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let mut findings = prove_template(&synth.root);
    let printed = printed(&synth.root)?.into_iter();
    let is_stale = |file: &GeneratedFile| {
        let committed = std::fs::read_to_string(synth.root.join(&file.path));
        committed.unwrap_or_default() != file.content
    };
    let stale = printed.filter(is_stale);
    findings.extend(
        stale.map(|file| Finding::new(file.path, "is stale", "Run `chorus synth --write`")),
    );
    if synth.json {
        line!("{}", serde_json::to_string_pretty(&findings)?);
    }
    for finding in findings.iter().filter(|_| !synth.json) {
        line!("{BAD}{finding}{BAD:#}");
    }
    let clean = findings.is_empty();
    if clean && !synth.json {
        line!("{GOOD}The template is clean{GOOD:#}, and template.yaml is up to date.");
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

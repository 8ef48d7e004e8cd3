//! `chorus pattern`: event patterns, tried before they are deployed.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use event_pattern::{Pattern as EventPattern, conformance};

use crate::screen::{self, BAD, GOOD, line};

/// What a run ends with where the pattern, or the event, is invalid.
const INVALID: u8 = 2;

/// Try event patterns exactly as EventBridge matches them.
#[derive(Debug, Args)]
pub(crate) struct Pattern {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Does the event match? Exit 0 if it does, 1 if not, 2 if the pattern is invalid
    Test {
        /// A file with the pattern
        #[arg(long, value_name = "FILE")]
        pattern: PathBuf,
        /// A file with the event
        #[arg(long, value_name = "FILE")]
        event: PathBuf,
        /// For machines: the explanation as JSON
        #[arg(long)]
        json: bool,
    },
    /// Run cases: lines of {"name", "pattern", "event", "expected": true | false | "invalid"}
    Check {
        /// A file of JSON lines
        #[arg(long, value_name = "FILE")]
        cases: PathBuf,
    },
}

pub(crate) fn run(pattern: &Pattern) -> anyhow::Result<ExitCode> {
    match &pattern.verb {
        Verb::Test { pattern, event, json } => test(pattern, event, *json),
        Verb::Check { cases } => check(cases),
    }
}

fn test(pattern: &Path, event: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (source, event) = (read(pattern)?, read(event)?);
    let explained = EventPattern::parse(&source)
        .map_err(anyhow::Error::from)
        .context("the pattern is invalid")
        .and_then(|pattern| pattern.explain(&event).context("the event cannot be read"));
    let explanation = match explained {
        Ok(explanation) => explanation,
        Err(error) => {
            screen::error(&error);
            return Ok(ExitCode::from(INVALID));
        }
    };
    if json {
        line!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        let (colour, verdict) =
            if explanation.matched { (GOOD, "match") } else { (BAD, "no match") };
        line!("{colour}{verdict}{colour:#}\n{explanation}");
    }
    Ok(if explanation.matched { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(cases: &Path) -> anyhow::Result<ExitCode> {
    let unreadable = || format!("{} cannot be read", cases.display());
    let file = File::open(cases).with_context(unreadable)?;
    let report = conformance::run(BufReader::new(file)).with_context(unreadable)?;
    line!("{report}");
    Ok(if report.disagreements.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

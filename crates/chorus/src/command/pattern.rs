//! `chorus pattern`: event patterns, tried before they are deployed.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use event_pattern::{Pattern as EventPattern, conformance};

use crate::screen::{self, BAD, GOOD, line};

/// What a run ends with where the pattern, or the event, is invalid or cannot be read.
const INVALID: u8 = 2;

/// Try event patterns exactly as EventBridge matches them.
#[derive(Debug, Args)]
pub(crate) struct Pattern {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Does the event match? Exit 0 if it does, 1 if not, 2 if one of them is invalid
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
    let ran = match &pattern.verb {
        Verb::Test { pattern, event, json } => test(pattern, event, *json),
        Verb::Check { cases } => check(cases),
    };
    // 1 says that there is no match, or a disagreement: nothing else may end with it.
    ran.or_else(|error| {
        screen::error(&error);
        Ok(ExitCode::from(INVALID))
    })
}

fn test(pattern: &Path, event: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let (source, event) = (read(pattern)?, read(event)?);
    let pattern = EventPattern::parse(&source).context("the pattern is invalid")?;
    let explanation = pattern.explain(&event).context("the event cannot be read")?;
    if json {
        line!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        let colour = if explanation.matched { GOOD } else { BAD };
        let told = explanation.to_string();
        let (verdict, fields) = told.split_once('\n').unwrap_or((&told, ""));
        line!("{colour}{verdict}{colour:#}\n{fields}");
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

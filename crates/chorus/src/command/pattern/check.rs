//! `chorus pattern check`: evaluates recorded cases, and compares the verdicts with the expected
//! verdicts.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use event_pattern::conformance;
use serde_json::json;

use super::{answer, source};
use crate::screen::line;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// A file with one case on each line, as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    cases: String,
    /// Print the disagreements (cases with an unexpected verdict), or the error, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let cases = source::bytes(&self.cases)?;
        let unreadable = || format!("{} cannot be read", self.cases);
        let report = conformance::run(&*cases).with_context(unreadable)?;
        if self.json {
            let disagreements = report.disagreements.iter().map(|one| {
                let expected = one.expected.map(|expected| expected.to_string());
                let found = one.found.to_string();
                json!({ "line": one.line, "name": one.name, "expected": expected, "found": found })
            });
            let disagreements: Vec<_> = disagreements.collect();
            let report = json!({ "cases": report.cases, "disagreements": disagreements });
            line!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            line!("{report}");
        }
        Ok(answer(report.disagreements.is_empty()))
    }
}

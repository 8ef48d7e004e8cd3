//! `chorus pattern`: tests event patterns before they are deployed.

mod check;
mod compare;
mod lint;
mod rules;
mod source;
mod test;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use event_pattern::PatternError;
use serde_json::{Value, json};

use crate::screen::{self, line};

/// The exit code if an argument is invalid or cannot be read.
const INVALID: u8 = 2;

/// Try event patterns exactly as EventBridge matches them.
///
/// One of the files may be `-`: standard input. Exit codes: 0 for yes, such as a match, 1 for no, 2
/// if an argument or a file is invalid or cannot be read. With --json, errors are JSON, too, on
/// standard output.
#[derive(Debug, Args)]
pub(crate) struct Pattern {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Test whether a pattern matches an event. Exit 0 if it does, 1 if not, 2 if the pattern or
    /// the event is invalid
    Test(test::Test),
    /// Print which rules of a SAM or CloudFormation template match an event, why the others do not,
    /// and the input that each target gets. Exit 0 if some rule matches, 1 if none does, 2 if the
    /// template or the event is invalid
    Rules(rules::Rules),
    /// Find errors and probable mistakes in a pattern, or in the patterns of a template.
    /// Exit 0 if nothing was found, 1 if something was found, 2 if the file cannot be read
    Lint(lint::Lint),
    /// Find which events two patterns share, with example events as proof. Exit 0 if the patterns
    /// match the same events, 1 if they do not or this cannot be decided, 2 if a pattern is invalid
    Compare(compare::Compare),
    /// Run cases: lines of {"name", "pattern", "event", "expected": true | false | "invalid"}. Exit
    /// 0 if all verdicts are as expected, 1 if not, 2 if the cases cannot be read
    Check(check::Check),
}

pub(crate) fn run(pattern: &Pattern) -> anyhow::Result<ExitCode> {
    let (ran, as_json) = match &pattern.verb {
        Verb::Test(test) => (test.run(), test.json),
        Verb::Rules(rules) => (rules.run(), rules.json),
        Verb::Lint(lint) => (lint.run(), lint.json),
        Verb::Compare(compare) => (compare.run(), compare.json),
        Verb::Check(check) => (check.run(), check.json),
    };
    // Exit code 1 means "no", so an error must exit with another code.
    ran.or_else(|error| {
        if as_json {
            line!("{}", serde_json::to_string_pretty(&as_value(&error))?);
        } else {
            screen::error(&error);
        }
        Ok(ExitCode::from(INVALID))
    })
}

/// Returns exit code 0 for yes, and 1 for no.
fn answer(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns an error as JSON: what failed, and why. If a pattern is invalid, the JSON also contains
/// the position of the fault, and a remedy.
fn as_value(error: &anyhow::Error) -> Value {
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    let mut printed = json!({ "message": error.to_string(), "causes": causes });
    if let Some(refusal) = error.chain().find_map(|cause| cause.downcast_ref::<PatternError>()) {
        printed["path"] = json!(refusal.path);
        printed["offset"] = json!(refusal.offset);
        printed["reason"] = json!(refusal.fault.to_string());
        printed["remedy"] = json!(refusal.remedy());
    }
    if let Some(at) = error.chain().find_map(|cause| cause.downcast_ref::<source::At>()) {
        printed["line"] = json!(at.position.line);
        printed["column"] = json!(at.position.column);
    }
    json!({ "error": printed })
}

//! Checks this crate against recorded verdicts: one JSON object per line with `name`, `pattern`,
//! `event` and `expected`, which is `true`, `false`, or `"invalid"` for a pattern that is refused.

use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{EventError, Limits, Pattern, PatternError};

/// A case for which this crate does not give the recorded verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// The number of the case's line, counted from 1.
    pub line: usize,
    /// The name of the case, or the whole line if it is malformed.
    pub name: String,
    /// The recorded verdict; absent if the line is malformed.
    pub expected: Option<Verdict>,
    /// The result of this crate.
    pub found: Finding,
}

/// A recorded verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The pattern matches.
    Match,
    /// The pattern does not match.
    NoMatch,
    /// The pattern is refused.
    Invalid,
}

/// The result of this crate for a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A verdict on the event.
    Verdict(Verdict),
    /// The pattern is refused, for this reason.
    Refused(PatternError),
    /// The event cannot be read.
    Unreadable(EventError),
    /// The line is malformed, for this reason.
    Malformed(String),
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// The number of cases, malformed lines included.
    pub cases: usize,
    /// The cases whose result differs from the recorded verdict, in the order of their lines.
    pub disagreements: Vec<Disagreement>,
}

#[derive(Deserialize)]
struct Case<'a> {
    #[serde(default)]
    name: String,
    // The pattern and the event are kept as text, because the spelling of a number can matter.
    #[serde(borrow)]
    pattern: &'a RawValue,
    #[serde(borrow)]
    event: &'a RawValue,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Matches(bool),
    Other(String),
}

/// Runs the cases of `lines` within the limits of EventBridge. Empty lines are skipped.
///
/// # Errors
/// Fails if `lines` cannot be read; a malformed line is a disagreement.
pub fn run(lines: impl BufRead) -> std::io::Result<Report> {
    run_within(lines, &Limits::default())
}

/// Runs the cases of `lines` within `limits`.
///
/// # Errors
/// Fails as [`run`] does.
pub fn run_within(lines: impl BufRead, limits: &Limits) -> std::io::Result<Report> {
    let mut report = Report::default();
    for (index, line) in lines.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        report.cases += 1;
        if let Some((name, expected, found)) = disagreement(&line, limits) {
            report.disagreements.push(Disagreement { line: index + 1, name, expected, found });
        }
    }
    Ok(report)
}

fn disagreement(line: &str, limits: &Limits) -> Option<(String, Option<Verdict>, Finding)> {
    let malformed = |reason: String| Some((line.to_owned(), None, Finding::Malformed(reason)));
    let case: Case<'_> = match serde_json::from_str(line) {
        Ok(case) => case,
        Err(error) => return malformed(error.to_string()),
    };
    let expected = match case.expected {
        Expected::Matches(true) => Verdict::Match,
        Expected::Matches(false) => Verdict::NoMatch,
        Expected::Other(word) if word == "invalid" => Verdict::Invalid,
        Expected::Other(word) => {
            return malformed(format!(
                "`expected` must be true, false or \"invalid\", not {word:?}"
            ));
        }
    };
    let found = finding(case.pattern.get(), case.event.get(), limits);
    let agrees = match &found {
        Finding::Verdict(verdict) => *verdict == expected,
        Finding::Refused(_) => expected == Verdict::Invalid,
        Finding::Unreadable(_) | Finding::Malformed(_) => false,
    };
    (!agrees).then_some((case.name, Some(expected), found))
}

fn finding(pattern: &str, event: &str, limits: &Limits) -> Finding {
    let pattern = match Pattern::parse_within(pattern, limits) {
        Ok(pattern) => pattern,
        Err(refusal) => return Finding::Refused(refusal),
    };
    match pattern.matches(event) {
        Ok(true) => Finding::Verdict(Verdict::Match),
        Ok(false) => Finding::Verdict(Verdict::NoMatch),
        Err(error) => Finding::Unreadable(error),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Match => "true",
            Self::NoMatch => "false",
            Self::Invalid => "invalid",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(formatter, "{verdict}"),
            Self::Refused(refusal) => write!(formatter, "invalid ({refusal})"),
            Self::Unreadable(error) => write!(formatter, "unreadable ({error})"),
            Self::Malformed(reason) => write!(formatter, "a malformed case ({reason})"),
        }
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, name, expected, found } = self;
        match expected {
            Some(expected) => {
                write!(formatter, "{line}: {name}: expected {expected}, found {found}")
            }
            None => write!(formatter, "{line}: {name}: found {found}"),
        }
    }
}

impl fmt::Display for Report {
    /// Writes each disagreement on a line, and the totals on a last line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for disagreement in &self.disagreements {
            writeln!(formatter, "{disagreement}")?;
        }
        write!(formatter, "{} cases, {} disagreements", self.cases, self.disagreements.len())
    }
}

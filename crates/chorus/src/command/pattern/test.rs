//! `chorus pattern test`: evaluates one pattern for one event.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::{answer, source};
use crate::screen::{BAD, DIM, GOOD, line};

#[derive(Debug, Args)]
pub(super) struct Test {
    /// A file with the pattern, or `template.yaml#LogicalId` of a rule; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pattern: String,
    /// A file with the event; `-` is standard input
    #[arg(long, value_name = "FILE")]
    event: String,
    /// Refuse an event that lacks a field of the envelope, such as `source` or `detail-type`, as
    /// EventBridge's TestEventPattern does
    #[arg(long)]
    envelope: bool,
    /// Print the explanation, or the error, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Test {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        source::once(&[&self.pattern, &self.event])?;
        let text = source::pattern_text(&self.pattern)?;
        let pattern = source::pattern("the pattern", &text)?;
        let explanation = source::explain(&pattern, &source::bytes(&self.event)?)?;
        let warnings = event_pattern::lint(&text);
        let lacks = explanation.lacks.join(", ");
        if self.envelope && !lacks.is_empty() {
            bail!(
                "the event lacks {lacks}, so EventBridge's TestEventPattern refuses it: \
                 `Parameter Event is not valid.`"
            );
        }
        if self.json {
            let mut printed = serde_json::to_value(&explanation)?;
            printed["warnings"] = serde_json::to_value(&warnings)?;
            line!("{}", serde_json::to_string_pretty(&printed)?);
            return Ok(answer(explanation.matched));
        }
        let colour = if explanation.matched { GOOD } else { BAD };
        let text = explanation.to_string();
        let (verdict, fields) = text.split_once('\n').unwrap_or((&text, ""));
        line!("{colour}{verdict}{colour:#}\n{fields}");
        for warning in warnings {
            line!("{DIM}warning: {warning}{DIM:#}");
        }
        if !lacks.is_empty() {
            line!("{DIM}TestEventPattern would refuse this event: it lacks {lacks}{DIM:#}");
        }
        Ok(answer(explanation.matched))
    }
}

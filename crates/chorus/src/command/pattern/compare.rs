//! `chorus pattern compare`: finds which events two patterns share.

use std::process::ExitCode;

use clap::Args;
use event_pattern::{Compared, Events, Relation};
use serde_json::{Value, json};

use super::{answer, source};
use crate::screen::{BOLD, DIM, line};

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// A file with a pattern, or `template.yaml#LogicalId` of a rule; `-` is standard input
    #[arg(value_name = "A")]
    first: String,
    /// The other pattern: a file, or `template.yaml#LogicalId` of a rule; `-` is standard input
    #[arg(value_name = "B")]
    second: String,
    /// Print the patterns' relation and the example events, or the error, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Compare {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        source::once(&[&self.first, &self.second])?;
        let first = source::pattern(&self.first, &source::pattern_text(&self.first)?)?;
        let second = source::pattern(&self.second, &source::pattern_text(&self.second)?)?;
        let any = first.compare(&second, Events::Any);
        let delivered = first.compare(&second, Events::Delivered);
        if self.json {
            let mut printed = as_value(&any)?;
            printed["delivered"] = as_value(&delivered)?;
            line!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            self.print_text(&any, &delivered);
        }
        Ok(answer(any.relation == Relation::Equal))
    }

    fn print_text(&self, any: &Compared, delivered: &Compared) {
        line!("{BOLD}{}{BOLD:#}", self.sentence(any.relation));
        let (first, second) = (&self.first, &self.second);
        for (event, who) in [
            (&any.both, "both match".to_owned()),
            (&any.only_first, format!("only {first} matches")),
            (&any.only_second, format!("only {second} matches")),
        ] {
            if let Some(event) = event {
                line!("  {who}: {event}");
            }
        }
        if delivered.relation != any.relation {
            let sentence = self.sentence(delivered.relation);
            line!(
                "{DIM}Among the events that EventBridge delivers, in which `source`, `detail-type`, \
                 `account`, `region`, `time`, `id` and `version` are one string each: {sentence}{DIM:#}"
            );
        }
    }

    fn sentence(&self, relation: Relation) -> String {
        let (first, second) = (&self.first, &self.second);
        match relation {
            Relation::Equal => "equal: both match the same events".to_owned(),
            Relation::Disjoint => "disjoint: no event matches both".to_owned(),
            Relation::Within => {
                format!("contained: {second} matches every event that {first} matches, and more")
            }
            Relation::Contains => {
                format!("contained: {first} matches every event that {second} matches, and more")
            }
            Relation::Overlapping => {
                "overlapping: each matches some events that the other does not match".to_owned()
            }
            Relation::Undecided => {
                "undecided: neither a proof nor an event that only one matches was found".to_owned()
            }
        }
    }
}

/// Returns the relation and the example events as JSON. Parses the text of each event.
fn as_value(compared: &Compared) -> anyhow::Result<Value> {
    let event = |event: &Option<String>| -> anyhow::Result<Value> {
        Ok(match event {
            Some(event) => serde_json::from_str(event)?,
            None => Value::Null,
        })
    };
    Ok(json!({
        "relation": compared.relation,
        "both": event(&compared.both)?,
        "only-first": event(&compared.only_first)?,
        "only-second": event(&compared.only_second)?,
    }))
}

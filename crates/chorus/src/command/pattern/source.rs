//! Reads what an argument names: a file, standard input, or a rule of a template.

use std::io::Read;

use anyhow::{Context, bail};
use cloudformation_template::{Resolver, Rule, Template, event_rules};
use event_pattern::{EventError, Explanation, Pattern, Position};

use crate::screen::note;

/// An error in a pattern or an event, with the position of the error.
#[derive(Debug, thiserror::Error)]
#[error("{name} is invalid at {position}")]
pub(super) struct At {
    pub(super) name: String,
    pub(super) position: Position,
    #[source]
    cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Returns the content of a file, or of standard input for `-`.
pub(super) fn bytes(path: &str) -> anyhow::Result<Vec<u8>> {
    if path == "-" {
        let mut read = Vec::new();
        std::io::stdin().read_to_end(&mut read).context("standard input cannot be read")?;
        return Ok(read);
    }
    std::fs::read(path).with_context(|| format!("{path} cannot be read"))
}

pub(super) fn text(path: &str) -> anyhow::Result<String> {
    String::from_utf8(bytes(path)?).with_context(|| format!("{path} is not UTF-8"))
}

/// Refuses to read standard input for two arguments.
pub(super) fn once(paths: &[&str]) -> anyhow::Result<()> {
    if paths.iter().filter(|path| **path == "-").count() > 1 {
        bail!("standard input (`-`) can be given only once: name a file for the other argument");
    }
    Ok(())
}

/// Parses a pattern; an error contains the line and the column.
pub(super) fn pattern(name: &str, source: &str) -> anyhow::Result<Pattern> {
    Pattern::parse(source).map_err(|cause| {
        let position = cause.position(source);
        At { name: name.to_owned(), position, cause: cause.into() }.into()
    })
}

/// Explains a pattern's verdict; the error for an event that is not JSON contains the line and the
/// column.
pub(super) fn explain(pattern: &Pattern, event: &[u8]) -> anyhow::Result<Explanation> {
    pattern.explain(event).map_err(|cause| match (&cause, std::str::from_utf8(event)) {
        (EventError::NotJson(fault), Ok(text)) => {
            let position = Position::of(text, fault.offset);
            At { name: "the event".to_owned(), position, cause: cause.into() }.into()
        }
        _ => anyhow::Error::new(cause).context("the event cannot be matched"),
    })
}

/// Returns the text of a pattern: the content of a file, or the pattern of the rule that is named
/// as `template.yaml#LogicalId`.
pub(super) fn pattern_text(named: &str) -> anyhow::Result<String> {
    let Some((path, id)) = named.rsplit_once('#').filter(|_| !std::path::Path::new(named).exists())
    else {
        return text(named);
    };
    let template = template(path)?;
    let rules = event_rules(&Resolver::new(&template));
    let Some(rule) = rules.into_iter().find(|rule| rule.id == id) else {
        bail!("{path} has no rule {id}");
    };
    rule.pattern.with_context(|| format!("the rule {id} of {path} has no event pattern"))
}

pub(super) fn template(path: &str) -> anyhow::Result<Template> {
    let text = text(path)?;
    let template = Template::parse(&text).with_context(|| format!("{path} is not a template"))?;
    note_loops(&template);
    Ok(template)
}

/// Prints a note for each `Fn::ForEach` loop that could not be expanded. The rules in these loops
/// are skipped.
pub(super) fn note_loops(template: &Template) {
    let ids = template.resources().map(|resource| resource.id);
    for id in ids.filter(|id| id.starts_with("Fn::ForEach::")) {
        note!(
            "note: the rules in the loop {id} are skipped: the loop's list is not in the template, \
             or is too large"
        );
    }
}

/// Returns a rule's logical id for the output, with its bus and, if known, its line.
pub(super) fn title(rule: &Rule) -> String {
    match rule.location {
        Some(place) => format!("{} (on {}, line {})", rule.id, rule.bus, place.line),
        None => format!("{} (on {})", rule.id, rule.bus),
    }
}

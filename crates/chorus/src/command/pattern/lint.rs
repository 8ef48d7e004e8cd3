//! `chorus pattern lint`: finds what is wrong or suspicious in patterns.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use cloudformation_template::{Resolver, Rule, Template, event_rules};
use event_pattern::{Events, Finding, Pattern, Relation, Severity};
use serde_json::{Value, json};

use super::{answer, source};
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

#[derive(Debug, Args)]
pub(super) struct Lint {
    /// A file with a pattern, or with a SAM or CloudFormation template; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: String,
    /// Print the findings, or the error, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// The findings about one pattern.
struct Linted {
    /// The title of the pattern's rule, if the pattern is in a template.
    title: Option<String>,
    pointer: Option<String>,
    line: Option<usize>,
    findings: Vec<Finding>,
    /// Descriptions of the other rules that match every event that this rule matches, and send the
    /// event to a target of this rule.
    shadows: Vec<String>,
}

impl Lint {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = source::text(&self.file)?;
        let linted = match template(&self.file, &text)? {
            Some(template) => rules(&template),
            None => vec![Linted {
                title: None,
                pointer: None,
                line: None,
                findings: event_pattern::lint(&text),
                shadows: Vec::new(),
            }],
        };
        if self.json {
            let printed: Vec<Value> = linted.iter().map(Linted::as_value).collect();
            line!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            linted.iter().for_each(Linted::print_text);
        }
        let found: usize = linted.iter().map(|one| one.findings.len() + one.shadows.len()).sum();
        if !self.json {
            let colour = if found == 0 { GOOD } else { BOLD };
            let patterns = counted(linted.len(), "pattern");
            line!("{colour}{patterns}, {}{colour:#}", counted(found, "finding"));
        }
        Ok(answer(found == 0))
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Parses a text as a template. Returns `None` for JSON that is not a template, because it may be a
/// pattern. A text that does not begin as JSON must be a template.
fn template(name: &str, text: &str) -> anyhow::Result<Option<Template>> {
    let may_be_pattern = text.trim_start().starts_with(['{', '[']) || text.trim().is_empty();
    match Template::parse(text) {
        Ok(template) if template.value()["Resources"].is_object() => {
            source::note_loops(&template);
            Ok(Some(template))
        }
        Ok(_) | Err(_) if may_be_pattern => Ok(None),
        Ok(_) => {
            bail!("{name} must be a pattern in JSON, or a template with Resources")
        }
        Err(error) => Err(error).with_context(|| format!("{name} is not a template")),
    }
}

fn rules(template: &Template) -> Vec<Linted> {
    let rules: Vec<Rule> = event_rules(&Resolver::new(template));
    let rules: Vec<Rule> = rules.into_iter().filter(|rule| rule.pattern.is_some()).collect();
    let linted = rules.iter().map(|rule| Linted {
        title: Some(source::title(rule)),
        pointer: Some(rule.pointer.clone()),
        line: rule.location.map(|place| place.line),
        findings: event_pattern::lint(rule.pattern.as_deref().unwrap_or_default()),
        shadows: shadows(rule, &rules),
    });
    linted.collect()
}

/// Returns the other rules on the bus of `rule` that match every event that `rule` matches, and
/// send the event to a target of `rule`.
fn shadows(rule: &Rule, all: &[Rule]) -> Vec<String> {
    let parsed = |rule: &Rule| Pattern::parse(rule.pattern.as_deref().unwrap_or_default()).ok();
    let Some(pattern) = parsed(rule) else { return Vec::new() };
    let shared = |other: &&Rule| {
        let same = |arn: &str| other.targets.iter().any(|target| target.arn == arn);
        let is_other = other.id != rule.id && other.bus == rule.bus && other.active;
        is_other && rule.targets.iter().any(|target| same(&target.arn))
    };
    let shadowing = all.iter().filter(shared).filter_map(|other| {
        match pattern.compare(&parsed(other)?, Events::Delivered).relation {
            Relation::Equal => {
                Some(format!("{} sends the same events to the same target", other.id))
            }
            Relation::Within => {
                Some(format!("{} sends these events, and more, to the same target", other.id))
            }
            _ => None,
        }
    });
    shadowing.collect()
}

impl Linted {
    fn print_text(&self) {
        if self.findings.is_empty() && self.shadows.is_empty() {
            return;
        }
        if let Some(title) = &self.title {
            line!("{BOLD}{title}{BOLD:#}");
        }
        for finding in &self.findings {
            let colour = if finding.severity == Severity::Error { BAD } else { DIM };
            let code = serde_json::to_value(finding.code).unwrap_or_default();
            let code = code.as_str().unwrap_or_default();
            // In a template, the position is left out, because it is relative to the pattern, not
            // to the template.
            let text = match self.title {
                Some(_) => without_position(finding),
                None => finding.to_string(),
            };
            line!("  {colour}{code}{colour:#} {text}");
        }
        for shadow in &self.shadows {
            line!("  {DIM}shadowed{DIM:#} {shadow}");
        }
    }

    fn as_value(&self) -> Value {
        json!({
            "rule": self.title,
            "pointer": self.pointer,
            "line": self.line,
            "findings": self.findings,
            "shadowed-by": self.shadows,
        })
    }
}

fn without_position(finding: &Finding) -> String {
    let text = format!("{}: {}", finding.place, finding.message);
    match &finding.remedy {
        Some(remedy) => format!("{text}; {remedy}"),
        None => text,
    }
}

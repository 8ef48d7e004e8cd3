//! Checks that every pattern is valid, names sources and detail types of the table, and can match
//! an event of the table.

use std::collections::BTreeSet;

use chorus_table::{Category, EventSpec, Owner, RowSpec, Sender};
use event_pattern::Pattern;
use serde_json::Value;

use super::view::{View, texts};
use crate::{Finding, Stack};

const SAMPLE_ACCOUNT: &str = "123456789012";

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let rules = view.rules().into_iter().map(|rule| (rule.id, rule.pattern));
    let archives = view.of_kind("AWS::Events::Archive");
    let archives = archives.map(|(id, archive)| (id.to_owned(), &archive["EventPattern"]));
    let known_events = known_events(view.stack);
    let patterns = rules.chain(archives).filter(|(_, pattern)| !pattern.is_null());
    patterns.flat_map(|(id, pattern)| one(view, &id, pattern, &known_events)).collect()
}

/// Every event that the table's rows consume or emit, and every command that a partner's account
/// sends.
fn known_events(stack: &Stack) -> Vec<EventSpec> {
    let rows = stack.table.rows.iter();
    let events = rows.clone().flat_map(|row| row.on.iter().chain(row.emits)).copied();
    events.chain(rows.flat_map(sent)).collect()
}

/// The commands that a partner's account sends to a row. Their source is the partner's source.
fn sent(row: &RowSpec) -> Vec<EventSpec> {
    let commands = |sender: Sender| {
        let owner = Owner::Partner(sender.partner);
        row.api.iter().map(move |command| EventSpec { owner, ..*command })
    };
    row.commands_from.into_iter().flat_map(commands).collect()
}

fn one(view: View<'_>, id: &str, pattern: &Value, known_events: &[EventSpec]) -> Vec<Finding> {
    let parsed = match Pattern::parse(deployed(pattern).to_string()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let problem = format!("has a pattern that EventBridge refuses: {error}");
            let remedy = error.remedy().unwrap_or("correct the pattern in the table's `when`");
            return vec![Finding::new(id, problem, sentence(remedy))];
        }
    };
    let sources: BTreeSet<&str> = known_events.iter().map(|event| event.owner.source()).collect();
    let detail_types: BTreeSet<&str> = known_events.iter().map(|event| event.detail_type).collect();
    let mut findings = Vec::new();
    for source in texts(&pattern["source"]).filter(|source| !sources.contains(source)) {
        let problem = format!(
            "matches events of {source}, which is not a service or partner of the design table"
        );
        findings.push(Finding::new(id, problem, "Name the source of a service or a partner"));
    }
    for name in texts(&pattern["detail-type"]).filter(|name| !detail_types.contains(name)) {
        let problem = format!("matches {name}, which is not an event of the design table");
        findings.push(Finding::new(id, problem, nearest(name, &detail_types)));
    }
    if findings.is_empty() && !view.samples.iter().any(|sample| matches(&parsed, sample)) {
        let problem = "has a pattern that matches no event of the design table";
        let remedy =
            "Compare the pattern with events/samples; `chorus design --check` names the field";
        findings.push(Finding::new(id, problem, remedy));
    }
    findings
}

/// Replaces each `Ref` in a pattern by [`SAMPLE_ACCOUNT`]. A `Ref` to the home region, in a
/// template for two regions, may be replaced by any text, because the samples have no home region.
fn deployed(pattern: &Value) -> Value {
    match pattern {
        Value::Object(fields) if fields.contains_key("Ref") => SAMPLE_ACCOUNT.into(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), deployed(value))).collect()
        }
        Value::Array(values) => values.iter().map(deployed).collect(),
        scalar => scalar.clone(),
    }
}

/// The samples of all events and commands in [`known_events`], as the bus delivers them.
pub(super) fn samples(stack: &Stack) -> Vec<Value> {
    let known_events = known_events(stack);
    let mut samples = Vec::new();
    for message in stack.table.messages() {
        // On the bus, the source of a command is the source of the partner that sends the command.
        let same = |spec: &&EventSpec| match message.spec.category() {
            Category::Command => spec.detail_type == message.spec.detail_type,
            _ => **spec == message.spec,
        };
        let Some(spec) = known_events.iter().find(same) else { continue };
        for mut sample in message.samples().unwrap_or_default() {
            sample["source"] = spec.owner.source().into();
            samples.push(sample);
        }
    }
    samples
}

/// The samples that a pattern matches.
pub(super) fn matched<'a>(view: View<'a>, pattern: &Value) -> Vec<&'a Value> {
    let Ok(pattern) = Pattern::parse(deployed(pattern).to_string()) else { return Vec::new() };
    view.samples.iter().filter(|sample| matches(&pattern, sample)).collect()
}

fn matches(pattern: &Pattern, sample: &Value) -> bool {
    pattern.matches(sample.to_string().as_bytes()).is_ok_and(|matched| matched)
}

/// Suggests the known name whose beginning and end have the most letters in common with `name`.
fn nearest(name: &str, known: &BTreeSet<&str>) -> String {
    let shared = |other: &str| {
        let front = name.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        let back = name.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).count();
        front + back
    };
    match known.iter().max_by_key(|other| shared(other)) {
        Some(other) => format!("Perhaps {other} is meant"),
        None => "Add the event to the table".to_owned(),
    }
}

fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}

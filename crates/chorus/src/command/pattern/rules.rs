//! `chorus pattern rules`: evaluates the rules of a template for one event.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use cloudformation_template::{Resolver, Rule, Target, TargetInput, event_rules};
use event_pattern::{Explanation, RuleContext, Transformer, part_of};
use serde_json::{Value, json};

use super::{answer, source};
use crate::screen::{BAD, BOLD, DIM, GOOD, line};

#[derive(Debug, Args)]
pub(super) struct Rules {
    /// A SAM or CloudFormation template, YAML or JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    template: String,
    /// A file with the event; `-` is standard input
    #[arg(long, value_name = "FILE")]
    event: String,
    /// The value of a parameter, or of a pseudo parameter such as AWS::Region; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Only the rules on this bus
    #[arg(long, value_name = "NAME")]
    bus: Option<String>,
    /// Print the rules, or the error, as JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

struct CheckedRule {
    rule: Rule,
    verdict: Verdict,
}

enum Verdict {
    Scheduled,
    /// EventBridge refuses the pattern, for this reason.
    Refused(String),
    Explained(Box<Explanation>),
}

impl Rules {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        source::once(&[&self.template, &self.event])?;
        let template = source::template(&self.template)?;
        let event = source::bytes(&self.event)?;
        let value: Value = serde_json::from_slice(&event).context("the event is not valid JSON")?;
        let mut resolver = Resolver::new(&template);
        for (name, value) in &self.parameters {
            resolver = resolver.with(name, value.as_str());
        }
        let mut tried = Vec::new();
        for rule in event_rules(&resolver) {
            if self.bus.as_ref().is_none_or(|bus| *bus == rule.bus) {
                tried.push(CheckedRule::new(rule, &event)?);
            }
        }
        if self.json {
            let printed: Vec<Value> = tried.iter().map(|one| one.as_value(&value)).collect();
            line!("{}", serde_json::to_string_pretty(&printed)?);
        } else {
            tried.iter().for_each(|one| one.print_text(&value));
            let matching = tried.iter().filter(|one| one.takes()).count();
            line!("{BOLD}{matching} of {} rules take the event{BOLD:#}", tried.len());
        }
        Ok(answer(tried.iter().any(CheckedRule::takes)))
    }
}

impl CheckedRule {
    fn new(rule: Rule, event: &[u8]) -> anyhow::Result<Self> {
        let verdict = match &rule.pattern {
            None => Verdict::Scheduled,
            Some(text) => match event_pattern::Pattern::parse(text) {
                Err(refusal) => Verdict::Refused(refusal.to_string()),
                Ok(pattern) => Verdict::Explained(Box::new(source::explain(&pattern, event)?)),
            },
        };
        Ok(Self { rule, verdict })
    }

    fn takes(&self) -> bool {
        self.rule.active
            && matches!(&self.verdict, Verdict::Explained(explanation) if explanation.matched)
    }

    fn print_text(&self, event: &Value) {
        let title = source::title(&self.rule);
        let off = if self.rule.active { "" } else { ", but the rule is disabled" };
        match &self.verdict {
            Verdict::Scheduled => line!("{BOLD}{title}{BOLD:#}: a schedule, which has no pattern"),
            Verdict::Refused(reason) => {
                line!("{BOLD}{title}{BOLD:#}: {BAD}invalid{BAD:#}{off}\n  {reason}");
            }
            Verdict::Explained(explanation) => {
                let text = explanation.to_string();
                let (verdict, fields) = text.split_once('\n').unwrap_or((&text, ""));
                let colour = if explanation.matched { GOOD } else { BAD };
                line!("{BOLD}{title}{BOLD:#}: {colour}{verdict}{colour:#}{off}\n{fields}");
            }
        }
        if self.takes() {
            for target in &self.rule.targets {
                let input = match target.input {
                    TargetInput::Event => "the whole event".to_owned(),
                    _ => sent(&self.rule, target, event).unwrap_or_else(|wrong| wrong),
                };
                line!("  to {}: {input}", target.arn);
            }
        }
        for assumed in &self.rule.stand_ins {
            line!("  {DIM}assumed {} = {}{DIM:#}", assumed.expression, assumed.value);
        }
    }

    fn as_value(&self, event: &Value) -> Value {
        let mut printed = json!({
            "rule": self.rule.id,
            "name": self.rule.name,
            "bus": self.rule.bus,
            "pointer": self.rule.pointer,
            "line": self.rule.location.map(|place| place.line),
            "active": self.rule.active,
            "takes": self.takes(),
            "assumed": self.rule.stand_ins,
        });
        match &self.verdict {
            Verdict::Scheduled => printed["schedule"] = json!(self.rule.schedule),
            Verdict::Refused(reason) => printed["invalid"] = json!(reason),
            Verdict::Explained(explanation) => printed["explanation"] = json!(explanation),
        }
        if self.takes() {
            let targets = self.rule.targets.iter().map(|target| {
                let (key, text) = match sent(&self.rule, target, event) {
                    Ok(sent) => ("sent", sent),
                    Err(wrong) => ("invalid", wrong),
                };
                json!({ "id": target.id, "arn": target.arn, key: text })
            });
            printed["targets"] = targets.collect();
        }
        printed
    }
}

/// Returns the text that a target gets, or why EventBridge refuses the target.
fn sent(rule: &Rule, target: &Target, event: &Value) -> Result<String, String> {
    match &target.input {
        TargetInput::Event => Ok(event.to_string()),
        TargetInput::Constant(text) => Ok(text.clone()),
        TargetInput::Path(path) => match part_of(event, path) {
            Ok(Some(part)) => Ok(part.to_string()),
            Ok(None) => Ok(format!("nothing: the event has no {path}")),
            Err(wrong) => Err(wrong.to_string()),
        },
        TargetInput::Transformer { paths, template } => {
            let name = rule.name.clone().unwrap_or_else(|| rule.id.clone());
            let bus = if rule.bus == "default" { String::new() } else { format!("{}/", rule.bus) };
            let arn = format!("arn:aws:events:us-east-1:123456789012:rule/{bus}{name}");
            let context = RuleContext { name, arn, ..RuleContext::default() };
            let transformer = Transformer { paths: paths.clone(), template: template.clone() };
            transformer.apply(event, &context).map_err(|wrong| wrong.to_string())
        }
    }
}

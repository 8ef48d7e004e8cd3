//! From a text with rules and a text with an event to a verdict for each rule.

use cloudformation_template::{Resolver, Rule, Template, TemplateError, event_rules};
use event_pattern::{EventError, Pattern, Position, lint};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked, as it is typed.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// A template, or one pattern; JSON or YAML.
    pub rules: String,
    /// The event, JSON.
    pub event: String,
}

/// A verdict for each rule.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// Why the rules cannot be read.
    pub rules_error: Option<String>,
    /// Why the event cannot be read.
    pub event_error: Option<String>,
    pub rules: Vec<Verdict>,
}

/// What one rule makes of the event.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// The rule's logical id; empty for a pattern alone.
    pub name: String,
    pub line: Option<usize>,
    /// Nothing where there is no verdict: for a schedule, a refused pattern, an unreadable event.
    pub matches: Option<bool>,
    /// Whether the rule is enabled.
    pub active: bool,
    /// Why, as a person reads it.
    pub told: String,
    /// What the service refuses or what is likely not meant.
    pub findings: Vec<String>,
    /// What was assumed to resolve the pattern.
    pub assumed: Vec<String>,
}

/// What the text with the rules is.
enum Rules {
    Template(Template),
    /// A pattern, as JSON.
    Pattern(String),
}

/// Answers for every rule, also where the event or one of the rules cannot be read.
#[must_use]
pub fn answer(question: &Question) -> Answer {
    let event_error = event_error(&question.event);
    let event = event_error.is_none().then_some(question.event.as_bytes());
    let rules = match rules(&question.rules) {
        Ok(rules) => rules,
        Err(error) => {
            let rules_error = Some(error.to_string());
            return Answer { rules_error, event_error, rules: Vec::new() };
        }
    };
    let rules = match rules {
        Rules::Pattern(text) => vec![of_pattern(&text, event)],
        Rules::Template(template) => {
            let rules = event_rules(&Resolver::new(&template));
            rules.iter().map(|rule| of_rule(rule, event)).collect()
        }
    };
    Answer { rules_error: None, event_error, rules }
}

fn event_error(event: &str) -> Option<String> {
    let any = Pattern::parse(r#"{"source": [{"exists": true}]}"#).ok()?;
    match any.explain(event.as_bytes()) {
        Ok(_) => None,
        Err(EventError::NotJson(fault)) => {
            Some(format!("{}: {fault}", Position::of(event, fault.offset)))
        }
        Err(other) => Some(other.to_string()),
    }
}

/// What is no JSON, and does not look like it, is YAML.
fn rules(text: &str) -> Result<Rules, TemplateError> {
    let is_template = |value: &Value| value.get("Resources").is_some_and(Value::is_object);
    match serde_json::from_str::<Value>(text) {
        Ok(value) if is_template(&value) => Ok(Rules::Template(Template::parse(text)?)),
        Err(_) if !text.trim_start().starts_with('{') => {
            let template = Template::parse(text)?;
            if is_template(template.value()) {
                return Ok(Rules::Template(template));
            }
            let value = template.value();
            Ok(Rules::Pattern(value.get("EventPattern").unwrap_or(value).to_string()))
        }
        // What is wrong with the JSON is told as the pattern's.
        _ => Ok(Rules::Pattern(text.to_owned())),
    }
}

fn of_rule(rule: &Rule, event: Option<&[u8]>) -> Verdict {
    let verdict = match &rule.pattern {
        Some(pattern) => of_pattern(pattern, event),
        None => Verdict { told: "a schedule: it has no pattern".to_owned(), ..Verdict::default() },
    };
    let assumed = rule.stand_ins.iter();
    Verdict {
        name: rule.id.clone(),
        line: rule.location.map(|place| place.line),
        active: rule.active,
        assumed: assumed.map(|given| format!("{} = {}", given.expression, given.value)).collect(),
        // A template's pattern has been written anew: its own lines and columns mean nothing.
        findings: match &rule.pattern {
            Some(pattern) => lint(pattern).iter().map(|found| found.message.clone()).collect(),
            None => Vec::new(),
        },
        ..verdict
    }
}

fn of_pattern(text: &str, event: Option<&[u8]>) -> Verdict {
    let findings = lint(text).iter().map(ToString::to_string).collect();
    let verdict = Verdict { active: true, findings, ..Verdict::default() };
    let pattern = match Pattern::parse(text) {
        Ok(pattern) => pattern,
        Err(refusal) => {
            let told = format!("refused at {}: {refusal}", refusal.position(text));
            return Verdict { told, findings: Vec::new(), ..verdict };
        }
    };
    let Some(event) = event else { return verdict };
    match pattern.explain(event) {
        Ok(explanation) => {
            Verdict { matches: Some(explanation.matched), told: explanation.to_string(), ..verdict }
        }
        Err(error) => Verdict { told: error.to_string(), ..verdict },
    }
}

//! Decides for each EventBridge rule whether the rule matches an event. The rules and the event are
//! given as text.

use cloudformation_template::{Resolver, Rule, Template, TemplateError, event_rules};
use event_pattern::{EventError, Pattern, Position, lint};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The texts that a user typed into the page `docs/which-rule.html`.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// A template, or a single pattern; JSON or YAML.
    pub rules: String,
    /// The event as JSON.
    pub event: String,
}

/// A verdict for each rule.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// Why the rules cannot be read; `None` if they can.
    pub rules_error: Option<String>,
    /// Why the event cannot be read; `None` if it can.
    pub event_error: Option<String>,
    pub rules: Vec<Verdict>,
}

/// Whether one rule matches the event, and why.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// The rule's logical id; empty for a pattern alone.
    pub name: String,
    pub line: Option<usize>,
    /// Whether the rule matches the event. `None` for a rule that has only a schedule, an invalid
    /// pattern, or an unreadable event.
    pub matches: Option<bool>,
    /// Whether the rule is enabled, and the `Condition` of its resource holds. Always true for a
    /// pattern alone.
    pub active: bool,
    /// The explanation of the verdict, as text for people.
    pub text: String,
    /// The linter's messages: what EventBridge would reject, or what is probably not intended.
    pub findings: Vec<String>,
    /// The values that were assumed for the template's expressions in the pattern and in the bus's
    /// name, each as `expression = value`.
    pub assumed: Vec<String>,
}

/// What the user typed as rules.
enum Rules {
    Template(Template),
    /// A single pattern, as JSON.
    Pattern(String),
}

/// Gives a verdict for every rule, even if the event or one of the rules cannot be read.
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

/// Reads what the user typed as rules. If `text` is not JSON and does not begin like JSON, reads it
/// as YAML.
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
        // JSON that is not a template is a pattern. Invalid JSON is also treated as a pattern, so
        // that its errors are reported as errors of the pattern.
        _ => Ok(Rules::Pattern(text.to_owned())),
    }
}

fn of_rule(rule: &Rule, event: Option<&[u8]>) -> Verdict {
    let verdict = match &rule.pattern {
        Some(pattern) => of_pattern(pattern, event),
        None => Verdict {
            text: "the rule has a schedule, and no pattern".to_owned(),
            ..Verdict::default()
        },
    };
    let assumed = rule.stand_ins.iter();
    Verdict {
        name: rule.id.clone(),
        line: rule.location.map(|place| place.line),
        active: rule.active,
        assumed: assumed.map(|given| format!("{} = {}", given.expression, given.value)).collect(),
        // The template's pattern was rewritten as JSON. Its lines and columns are not those of the
        // typed text, so only the messages are returned.
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
            let text = format!("refused at {}: {refusal}", refusal.position(text));
            return Verdict { text, findings: Vec::new(), ..verdict };
        }
    };
    let Some(event) = event else { return verdict };
    match pattern.explain(event) {
        Ok(explanation) => {
            Verdict { matches: Some(explanation.matched), text: explanation.to_string(), ..verdict }
        }
        Err(error) => Verdict { text: error.to_string(), ..verdict },
    }
}

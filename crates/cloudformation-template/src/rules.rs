//! The EventBridge rules of a template: rules that are resources of the template, and rules that
//! SAM generates from the events of a function or a state machine.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::place::{Location, push_step, resource_pointer};
use crate::resolve::{Resolver, StandIn};
use crate::template::Resource;

/// A rule whose intrinsic functions are resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// The logical id. For a SAM event, this is the id that SAM generates: the id of the function
    /// or state machine, followed by the event's name.
    pub id: String,
    /// The rule's name, if the template sets one.
    pub name: Option<String>,
    /// The JSON pointer of the rule in the template.
    pub pointer: String,
    /// The position of the pattern; without a pattern, the position of the rule.
    pub location: Option<Location>,
    /// The bus, by name or ARN.
    pub bus: String,
    /// Whether the rule is enabled, and the `Condition` of its resource holds.
    pub active: bool,
    /// The event pattern as JSON text; `None` if the rule has only a schedule.
    pub pattern: Option<String>,
    /// The schedule expression, if the rule has one.
    pub schedule: Option<String>,
    /// The rule's targets.
    pub targets: Vec<Target>,
    /// The values that were assumed in the pattern and in the bus's name, because the template does
    /// not determine them.
    pub stand_ins: Vec<StandIn>,
}

/// A target of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The target's id within the rule.
    pub id: String,
    /// The target's ARN; for a SAM event the logical id of its function or state machine.
    pub arn: String,
    /// What is sent to the target.
    pub input: TargetInput,
}

/// What EventBridge sends to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetInput {
    /// The whole event.
    Event,
    /// The same text for every event.
    Constant(String),
    /// The part of the event at this JSONPath.
    Path(String),
    /// A text in which parts of the event are inserted.
    Transformer {
        /// The JSONPath of each part, by the part's name in the text.
        paths: BTreeMap<String, String>,
        /// The text. EventBridge replaces each name in `<…>` with the part of that name.
        template: String,
    },
}

/// Every rule of the resolver's template, in the order of their positions.
#[must_use]
pub fn event_rules(resolver: &Resolver<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for resource in resolver.template().resources() {
        match resource.kind {
            "AWS::Events::Rule" => rules.push(plain(resolver, resource)),
            "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => {
                let events = resource.properties["Events"].as_object();
                let events = events.into_iter().flatten();
                rules.extend(
                    events.filter_map(|(name, event)| of_event(resolver, resource, name, event)),
                );
            }
            _ => {}
        }
    }
    rules.sort_by(|left, right| (left.location, &left.id).cmp(&(right.location, &right.id)));
    rules
}

fn is_active(resolver: &Resolver<'_>, resource: Resource<'_>, properties: &Value) -> bool {
    let exists = resource.condition.is_none_or(|condition| resolver.holds(condition));
    let on = properties["State"].as_str() != Some("DISABLED");
    exists && on && properties["Enabled"].as_bool() != Some(false)
}

/// Returns a string as it is, and any other value as JSON; `None` for null.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn plain(resolver: &Resolver<'_>, resource: Resource<'_>) -> Rule {
    let properties = &resolver.resolve(resource.properties).value;
    let targets = properties["Targets"].as_array().into_iter().flatten();
    let pattern = resource_pointer(resource.id, &["Properties", "EventPattern"]);
    Rule {
        id: resource.id.to_owned(),
        name: as_text(&properties["Name"]),
        pointer: resource_pointer(resource.id, &[]),
        location: resolver.template().location(&pattern),
        bus: as_text(&properties["EventBusName"]).unwrap_or_else(|| "default".to_owned()),
        active: is_active(resolver, resource, properties),
        pattern: as_text(&properties["EventPattern"]),
        schedule: as_text(&properties["ScheduleExpression"]),
        targets: targets
            .map(|target| Target {
                id: as_text(&target["Id"]).unwrap_or_default(),
                arn: as_text(&target["Arn"]).unwrap_or_default(),
                input: input(target),
            })
            .collect(),
        stand_ins: assumed(resolver, resource.properties, "EventPattern"),
    }
}

fn assumed(resolver: &Resolver<'_>, properties: &Value, pattern: &str) -> Vec<StandIn> {
    let parts = ["EventBusName", pattern].map(|part| resolver.resolve(&properties[part]).stand_ins);
    let mut all = parts.concat();
    all.sort();
    all.dedup();
    all
}

/// The rule of an entry in `Events`; `None` if the entry's type is neither `EventBridgeRule` nor
/// `CloudWatchEvent`.
fn of_event(
    resolver: &Resolver<'_>,
    resource: Resource<'_>,
    name: &str,
    event: &Value,
) -> Option<Rule> {
    if !matches!(event["Type"].as_str(), Some("EventBridgeRule" | "CloudWatchEvent")) {
        return None;
    }
    let properties = &resolver.resolve(&event["Properties"]).value;
    let pointer = resource_pointer(resource.id, &["Properties", "Events", name]);
    let mut pattern = pointer.clone();
    ["Properties", "Pattern"].iter().for_each(|step| push_step(&mut pattern, step));
    let target = Target {
        id: as_text(&properties["Target"]["Id"])
            .unwrap_or_else(|| format!("{}{name}", resource.id)),
        arn: resource.id.to_owned(),
        input: input(properties),
    };
    Some(Rule {
        id: format!("{}{name}", resource.id),
        name: as_text(&properties["RuleName"]),
        pointer,
        location: resolver.template().location(&pattern),
        bus: as_text(&properties["EventBusName"]).unwrap_or_else(|| "default".to_owned()),
        active: is_active(resolver, resource, properties),
        pattern: as_text(&properties["Pattern"]),
        schedule: None,
        targets: vec![target],
        stand_ins: assumed(resolver, &event["Properties"], "Pattern"),
    })
}

fn input(target: &Value) -> TargetInput {
    let transformer = &target["InputTransformer"];
    if let Some(template) = as_text(&transformer["InputTemplate"]) {
        let paths = transformer["InputPathsMap"].as_object().into_iter().flatten();
        let paths = paths.filter_map(|(name, path)| Some((name.clone(), as_text(path)?)));
        return TargetInput::Transformer { paths: paths.collect(), template };
    }
    match (as_text(&target["Input"]), as_text(&target["InputPath"])) {
        (Some(constant), _) => TargetInput::Constant(constant),
        (None, Some(path)) => TargetInput::Path(path),
        (None, None) => TargetInput::Event,
    }
}

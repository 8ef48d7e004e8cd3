//! Accessors to a template for the checks.

use serde_json::Value;

use crate::two_regions::ByName;
use crate::{Stack, names};

pub(super) const BUS: &str = "AWS::Events::EventBus";
/// The type that [`View::target_kind`] gives a queue of another stack, which a parameter names.
pub(super) const OUTSIDE_QUEUE: &str = "a queue that a parameter names";

/// A template, and the stack with which the checks compare it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) document: &'a Value,
    pub(super) stack: &'a Stack,
    /// An example of each event of the table, as the bus delivers it.
    pub(super) samples: &'a [Value],
    /// In a template for two regions, the tables and secrets to which the template refers by their
    /// names.
    pub(super) by_name: Option<&'a ByName>,
}

/// A rule of the template: a separate resource, or an `EventBridgeRule` among a function's events.
pub(super) struct RuleView<'a> {
    /// The rule's logical id; for a function's event, the id that SAM generates.
    pub(super) id: String,
    pub(super) pattern: &'a Value,
    /// The rule's name on the bus.
    pub(super) name: &'a Value,
    /// The settings of each target: dead letters, retries, input.
    pub(super) targets: Vec<&'a Value>,
}

impl<'a> View<'a> {
    pub(super) fn resources(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.document["Resources"].as_object().into_iter().flatten();
        resources.map(|(id, resource)| (id.as_str(), resource))
    }

    /// The properties of the resources of one type.
    pub(super) fn of_kind(self, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.resources()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id, &resource["Properties"]))
    }

    /// The type of a resource.
    pub(super) fn kind(self, id: &str) -> &'a str {
        self.document["Resources"][id]["Type"].as_str().unwrap_or_default()
    }

    /// Whether a target is a bus: a bus of this template, a literal ARN of a bus, or a parameter
    /// whose name ends in `BusArn`.
    pub(super) fn is_bus(self, target: &Value) -> bool {
        let text = target.as_str().or_else(|| target["Fn::Sub"].as_str()).unwrap_or_default();
        let is_one =
            |id: &str| self.kind(id) == BUS || (self.is_parameter(id) && id.ends_with("BusArn"));
        text.contains(":event-bus/") || resource_of(target).is_some_and(is_one)
    }

    /// The type of a rule's target: [`BUS`], [`OUTSIDE_QUEUE`] for a parameter whose name ends in
    /// `QueueArn`, or the type of the resource to which the target refers.
    pub(super) fn target_kind(self, target: &Value) -> &'a str {
        let id = resource_of(target).unwrap_or_default();
        if self.is_bus(target) {
            BUS
        } else if self.is_parameter(id) && id.ends_with("QueueArn") {
            OUTSIDE_QUEUE
        } else {
            self.kind(id)
        }
    }

    pub(super) fn is_parameter(self, name: &str) -> bool {
        self.document["Parameters"].get(name).is_some()
    }

    /// The definition of a state machine, from its file or inline.
    pub(super) fn definition(self, machine: &Value) -> Option<String> {
        match machine["DefinitionUri"].as_str() {
            Some(path) => std::fs::read_to_string(self.stack.root.join(path)).ok(),
            None => Some(machine["Definition"].to_string()),
        }
    }

    /// Every rule: the rules that are resources, and the rules among the events of functions.
    pub(super) fn rules(self) -> Vec<RuleView<'a>> {
        let own = self.of_kind("AWS::Events::Rule").map(|(id, properties)| RuleView {
            id: id.to_owned(),
            pattern: &properties["EventPattern"],
            name: &properties["Name"],
            targets: items(&properties["Targets"]).iter().collect(),
        });
        own.chain(self.events("EventBridgeRule").map(|(function, event, properties)| RuleView {
            id: names::function_rule(function, event),
            pattern: &properties["Pattern"],
            name: &properties["RuleName"],
            targets: vec![properties],
        }))
        .collect()
    }

    /// The event sources of type `kind` of all functions and state machines. Each item is the
    /// logical id of the function or state machine, with the event source's name and properties.
    pub(super) fn events(
        self,
        kind: &'static str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        self.resources().flat_map(move |(id, resource)| {
            let events = resource["Properties"]["Events"].as_object().into_iter().flatten();
            events
                .filter(move |(_, event)| event["Type"] == kind)
                .map(move |(name, event)| (id, name.as_str(), &event["Properties"]))
        })
    }
}

/// A list as it is, a single value as a list of one, and null as an empty list.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// The texts in a list, or a single text.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    items(value).iter().filter_map(Value::as_str)
}

/// The logical id to which a value refers by `Ref`, by `Fn::GetAtt`, or at the beginning of an
/// `Fn::Sub`. For an `Fn::If`, the first branch counts.
pub(super) fn resource_of(value: &Value) -> Option<&str> {
    if let Some(then) = value["Fn::If"].get(1) {
        return resource_of(then);
    }
    if let Some(id) = value["Ref"].as_str() {
        return Some(id);
    }
    match &value["Fn::GetAtt"] {
        Value::Array(parts) => return parts.first()?.as_str(),
        Value::String(dotted) => return dotted.split('.').next(),
        _ => {}
    }
    let inside = value["Fn::Sub"].as_str()?.strip_prefix("${")?;
    inside.split(['.', '}']).next()
}

/// The two alternatives of an `Fn::If`; for any other value, `value` itself.
pub(super) fn either_way(value: &Value) -> &[Value] {
    match value["Fn::If"].as_array().map(Vec::as_slice) {
        Some([_, ways @ ..]) => ways,
        _ => std::slice::from_ref(value),
    }
}

/// Whether a value refers to the ARN of a resource.
pub(super) fn is_arn(value: &Value) -> bool {
    match &value["Fn::GetAtt"] {
        Value::Array(parts) => parts.get(1).is_some_and(|attribute| attribute == "Arn"),
        Value::String(dotted) => dotted.ends_with(".Arn"),
        _ => {
            let text = value.as_str().or_else(|| value["Fn::Sub"].as_str()).unwrap_or_default();
            text.starts_with("arn:") || text.contains(".Arn}")
        }
    }
}

/// Calls `visit` on `value` and on every value inside it.
pub(super) fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Object(fields) => fields.values().for_each(|field| walk(field, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

/// The names in `${…}` in a text; `${!literal}` does not count.
pub(crate) fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('!'))
}

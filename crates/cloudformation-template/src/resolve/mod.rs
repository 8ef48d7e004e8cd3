//! Resolves intrinsic functions without an account: parameters by their defaults, resources by the
//! names and ARNs that they would most likely have, and what is unknown by a stand-in that is told.

mod conditions;
mod functions;
mod identity;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::template::Template;

/// Functions inside functions, and names that name each other, deeper than this are stood in for.
const MOST_LEVELS: usize = 60;

/// After so many values the rest is stood in for: names that name each other twice would double
/// with every level.
const MOST_STEPS: usize = 200_000;

/// What stands in for the pseudo parameters.
const PSEUDO: [(&str, &str); 6] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackId", "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/0"),
    ("AWS::StackName", "stack"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// Resolves the functions of one template.
#[derive(Debug, Clone)]
pub struct Resolver<'t> {
    template: &'t Template,
    given: BTreeMap<String, Value>,
}

/// A value without functions, and what was assumed on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// Every assumption, each expression once.
    pub stand_ins: Vec<StandIn>,
}

/// A value that only the account knows, and what was taken in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StandIn {
    /// The function as JSON, or the name of a parameter.
    pub expression: String,
    /// What was taken in its place.
    pub value: String,
}

/// One resolution under way.
struct Walk<'r> {
    resolver: &'r Resolver<'r>,
    stand_ins: BTreeMap<String, String>,
    levels: usize,
    steps: usize,
}

impl<'t> Resolver<'t> {
    /// Resolves by the defaults of the template's parameters.
    #[must_use]
    pub fn new(template: &'t Template) -> Self {
        Self { template, given: BTreeMap::new() }
    }

    /// Gives a parameter, or a pseudo parameter such as `AWS::Region`, its value.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<Value>) -> Self {
        self.given.insert(parameter.to_owned(), value.into());
        self
    }

    /// The template that is resolved.
    #[must_use]
    pub fn template(&self) -> &'t Template {
        self.template
    }

    /// Replaces every function in `value`. A member or an element that is `AWS::NoValue` is gone;
    /// if all of `value` is, what is left is null.
    #[must_use]
    pub fn resolve(&self, value: &Value) -> Resolved {
        let mut walk = Walk { resolver: self, stand_ins: BTreeMap::new(), levels: 0, steps: 0 };
        let value = walk.value(value).unwrap_or(Value::Null);
        let told = walk.stand_ins.into_iter();
        let stand_ins = told.map(|(expression, value)| StandIn { expression, value }).collect();
        Resolved { value, stand_ins }
    }

    /// Whether the template's condition of that name holds; an unknown one does.
    #[must_use]
    pub fn holds(&self, condition: &str) -> bool {
        Walk { resolver: self, stand_ins: BTreeMap::new(), levels: 0, steps: 0 }
            .condition_named(condition)
    }
}

impl Walk<'_> {
    /// `None` is `AWS::NoValue`.
    fn value(&mut self, value: &Value) -> Option<Value> {
        if !self.enter() {
            return Some(self.stand_in(value, "unresolved"));
        }
        let resolved = self.inner(value);
        self.levels -= 1;
        resolved
    }

    /// Goes one level down, if levels and steps are left.
    fn enter(&mut self) -> bool {
        self.steps += 1;
        let may = self.levels < MOST_LEVELS && self.steps < MOST_STEPS;
        self.levels += usize::from(may);
        may
    }

    /// Counts long texts as the many steps that copying them takes.
    fn spend_on(&mut self, text: &str) {
        self.steps += text.len() / 32;
    }

    fn inner(&mut self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => match the_function(members) {
                Some((name, operand)) => self.function(name, operand, value),
                None => Some(Value::Object(self.members(members))),
            },
            Value::Array(elements) => {
                Some(elements.iter().filter_map(|element| self.value(element)).collect())
            }
            Value::String(text) if text.contains("{{resolve:") => {
                self.stand_ins.insert(text.clone(), text.clone());
                Some(value.clone())
            }
            plain => Some(plain.clone()),
        }
    }

    fn members(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let resolved =
            members.iter().filter_map(|(name, value)| Some((name.clone(), self.value(value)?)));
        resolved.collect()
    }

    /// Notes that `value` stands in for `expression`.
    fn stand_in(&mut self, expression: &Value, value: &str) -> Value {
        self.stand_ins.insert(expression.to_string(), value.to_owned());
        Value::String(value.to_owned())
    }

    /// As text; what is no scalar becomes JSON.
    fn text(&mut self, value: &Value) -> String {
        match self.value(value) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        }
    }
}

/// The only member of an object that is a function.
fn the_function(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = members.iter();
    let (name, operand) = all.next()?;
    let is_one = all.next().is_none() && (name == "Ref" || name.starts_with("Fn::"));
    is_one.then_some((name.as_str(), operand))
}

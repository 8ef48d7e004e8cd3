//! Resolves intrinsic functions without an account. Parameters have their defaults, and resources
//! have the names and ARNs that AWS would most likely give them. An unknown value is replaced by a
//! stand-in, which is reported.

mod conditions;
mod functions;
mod identity;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::template::Template;

/// The maximum depth of functions inside functions, and of names that refer to further names. Every
/// deeper value is replaced by a stand-in, which is an assumed value.
const MOST_LEVELS: usize = 60;

/// The maximum number of values that are resolved. Further values are replaced by stand-ins, which
/// are assumed values. Without this limit, a chain of names, each of which refers twice to the next
/// name, would double the work at every level.
const MOST_STEPS: usize = 200_000;

/// The values that are assumed for pseudo parameters.
const PSEUDO: [(&str, &str); 6] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackId", "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/0"),
    ("AWS::StackName", "stack"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// Resolves the intrinsic functions of one template.
#[derive(Debug, Clone)]
pub struct Resolver<'t> {
    template: &'t Template,
    given: BTreeMap<String, Value>,
}

/// A value without intrinsic functions, and the assumptions that were made.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The value, without intrinsic functions.
    pub value: Value,
    /// The values that were assumed, one for each expression whose value is unknown.
    pub stand_ins: Vec<StandIn>,
}

/// A value that is unknown without the account, and the value that was assumed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StandIn {
    /// The intrinsic function as JSON, or a parameter's name.
    pub expression: String,
    /// The value that was assumed.
    pub value: String,
}

/// The state of one call of [`Resolver::resolve`].
struct Walk<'r> {
    resolver: &'r Resolver<'r>,
    stand_ins: BTreeMap<String, String>,
    levels: usize,
    steps: usize,
}

impl<'t> Resolver<'t> {
    /// Resolves with the defaults of the template's parameters.
    #[must_use]
    pub fn new(template: &'t Template) -> Self {
        Self { template, given: BTreeMap::new() }
    }

    /// Sets the value of a parameter, or of a pseudo parameter such as `AWS::Region`.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: impl Into<Value>) -> Self {
        self.given.insert(parameter.to_owned(), value.into());
        self
    }

    /// The template whose functions are resolved.
    #[must_use]
    pub fn template(&self) -> &'t Template {
        self.template
    }

    /// Replaces every function in `value`. Members and elements that resolve to `AWS::NoValue` are
    /// removed. If `value` itself resolves to `AWS::NoValue`, the result is null.
    #[must_use]
    pub fn resolve(&self, value: &Value) -> Resolved {
        let mut walk = Walk { resolver: self, stand_ins: BTreeMap::new(), levels: 0, steps: 0 };
        let value = walk.value(value).unwrap_or(Value::Null);
        let assumed = walk.stand_ins.into_iter();
        let stand_ins = assumed.map(|(expression, value)| StandIn { expression, value }).collect();
        Resolved { value, stand_ins }
    }

    /// Whether the template's condition with this name holds. A condition counts as true if the
    /// template lacks it, or if it cannot be read.
    #[must_use]
    pub fn holds(&self, condition: &str) -> bool {
        Walk { resolver: self, stand_ins: BTreeMap::new(), levels: 0, steps: 0 }
            .condition_named(condition)
    }
}

impl Walk<'_> {
    /// Resolves `value`; the result is `None` for `AWS::NoValue`.
    fn value(&mut self, value: &Value) -> Option<Value> {
        if !self.enter() {
            return Some(self.stand_in(value, "unresolved"));
        }
        let resolved = self.inner(value);
        self.levels -= 1;
        resolved
    }

    /// Goes one level deeper; returns false if the limit of levels or of steps is reached.
    fn enter(&mut self) -> bool {
        self.steps += 1;
        let may = self.levels < MOST_LEVELS && self.steps < MOST_STEPS;
        self.levels += usize::from(may);
        may
    }

    /// Counts the copying of `text` as one step for every 32 bytes, so that copying is limited,
    /// too.
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

    /// Records that `value` was assumed for `expression`.
    fn stand_in(&mut self, expression: &Value, value: &str) -> Value {
        self.stand_ins.insert(expression.to_string(), value.to_owned());
        Value::String(value.to_owned())
    }

    /// Resolves `value` to text. A list or an object becomes JSON.
    fn text(&mut self, value: &Value) -> String {
        match self.value(value) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        }
    }
}

/// The name and the operand of the intrinsic function, if the function is the only member of the
/// object; otherwise `None`.
fn the_function(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut all = members.iter();
    let (name, operand) = all.next()?;
    let is_one = all.next().is_none() && (name == "Ref" || name.starts_with("Fn::"));
    is_one.then_some((name.as_str(), operand))
}

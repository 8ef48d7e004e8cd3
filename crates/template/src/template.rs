//! A CloudFormation template, to which parameters, resources and outputs are added, and its output
//! as JSON or YAML.

use serde_json::{Map, Value, json};

use crate::constructs::{Construct, Resource};
use crate::yaml;

/// A parameter of a template. Every parameter has a default, so that a deployment may leave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    name: String,
    description: String,
    default: String,
    allowed: Vec<String>,
    number: bool,
    least: Option<u32>,
    secret: bool,
    pattern: Option<&'static str>,
}

impl Parameter {
    #[must_use]
    pub fn text(name: &str, description: &str, default: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            default: default.to_owned(),
            allowed: Vec::new(),
            number: false,
            least: None,
            secret: false,
            pattern: None,
        }
    }

    #[must_use]
    pub fn number(self) -> Self {
        Self { number: true, ..self }
    }

    /// Makes the parameter a number that is not less than `least`.
    #[must_use]
    pub fn at_least(self, least: u32) -> Self {
        Self { number: true, least: Some(least), ..self }
    }

    /// Makes CloudFormation hide the parameter's value.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Restricts the parameter to values that match this pattern.
    #[must_use]
    pub fn like(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// Restricts the parameter to one of these values.
    #[must_use]
    pub fn one_of(self, allowed: &[&str]) -> Self {
        Self { allowed: allowed.iter().map(|&value| value.to_owned()).collect(), ..self }
    }

    fn to_value(&self) -> Value {
        let kind = if self.number { "Number" } else { "String" };
        let mut value =
            json!({ "Type": kind, "Description": self.description, "Default": self.default });
        if !self.allowed.is_empty() {
            value["AllowedValues"] = json!(self.allowed);
        }
        if let Some(least) = self.least {
            value["MinValue"] = json!(least);
        }
        if let Some(pattern) = self.pattern {
            value["AllowedPattern"] = json!(pattern);
        }
        if self.secret {
            value["NoEcho"] = json!(true);
        }
        value
    }
}

/// A template: a head with the parameters, then the resources, then the outputs. The resources are
/// in sections, each with a comment above it.
#[derive(Debug, Clone, Default)]
pub struct Template {
    pub(crate) preamble: &'static str,
    /// Whether the template uses SAM's transform.
    pub(crate) sam: bool,
    pub(crate) description: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rules: Value,
    pub(crate) conditions: Map<String, Value>,
    pub(crate) globals: Value,
    pub(crate) sections: Vec<(String, Vec<(String, Value)>)>,
    pub(crate) outputs: Vec<(String, Value)>,
}

impl Template {
    /// Begins a section. Resources that are added after this call belong to the section.
    pub fn section(&mut self, comment: impl Into<String>) {
        self.sections.push((comment.into(), Vec::new()));
    }

    pub fn add(&mut self, id: impl Into<String>, construct: &impl Construct) {
        self.add_resource(id, &construct.resource());
    }

    /// Adds a resource to the current section.
    pub fn add_resource(&mut self, id: impl Into<String>, resource: &Resource) {
        if self.sections.is_empty() {
            self.section("Resources");
        }
        if let Some((_, resources)) = self.sections.last_mut() {
            resources.push((id.into(), resource.to_value()));
        }
    }

    pub fn output(&mut self, name: impl Into<String>, description: &str, value: Value) {
        let mut output = json!({ "Description": description });
        output["Value"] = value;
        self.outputs.push((name.into(), output));
    }

    /// The whole template as JSON.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document: Map<String, Value> = self.head().into_iter().collect();
        let resources = self.sections.iter().flat_map(|(_, resources)| resources.iter().cloned());
        document.insert("Resources".to_owned(), Value::Object(resources.collect()));
        if !self.outputs.is_empty() {
            document.insert("Outputs".to_owned(), self.outputs.iter().cloned().collect());
        }
        Value::Object(document)
    }

    /// The whole template as YAML, the same on every run.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out: String = self.preamble.lines().map(|line| format!("# {line}\n")).collect();
        for (key, value) in self.head() {
            if value.is_object() {
                out.push('\n');
            }
            yaml::write_entry(&mut out, &key, &value, 0);
        }
        out.push_str("\nResources:\n");
        for (comment, resources) in &self.sections {
            out.push_str(&format!("\n  # {}\n", comment.replace('\n', "\n  # ")));
            for (id, resource) in resources {
                yaml::write_entry(&mut out, id, resource, 1);
            }
        }
        if !self.outputs.is_empty() {
            out.push_str("\nOutputs:\n");
        }
        for (name, output) in &self.outputs {
            yaml::write_entry(&mut out, name, output, 1);
        }
        out
    }

    /// The template's keys above `Resources`, in order, each with its value.
    fn head(&self) -> Vec<(String, Value)> {
        let parameters = self.parameters.iter();
        let parameters: Map<String, Value> =
            parameters.map(|one| (one.name.clone(), one.to_value())).collect();
        [
            ("AWSTemplateFormatVersion", json!("2010-09-09")),
            ("Transform", if self.sam { json!("AWS::Serverless-2016-10-31") } else { Value::Null }),
            ("Description", json!(self.description)),
            ("Parameters", Value::Object(parameters)),
            ("Rules", self.rules.clone()),
            ("Conditions", unless_empty(&self.conditions)),
            ("Globals", self.globals.clone()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

fn unless_empty(fields: &Map<String, Value>) -> Value {
    if fields.is_empty() { Value::Null } else { Value::Object(fields.clone()) }
}

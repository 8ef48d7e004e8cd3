//! EventBridge's schema registry.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{attribute, json_text, reference};

#[derive(Debug)]
pub struct SchemaRegistry {
    pub description: &'static str,
    /// The template's parameter whose value is the registry's name.
    pub name: &'static str,
}

impl Construct for SchemaRegistry {
    fn resource(&self) -> Resource {
        let properties =
            json!({ "Description": self.description, "RegistryName": reference(self.name) });
        Resource::new("AWS::EventSchemas::Registry", properties)
    }
}

/// A schema in a registry.
#[derive(Debug)]
pub struct RegisteredSchema {
    /// The logical id of the registry.
    pub registry: &'static str,
    /// The schema's name, such as `com.order@OrderCreated`.
    pub name: String,
    pub description: String,
    /// An OpenAPI 3.0 document.
    pub document: Value,
}

impl Construct for RegisteredSchema {
    fn resource(&self) -> Resource {
        let properties = json!({
            "RegistryName": attribute(self.registry, "RegistryName"),
            "SchemaName": self.name,
            "Description": self.description,
            "Type": "OpenApi3",
            "Content": json_text(&self.document),
        });
        Resource::new("AWS::EventSchemas::Schema", properties)
    }
}

/// A stack with a separate template, which an outer stack contains as one of its resources.
#[derive(Debug)]
pub struct NestedStack {
    /// The path of the nested template, relative to the folder of the outer template.
    pub template: &'static str,
    pub parameters: Value,
    /// The condition under which the nested stack exists.
    pub condition: &'static str,
}

impl Construct for NestedStack {
    fn resource(&self) -> Resource {
        let properties = json!({ "TemplateURL": self.template, "Parameters": self.parameters });
        let resource = Resource::new("AWS::CloudFormation::Stack", properties);
        Resource { condition: Some(self.condition.to_owned()), ..resource }
    }
}

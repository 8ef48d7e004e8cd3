//! A parsed template, and lookups in it.

use std::collections::HashMap;

use serde_json::Value;

use crate::error::{TemplateError, TemplateFault as Fault};
use crate::loops::Loops;
use crate::place::{Location, resource_pointer};
use crate::yaml;

/// The maximum length of a template's text, in bytes. CloudFormation accepts 1 MB; a SAM template
/// may be longer before it is transformed.
const MOST_BYTES: usize = 8 << 20;

/// A template, with every intrinsic function in its long form: `!Ref A` is `{"Ref": "A"}`,
/// `!GetAtt A.Arn` is `{"Fn::GetAtt": ["A", "Arn"]}`.
#[derive(Debug, Clone)]
pub struct Template {
    value: Value,
    locations: HashMap<String, Location>,
    duplicates: Vec<(String, Location)>,
}

/// One entry of the section `Resources`.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'t> {
    /// The logical id.
    pub id: &'t str,
    /// The type, such as `AWS::Events::Rule`; empty where it is missing.
    pub kind: &'t str,
    /// The properties, unresolved; null where there are none.
    pub properties: &'t Value,
    /// The name of the condition under which the resource is created.
    pub condition: Option<&'t str>,
}

impl Template {
    /// Reads a template, YAML or JSON.
    ///
    /// # Errors
    /// Fails with line and column if `text` is neither YAML nor JSON, is not an object, or exceeds
    /// 8 MiB, 100 levels or a million values.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let at_start = |fault| TemplateError { line: 1, column: 1, fault };
        if text.len() > MOST_BYTES {
            return Err(at_start(Fault::TooLong(MOST_BYTES)));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let json = text.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(text));
        let document = match (json, yaml::read(text)) {
            // If the YAML parser rejects the JSON, for example because of tabs, the positions of
            // the template's values are unknown.
            (Some(Ok(value)), Err(_)) => yaml::Document { value, ..yaml::Document::default() },
            (Some(Ok(value)), Ok(document)) => yaml::Document { value, ..document },
            (_, read) => read?,
        };
        if !document.value.is_object() {
            return Err(at_start(Fault::NotAnObject));
        }
        let yaml::Document { value, locations, duplicates } = document;
        let mut template = Self { value, locations, duplicates };
        template.write_out_loops();
        Ok(template)
    }

    /// Replaces the loops in `Resources` by the resources that they generate.
    fn write_out_loops(&mut self) {
        let Some(resources) = self.value["Resources"].as_object() else { return };
        let mut made = Vec::new();
        let written = Loops::new(&self.value["Parameters"]).members(resources, &mut |id, of| {
            made.push((resource_pointer(id, &[]), resource_pointer(of, &[])));
        });
        for (pointer, of) in made {
            if let Some(location) = self.locations.get(&of) {
                self.locations.insert(pointer, *location);
            }
        }
        self.value["Resources"] = Value::Object(written);
    }

    /// The whole template as JSON; loops of `Fn::ForEach` in `Resources` are expanded.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The position of the value at a JSON pointer. If that position is unknown, the position of
    /// the nearest enclosing value whose position is known.
    #[must_use]
    pub fn location(&self, pointer: &str) -> Option<Location> {
        let mut pointer = pointer;
        loop {
            if let Some(location) = self.locations.get(pointer) {
                return Some(*location);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// The keys that an object contains more than once: the JSON pointer and the position of each
    /// repetition. Of the values of such a key, the template keeps the last one.
    #[must_use]
    pub fn duplicates(&self) -> &[(String, Location)] {
        &self.duplicates
    }

    /// Whether the template uses SAM's transform.
    #[must_use]
    pub fn is_sam(&self) -> bool {
        let sam =
            |value: &Value| value.as_str().is_some_and(|name| name.starts_with("AWS::Serverless-"));
        match &self.value["Transform"] {
            Value::Array(list) => list.iter().any(sam),
            one => sam(one),
        }
    }

    /// Every resource, in the order of the ids, or in the order of the template if a crate of the
    /// build enables `serde_json`'s `preserve_order`.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.value["Resources"].as_object().into_iter().flatten().map(|(id, value)| Resource {
            id,
            kind: value["Type"].as_str().unwrap_or_default(),
            properties: &value["Properties"],
            condition: value["Condition"].as_str(),
        })
    }

    /// The resource with this logical id.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<Resource<'_>> {
        let resources = self.value["Resources"].as_object()?;
        let (id, value) = resources.get_key_value(id)?;
        Some(Resource {
            id,
            kind: value["Type"].as_str().unwrap_or_default(),
            properties: &value["Properties"],
            condition: value["Condition"].as_str(),
        })
    }
}

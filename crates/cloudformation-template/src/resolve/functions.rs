//! The values of intrinsic functions.

use base64::Engine;
use serde_json::{Value, json};

use super::{PSEUDO, Walk};

impl Walk<'_> {
    pub(super) fn function(&mut self, name: &str, operand: &Value, whole: &Value) -> Option<Value> {
        let list = operand.as_array().map(Vec::as_slice).unwrap_or_default();
        Some(match (name, list) {
            ("Ref", _) => return self.reference(operand.as_str().unwrap_or_default()),
            ("Fn::GetAtt", [resource, attribute]) => {
                let (resource, attribute) = (self.text(resource), self.text(attribute));
                self.attribute(&resource, &attribute)
            }
            ("Fn::GetAtt", _) => {
                let text = operand.as_str().unwrap_or_default();
                let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
                self.attribute(resource, attribute)
            }
            ("Fn::Sub", [template, names]) => {
                let template = template.as_str().unwrap_or_default();
                json!(self.substituted(template, names))
            }
            ("Fn::Sub", _) => {
                json!(self.substituted(operand.as_str().unwrap_or_default(), &Value::Null))
            }
            ("Fn::If", [condition, then, otherwise]) => {
                let holds = condition.as_str().is_none_or(|name| self.condition_named(name));
                return self.value(if holds { then } else { otherwise });
            }
            ("Fn::Join", [separator, parts]) => {
                let separator = self.text(separator);
                let parts = self.list(parts);
                let joined = parts.iter().map(as_text).collect::<Vec<_>>().join(&separator);
                self.spend_on(&joined);
                json!(joined)
            }
            ("Fn::Split", [separator, text]) => {
                let (separator, text) = (self.text(separator), self.text(text));
                text.split(&*separator).collect()
            }
            ("Fn::Select", [index, from]) => {
                let index = self.text(index).parse::<usize>().ok();
                let found = index.and_then(|index| self.list(from).get(index).cloned());
                found.unwrap_or_else(|| self.stand_in(whole, "selected"))
            }
            ("Fn::FindInMap", [map, first, second, rest @ ..]) => {
                let keys = [map, first, second].map(|key| self.text(key));
                let mappings = &self.resolver.template.value()["Mappings"];
                let found = keys.iter().try_fold(mappings, |at, key| at.get(key));
                match (found, rest.first().and_then(|options| options.get("DefaultValue"))) {
                    (Some(found), _) => found.clone(),
                    (None, Some(default)) => return self.value(default),
                    (None, None) => self.stand_in(whole, &keys.join("-")),
                }
            }
            ("Fn::Base64", _) => {
                json!(base64::engine::general_purpose::STANDARD.encode(self.text(operand)))
            }
            ("Fn::ToJsonString", _) => json!(self.value(operand)?.to_string()),
            ("Fn::Length", _) => json!(self.list(operand).len()),
            ("Fn::GetAZs", _) => {
                let region = match self.text(operand) {
                    empty if empty.is_empty() => self.pseudo("AWS::Region").unwrap_or_default(),
                    region => region,
                };
                ["a", "b", "c"].iter().map(|zone| format!("{region}{zone}")).collect()
            }
            ("Fn::ImportValue", _) => {
                let name = self.text(operand);
                self.stand_in(whole, &name)
            }
            _ => self.stand_in(whole, name.trim_start_matches("Fn::")),
        })
    }

    fn list(&mut self, value: &Value) -> Vec<Value> {
        match self.value(value) {
            Some(Value::Array(list)) => list,
            Some(Value::String(text)) => text.split(',').map(Value::from).collect(),
            _ => Vec::new(),
        }
    }

    /// The value of a pseudo parameter. If no value was given, an assumed value from [`PSEUDO`] is
    /// used, and is recorded as a stand-in.
    pub(super) fn pseudo(&mut self, name: &str) -> Option<String> {
        if let Some(given) = self.resolver.given.get(name) {
            return Some(as_text(given));
        }
        let (_, value) = PSEUDO.iter().find(|(own, _)| *own == name)?;
        self.stand_ins.insert(name.to_owned(), (*value).to_owned());
        Some((*value).to_owned())
    }

    fn reference(&mut self, name: &str) -> Option<Value> {
        match name {
            "AWS::NoValue" => return None,
            "AWS::NotificationARNs" => return Some(json!([])),
            _ => {}
        }
        if let Some(value) = self.pseudo(name) {
            return Some(json!(value));
        }
        let parameter = self.resolver.template.value()["Parameters"].get(name);
        Some(match parameter {
            Some(parameter) => self.parameter(name, parameter),
            None => self.resource_reference(name),
        })
    }

    fn parameter(&mut self, name: &str, parameter: &Value) -> Value {
        let kind = parameter["Type"].as_str().unwrap_or("String");
        let allowed = parameter["AllowedValues"].get(0);
        let value = match self.resolver.given.get(name).or_else(|| parameter.get("Default")) {
            Some(known) => known.clone(),
            None => {
                let number = parameter.get("MinValue").cloned().unwrap_or_else(|| json!(1));
                let assumed = match allowed {
                    Some(first) => first.clone(),
                    None if kind == "Number" => number,
                    None => json!(name),
                };
                self.stand_ins.insert(name.to_owned(), as_text(&assumed));
                assumed
            }
        };
        if kind == "CommaDelimitedList" || kind.contains("List<") {
            return match value {
                Value::String(text) => text.split(',').map(|one| json!(one.trim())).collect(),
                other => other,
            };
        }
        value
    }

    /// Substitutes `${Name}` and `${Resource.Attribute}`; `${!Name}` yields `${Name}` literally.
    fn substituted(&mut self, template: &str, names: &Value) -> String {
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find("${") {
            filled.push_str(&rest[..at]);
            let Some(length) = rest[at..].find('}') else {
                rest = &rest[at..];
                break;
            };
            let name = &rest[at + 2..at + length];
            rest = &rest[at + length + 1..];
            if let Some(literal) = name.strip_prefix('!') {
                filled.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match (names.get(name), name.split_once('.')) {
                (Some(given), _) => self.text(given),
                (None, Some((resource, attribute))) => {
                    as_text(&self.attribute(resource, attribute))
                }
                (None, None) => {
                    self.reference(name).map(|value| as_text(&value)).unwrap_or_default()
                }
            };
            filled.push_str(&value);
        }
        filled.push_str(rest);
        self.spend_on(&filled);
        filled
    }
}

pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

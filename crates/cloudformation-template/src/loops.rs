//! Expands the loops of a template: `Fn::ForEach::Name` with an identifier, a list and a body
//! yields the body once for each value in the list.

use serde_json::{Map, Value};

const LOOP: &str = "Fn::ForEach::";
/// The most bytes that loops may generate. Without a limit, nested loops could generate any number.
const MOST_BYTES: usize = 2 << 20;

/// The loops of one template.
pub(crate) struct Loops<'p> {
    /// The section `Parameters`. A loop's list may be the default of a parameter.
    parameters: &'p Value,
    bytes: usize,
}

impl<'p> Loops<'p> {
    pub(crate) fn new(parameters: &'p Value) -> Self {
        Self { parameters, bytes: 0 }
    }

    /// The members with every loop expanded, including nested loops. A loop stays as it is if its
    /// list is unknown, or if the loop would make the template too large. For each name that a loop
    /// in `members` generates, `made` is called with this name and the loop's own name.
    pub(crate) fn members(
        &mut self,
        members: &Map<String, Value>,
        made: &mut dyn FnMut(&str, &str),
    ) -> Map<String, Value> {
        let mut all = Map::new();
        for (name, value) in members {
            let written = name.starts_with(LOOP).then(|| self.body(value)).flatten();
            match written {
                Some(body) => {
                    body.keys().for_each(|inner| made(inner, name));
                    all.extend(body);
                }
                None => {
                    all.insert(name.clone(), self.value(value));
                }
            }
        }
        all
    }

    fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.members(members, &mut |_, _| {})),
            Value::Array(list) => list.iter().map(|one| self.value(one)).collect(),
            plain => plain.clone(),
        }
    }

    /// The members that a loop generates; `None` if its list is unknown, or if all loops together
    /// generate more than [`MOST_BYTES`].
    fn body(&mut self, operand: &Value) -> Option<Map<String, Value>> {
        let [identifier, list, body] = operand.as_array()?.as_slice() else { return None };
        let (identifier, body) = (identifier.as_str()?, body.as_object()?);
        let size = Value::Object(body.clone()).to_string().len();
        let mut all = Map::new();
        for value in self.list(list)? {
            self.bytes += size;
            if self.bytes > MOST_BYTES {
                return None;
            }
            let filled = filled_members(body, identifier, &value);
            all.extend(self.members(&filled, &mut |_, _| {}));
        }
        Some(all)
    }

    fn list(&self, list: &Value) -> Option<Vec<String>> {
        if let Some(values) = list.as_array() {
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            return values.iter().map(text).collect();
        }
        let default = &self.parameters[list.get("Ref")?.as_str()?]["Default"];
        Some(default.as_str()?.split(',').map(|one| one.trim().to_owned()).collect())
    }
}

fn filled_members(
    members: &Map<String, Value>,
    identifier: &str,
    value: &str,
) -> Map<String, Value> {
    let filled = members.iter().map(|(name, inner)| {
        (filled_text(name, identifier, value), filled(inner, identifier, value))
    });
    filled.collect()
}

fn filled(template: &Value, identifier: &str, value: &str) -> Value {
    match template {
        Value::Object(members) if members.len() == 1 && members.get("Ref").is_some() => {
            match members["Ref"] == identifier {
                true => Value::from(value),
                false => template.clone(),
            }
        }
        Value::Object(members) => Value::Object(filled_members(members, identifier, value)),
        Value::Array(list) => list.iter().map(|one| filled(one, identifier, value)).collect(),
        Value::String(text) => Value::String(filled_text(text, identifier, value)),
        plain => plain.clone(),
    }
}

/// Replaces `${Name}` by the value, and `&{Name}` by the value's letters and digits, because a
/// logical id can contain no other characters.
fn filled_text(text: &str, identifier: &str, value: &str) -> String {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    text.replace(&format!("${{{identifier}}}"), value)
        .replace(&format!("&{{{identifier}}}"), &plain)
}

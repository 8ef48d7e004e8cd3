//! Makes the input that a rule sends to its target: a part of the event, or a text with parts of
//! the event filled in.
//!
//! A variable whose path finds nothing becomes `""` where JSON needs a value, and empty text
//! elsewhere, as recordings of EventBridge show. `<aws.events.event>` becomes the event without
//! `detail`, and with `detail-type` renamed to `detailType`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A path or a template that EventBridge refuses when a target is created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A path that does not begin with `$`.
    #[error("the path `{0}` must begin with `$`")]
    NoRoot(String),
    /// A path with something other than names, indices and `*`.
    #[error("the path `{0}` may contain only .names, [indices] and `*` after `$`")]
    Path(String),
    /// A variable that is neither defined in [`Transformer::paths`] nor predefined by EventBridge.
    #[error("the variable `<{0}>` in `InputTemplate` must be defined in `InputPathsMap`")]
    Undefined(String),
}

/// The `InputTransformer` of a target.
///
/// ```
/// use event_pattern::{RuleContext, Transformer};
///
/// let transformer = Transformer {
///     paths: [("total".to_owned(), "$.detail.total".to_owned())].into(),
///     template: r#"{"text": "total: <total>", "total": <total>, "by": "<aws.events.rule-name>"}"#
///         .to_owned(),
/// };
/// let event = serde_json::json!({"detail": {"total": 5}});
/// let rule = RuleContext { name: "high".to_owned(), ..RuleContext::default() };
/// let sent = transformer.apply(&event, &rule)?;
/// assert_eq!(sent, r#"{"text": "total: 5", "total": 5, "by": "high"}"#);
/// # Ok::<(), event_pattern::InputError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transformer {
    /// The path of each variable's value, by the variable's name.
    pub paths: BTreeMap<String, String>,
    /// The text, with variables as `<name>`.
    pub template: String,
}

/// The values that a template can use besides the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleContext {
    /// The rule's name, for `<aws.events.rule-name>`.
    pub name: String,
    /// The rule's ARN, for `<aws.events.rule-arn>`.
    pub arn: String,
    /// The time for `<aws.events.event.ingestion-time>`; if empty, the event's own time is used.
    pub ingestion_time: String,
}

/// Returns the part of an event at a path such as an `InputPath`; `None` if the path finds nothing.
///
/// # Errors
/// Fails if EventBridge does not accept the path.
pub fn part_of(event: &Value, path: &str) -> Result<Option<Value>, InputError> {
    let Some(mut rest) = path.trim().strip_prefix('$') else {
        return Err(InputError::NoRoot(path.to_owned()));
    };
    let wrong = || InputError::Path(path.to_owned());
    let mut found = vec![event];
    let mut is_many = false;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            let (index, behind) = behind.split_once(']').ok_or_else(wrong)?;
            rest = behind;
            if index == "*" {
                is_many = true;
                found = found.into_iter().flat_map(children).collect();
            } else {
                let index: usize = index.parse().map_err(|_| wrong())?;
                found = found.into_iter().filter_map(|value| value.get(index)).collect();
            }
            continue;
        }
        let behind = rest.strip_prefix('.').ok_or_else(wrong)?;
        let end = behind.find(['.', '[']).unwrap_or(behind.len());
        let name = &behind[..end];
        rest = &behind[end..];
        match name {
            "" => return Err(wrong()),
            "*" => {
                is_many = true;
                found = found.into_iter().flat_map(children).collect();
            }
            name => found = found.into_iter().filter_map(|value| value.get(name)).collect(),
        }
    }
    if is_many {
        return Ok(Some(found.into_iter().cloned().collect()));
    }
    Ok(found.first().map(|value| (*value).clone()))
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

impl Transformer {
    /// Returns the input that the target gets for `event`.
    ///
    /// # Errors
    /// Fails if a path is malformed or a variable is not defined. EventBridge refuses to create a
    /// target with this path or template.
    pub fn apply(&self, event: &Value, rule: &RuleContext) -> Result<String, InputError> {
        let is_json = self.template.trim_start().starts_with(['{', '[']);
        let mut sent = String::new();
        let mut rest = self.template.as_str();
        let mut inside = false;
        while let Some(at) = rest.find('<') {
            let text = &rest[..at];
            inside = ends_inside(text, inside);
            sent.push_str(text);
            let Some(end) = rest[at..].find('>') else { break };
            let name = &rest[at + 1..at + end];
            if !is_name(name) {
                sent.push('<');
                rest = &rest[at + 1..];
                continue;
            }
            let value = self.value(name, event, rule)?;
            sent.push_str(&filled_in(value, is_json && !inside));
            rest = &rest[at + end + 1..];
        }
        sent.push_str(rest);
        Ok(sent)
    }

    fn value(
        &self,
        name: &str,
        event: &Value,
        rule: &RuleContext,
    ) -> Result<Option<Value>, InputError> {
        let time = || match rule.ingestion_time.as_str() {
            "" => event["time"].clone(),
            given => json!(given),
        };
        Ok(Some(match name {
            "aws.events.rule-name" => json!(rule.name),
            "aws.events.rule-arn" => json!(rule.arn),
            "aws.events.event.ingestion-time" => time(),
            "aws.events.event.json" => event.clone(),
            "aws.events.event" => without_detail(event),
            _ => match self.paths.get(name) {
                Some(path) => return part_of(event, path),
                None => return Err(InputError::Undefined(name.to_owned())),
            },
        }))
    }
}

fn is_name(name: &str) -> bool {
    let fits = |one: char| one.is_alphanumeric() || matches!(one, '-' | '_' | '.');
    !name.is_empty() && name.chars().all(fits)
}

/// Whether `text` ends inside a JSON string. `inside` is true if `text` begins inside a JSON
/// string.
fn ends_inside(text: &str, inside: bool) -> bool {
    let (mut inside, mut escaped) = (inside, false);
    for next in text.chars() {
        inside ^= next == '"' && !escaped;
        escaped = next == '\\' && !escaped;
    }
    inside
}

/// Returns a value as JSON or as text. In text, a string loses its enclosing quotes; any other
/// value loses all of its quotes.
fn filled_in(value: Option<Value>, as_json: bool) -> String {
    match (value, as_json) {
        (None, true) => r#""""#.to_owned(),
        (None, false) => String::new(),
        (Some(value), true) => value.to_string(),
        (Some(value @ Value::String(_)), false) => {
            let quoted = value.to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        (Some(value), false) => value.to_string().replace('"', ""),
    }
}

fn without_detail(event: &Value) -> Value {
    let members = event.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| *name != "detail").map(|(name, value)| {
        let name = if name == "detail-type" { "detailType" } else { name };
        (name.to_owned(), value.clone())
    });
    Value::Object(kept.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{InputError, RuleContext, Transformer, part_of};

    fn event() -> Value {
        json!({
            "source": "s",
            "detail-type": "t",
            "time": "2024-05-13T12:27:20Z",
            "detail": {"command": "update", "payload": {"id": "1"}, "items": [{"n": 1}, {"n": 2}]},
        })
    }

    fn sent(paths: &[(&str, &str)], template: &str) -> Result<String, InputError> {
        let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned()));
        let transformer = Transformer { paths: paths.collect(), template: template.to_owned() };
        let rule = RuleContext { name: "r".into(), arn: "arn:r".into(), ..RuleContext::default() };
        transformer.apply(&event(), &rule)
    }

    #[test]
    fn a_path_names_a_part_of_the_event() {
        for (path, expected) in [
            ("$", Some(event())),
            ("$.detail.payload", Some(json!({"id": "1"}))),
            ("$.detail.items[1].n", Some(json!(2))),
            ("$.detail.items[*].n", Some(json!([1, 2]))),
            ("$.detail-type", Some(json!("t"))),
            ("$.detail.none", None),
        ] {
            assert_eq!(part_of(&event(), path), Ok(expected), "{path}");
        }
        for wrong in ["detail", "$detail", "$.", "$.a[x]", "$.a[0", "$..a"] {
            assert!(part_of(&event(), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_are_filled_into_text_and_into_json() {
        let paths =
            [("type", "$.detail-type"), ("cmd", "$.detail.command"), ("none", "$.detail.none")];
        for (template, expected) in [
            (r#""of <type>, <cmd>, <none>""#, r#""of t, update, ""#),
            (r#"{"type": <type>, "gone": <none>}"#, r#"{"type": "t", "gone": ""}"#),
            (r#"{"text": "<type> is \"<cmd>\""}"#, r#"{"text": "t is \"update\""}"#),
            ("1 < 2 and <cmd>", "1 < 2 and update"),
            ("<aws.events.rule-name> <aws.events.rule-arn>", "r arn:r"),
        ] {
            assert_eq!(sent(&paths, template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn the_event_is_there_whole_and_without_its_detail() {
        let text = sent(&[], r#"{"a":<aws.events.event>,"b":<aws.events.event.json>}"#);
        let sent: Value = serde_json::from_str(&text.expect("filled in")).expect("JSON");
        assert_eq!(sent["b"], event());
        assert_eq!(sent["a"]["detailType"], "t");
        assert!(sent["a"].get("detail").is_none());
    }

    #[test]
    fn an_undefined_variable_is_refused() {
        assert_eq!(
            sent(&[], "<notdefinedkey>"),
            Err(InputError::Undefined("notdefinedkey".into()))
        );
    }
}

//! The events of an execution, in the shape in which Step Functions' `GetExecutionHistory` returns
//! them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::json::{Json, Object};
use crate::timestamp;

/// One event of an execution's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// The number of the event, counted from 1 in the order of the history.
    pub id: u64,
    /// The id of the event that caused this event; 0 if no event did.
    pub previous_event_id: u64,
    /// When the event happened: the time that the caller passed to the transition.
    pub timestamp: Timestamp,
    /// The type of the event, such as `TaskStateEntered`.
    pub kind: Cow<'static, str>,
    /// The key of the details, such as `stateEnteredEventDetails`, and the details; absent for a
    /// type of event that has no details.
    pub details: Option<(Cow<'static, str>, Json)>,
}

/// The details of an event to record: their key, such as `stateEnteredEventDetails`, and their
/// content.
pub(crate) type Details = Option<(&'static str, Json)>;

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &timestamp::format(self.timestamp))?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("previousEventId", &self.previous_event_id)?;
        if let Some((key, details)) = &self.details {
            map.serialize_entry(key, details)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for HistoryEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Object::deserialize(deserializer)?;
        let mut number = |name: &'static str| {
            let number = members.shift_remove(name).and_then(|value| value.as_integer());
            number
                .and_then(|number| u64::try_from(number).ok())
                .ok_or(D::Error::missing_field(name))
        };
        let (id, previous_event_id) = (number("id")?, number("previousEventId")?);
        let mut text = |name: &'static str| match members.shift_remove(name) {
            Some(Json::String(text)) => Ok(text),
            _ => Err(D::Error::missing_field(name)),
        };
        let (kind, timestamp) = (text("type")?, text("timestamp")?);
        let timestamp = timestamp.parse().map_err(D::Error::custom)?;
        let details = members.into_iter().next().map(|(key, value)| (Cow::Owned(key), value));
        Ok(Self { id, previous_event_id, timestamp, kind: Cow::Owned(kind), details })
    }
}

fn truncated() -> Json {
    Json::object([("truncated", Json::Bool(false))])
}

pub(crate) fn execution_started(input: &Json, role: Option<&str>) -> Details {
    let mut members = Object::new();
    members.insert("input".to_owned(), Json::String(input.to_string()));
    members.insert("inputDetails".to_owned(), truncated());
    if let Some(role) = role {
        members.insert("roleArn".to_owned(), role.into());
    }
    Some(("executionStartedEventDetails", Json::Object(members)))
}

pub(crate) fn execution_succeeded(output: &Json) -> Details {
    let output = Json::String(output.to_string());
    let details = Json::object([("output", output), ("outputDetails", truncated())]);
    Some(("executionSucceededEventDetails", details))
}

/// Makes the details of an event that reports a failure; leaves out an absent error or cause. `key`
/// is, for example, `executionFailedEventDetails`.
pub(crate) fn failed(key: &'static str, error: Option<&str>, cause: Option<&str>) -> Details {
    Some((key, Json::Object(error_members(error, cause))))
}

fn error_members(error: Option<&str>, cause: Option<&str>) -> Object {
    let members = [("error", error), ("cause", cause)];
    let known = members.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into())));
    known.collect()
}

pub(crate) fn state_entered(name: &str, input: String) -> Details {
    let members =
        [("name", name.into()), ("input", Json::String(input)), ("inputDetails", truncated())];
    Some(("stateEnteredEventDetails", Json::object(members)))
}

pub(crate) fn state_exited(name: &str, output: String, assigned: Option<&Object>) -> Details {
    let mut members = Object::new();
    members.insert("name".to_owned(), name.into());
    members.insert("output".to_owned(), Json::String(output));
    members.insert("outputDetails".to_owned(), truncated());
    if let Some(assigned) = assigned.filter(|assigned| !assigned.is_empty()) {
        let texts = assigned.iter().map(|(name, value)| (name, Json::String(value.to_string())));
        members.insert("assignedVariables".to_owned(), Json::object(texts));
        members.insert("assignedVariablesDetails".to_owned(), truncated());
    }
    Some(("stateExitedEventDetails", Json::Object(members)))
}

pub(crate) fn map_started(length: usize) -> Details {
    let length = Json::from(length as u64);
    Some(("mapStateStartedEventDetails", Json::object([("length", length)])))
}

pub(crate) fn iteration(key: &'static str, name: &str, index: usize) -> Details {
    let members = [("name", name.into()), ("index", Json::from(index as u64))];
    Some((key, Json::object(members)))
}

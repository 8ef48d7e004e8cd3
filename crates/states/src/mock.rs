//! Mocks: prepared answers to a machine's tasks, read from a file, so that the machine runs without
//! the real services.
//!
//! ```json
//! {
//!   "Charge": [ {"Throw": {"Error": "Busy", "Cause": "try again"}}, {"Return": {"id": "ch_1"}} ],
//!   "Ship":   {"0-1": {"Throw": {"Error": "Busy", "Cause": "…"}}, "2": {"Return": {}}},
//!   "Notify": {"Return": {"MessageId": "1"}, "AfterSeconds": 5},
//!   "Review": {"Never": true},
//!   "Ask":    {"Submitted": {"MessageId": "1"}, "Return": {"approved": true}}
//! }
//! ```
//!
//! Each member maps the name of a state to its responses: one response for all calls, a list with
//! one response per call, or an object as in Step Functions Local. The keys of the object are the
//! numbers of calls, counted from 0, or ranges of numbers. The last response is used for all
//! further calls.
//!
//! `Submitted` is the response to the call itself, for a task that then waits for a callback or a
//! job. `Never` leaves a task without an answer, and `AfterSeconds` delays the answer.
//!
//! A distributed Map whose items are in a file needs a response, too: the file's content, as a
//! string or as parsed JSON. The calls that write the Map's results need no response.
//!
//! The file may also be a whole configuration of Step Functions Local, with `StateMachines` and
//! `MockedResponses`. The responses then come from one test case of the configuration.

use std::collections::HashMap;

use jiff::SignedDuration;

use crate::execution::TaskRequest;
use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::machine::{Kind, Machine};
use crate::run::{Reply, Tasks};

/// Prepared answers to the tasks of a machine, by the name of each task's state.
#[derive(Debug, Clone, Default)]
pub struct Mocks {
    responses: HashMap<String, Vec<Reply>>,
    calls: HashMap<String, usize>,
}

/// Why mocks could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The text is not JSON.
    #[error("the mocks are not JSON")]
    Json(#[from] serde_json::Error),
    /// A response is malformed.
    #[error("mocks, {place}: {reason}")]
    Response {
        /// The response's place, such as `Charge[0]`.
        place: String,
        /// A description of the error, for people.
        reason: String,
    },
    /// The configuration of Step Functions Local has no test case with the requested name. The
    /// first text is this name; the second text lists the names of the existing test cases.
    #[error("the mocks have no test case {0:?}; they have {1}")]
    NoCase(String, String),
    /// The caller named no test case, and the configuration of Step Functions Local has several.
    /// The text lists the names of the existing test cases.
    #[error("the mocks have several test cases; name one of them: {0}")]
    WhichCase(String),
}

impl Mocks {
    /// Reads mocks. A configuration of Step Functions Local must have exactly one test case.
    ///
    /// # Errors
    /// When the text is not JSON or a response is malformed.
    pub fn parse(text: &str) -> Result<Self, MockError> {
        Self::parse_case(text, None)
    }

    /// Reads mocks. From a configuration of Step Functions Local, reads the responses of the test
    /// case named `case`; without a name, there must be exactly one test case.
    ///
    /// # Errors
    /// When the text is not JSON, a response is malformed, or the test case does not exist.
    pub fn parse_case(text: &str, case: Option<&str>) -> Result<Self, MockError> {
        let document: Json = text.parse()?;
        let members = object(&document, "")?;
        let responses = match (members.get("StateMachines"), members.get("MockedResponses")) {
            (Some(machines), Some(mocked)) => of_case(machines, mocked, case)?,
            _ => members
                .iter()
                .map(|(state, given)| Ok((state.clone(), replies(given, state)?)))
                .collect::<Result<_, MockError>>()?,
        };
        Ok(Self { responses, calls: HashMap::new() })
    }

    /// Returns the names of the test cases in a configuration of Step Functions Local; for other
    /// mocks, a single `None`.
    ///
    /// # Errors
    /// When the text is not JSON, or when a part that must be an object is not one.
    pub fn cases(text: &str) -> Result<Vec<Option<String>>, MockError> {
        let document: Json = text.parse()?;
        let members = object(&document, "")?;
        let (Some(machines), Some(_)) =
            (members.get("StateMachines"), members.get("MockedResponses"))
        else {
            return Ok(vec![None]);
        };
        Ok(test_cases(machines)?.into_iter().map(|(name, _)| Some(name)).collect())
    }

    /// Returns the mocks' state names that belong to no Task and to no Map of the machine. Such
    /// names are probably mistakes.
    #[must_use]
    pub fn unknown_names(&self, machine: &Machine) -> Vec<&str> {
        let calls = |kind: &Kind| matches!(kind, Kind::Task(_) | Kind::Map(..));
        let has = |name: &str| {
            let states = machine.flows.iter().filter_map(|flow| flow.states.get(name));
            states.into_iter().any(|state| calls(&state.kind))
        };
        let mut unknown_names: Vec<&str> =
            self.responses.keys().map(String::as_str).filter(|name| !has(name)).collect();
        unknown_names.sort_unstable();
        unknown_names
    }

    /// Sets the responses of a state, one per call. The last response is used for all further
    /// calls.
    #[must_use]
    pub fn with(mut self, state: impl Into<String>, replies: Vec<Reply>) -> Self {
        self.responses.insert(state.into(), replies);
        self
    }
}

impl Tasks for Mocks {
    fn call(&mut self, request: &TaskRequest) -> Result<Reply, String> {
        if !self.responses.contains_key(&request.state) && request.writes_results() {
            return Ok(Reply::output(Json::empty_object()));
        }
        let replies = self.responses.get(&request.state).ok_or_else(|| {
            format!("the mocks have no results for it; add \"{}\" to the mocks", request.state)
        })?;
        let call = self.calls.entry(request.state.clone()).or_default();
        let reply = replies.get(*call).or(replies.last());
        *call += 1;
        reply.cloned().ok_or_else(|| "its mock has no response".to_owned())
    }
}

fn fault(place: &str, reason: impl Into<String>) -> MockError {
    MockError::Response { place: place.to_owned(), reason: reason.into() }
}

fn object<'a>(value: &'a Json, place: &str) -> Result<&'a Object, MockError> {
    let expected = || fault(place, format!("expected an object, not {}", value.kind()));
    value.as_object().ok_or_else(expected)
}

type Responses = HashMap<String, Vec<Reply>>;

fn test_cases(machines: &Json) -> Result<Vec<(String, Json)>, MockError> {
    let mut cases = Vec::new();
    for (machine, members) in object(machines, "StateMachines")? {
        let place = format!("StateMachines.{machine}.TestCases");
        let found = object(members, machine)?.get("TestCases");
        cases.extend(object(found.unwrap_or(&Json::empty_object()), &place)?.clone());
    }
    Ok(cases)
}

fn of_case(machines: &Json, mocked: &Json, case: Option<&str>) -> Result<Responses, MockError> {
    let mocked = object(mocked, "MockedResponses")?;
    let cases = test_cases(machines)?;
    let names = cases.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match case {
        Some(case) => cases.iter().find(|(name, _)| name == case),
        None if cases.len() == 1 => cases.first(),
        None => None,
    };
    let no_case = || match case {
        Some(case) => MockError::NoCase(case.to_owned(), names),
        None if names.is_empty() => fault("StateMachines", "has no test case"),
        None => MockError::WhichCase(names),
    };
    let (name, states) = chosen.ok_or_else(no_case)?;
    let mut responses = HashMap::new();
    for (state, response) in object(states, name)? {
        let key = response.as_str().unwrap_or_default();
        let place = format!("MockedResponses.{key}");
        let given = mocked.get(key).ok_or_else(|| fault(&place, "is missing"))?;
        responses.insert(state.clone(), replies(given, &place)?);
    }
    Ok(responses)
}

fn replies(given: &Json, place: &str) -> Result<Vec<Reply>, MockError> {
    match given {
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| reply(item, &format!("{place}[{index}]")))
            .collect(),
        Json::Object(members) if is_numbered(members) => numbered(members, place),
        single => Ok(vec![reply(single, place)?]),
    }
}

fn is_numbered(members: &Object) -> bool {
    !members.is_empty()
        && members.keys().all(|key| key.starts_with(|first: char| first.is_ascii_digit()))
}

fn numbered(members: &Object, place: &str) -> Result<Vec<Reply>, MockError> {
    let mut replies = Vec::new();
    for (key, given) in members {
        let place = format!("{place}.{key}");
        let (first, last) = key.split_once('-').unwrap_or((key, key));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (Some(first), Some(last)) = (number(first), number(last)) else {
            return Err(fault(&place, "is neither a number nor a range such as 1-3"));
        };
        if first != replies.len() || last < first || last > 10_000 {
            let expected = replies.len();
            return Err(fault(&place, format!("expected a number or a range from {expected} on")));
        }
        let reply = reply(given, &place)?;
        replies.resize(last + 1, reply);
    }
    Ok(replies)
}

fn reply(given: &Json, place: &str) -> Result<Reply, MockError> {
    const KNOWN: [&str; 5] = ["Return", "Throw", "Never", "Submitted", "AfterSeconds"];
    let members = object(given, place)?;
    if let Some(unknown) = members.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let known = KNOWN.join(", ");
        return Err(fault(place, format!("'{unknown}' is unknown; a response has {known}")));
    }
    let reply = match (members.get("Return"), members.get("Throw"), members.get("Never")) {
        (Some(output), None, None) => Reply::output(output.clone()),
        (None, Some(error), None) => thrown(object(error, place)?),
        (None, None, Some(Json::Bool(true))) => Reply::never(),
        _ => return Err(fault(place, "expected exactly one of Return, Throw and \"Never\": true")),
    };
    let seconds = members.get("AfterSeconds").and_then(Json::as_integer).unwrap_or(0);
    let submitted = members.get("Submitted").cloned();
    Ok(Reply { submitted, ..reply.after(SignedDuration::from_secs(seconds)) })
}

fn thrown(error: &Object) -> Reply {
    let text = |name: &str| match error.get(name) {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let failure = Failure { error: text("Error"), cause: text("Cause"), ..Failure::new("", "") };
    Reply::new(Some(Err(failure)))
}

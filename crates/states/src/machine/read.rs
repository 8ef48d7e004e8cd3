//! Reads a whole definition.

use std::cell::{Cell, RefCell};

use indexmap::IndexMap;

use super::fields::{Fields, MAX_SECONDS};
use super::notes::Notes;
use super::{Flow, FlowId, Limits, Machine, Workflow, graph, scopes, states};
use crate::document;
use crate::json::Json;
use crate::jsonata::Query;
use crate::problem::{Code, Problem, Severity};

/// The maximum length of a definition that Step Functions accepts, in bytes.
const MAX_DEFINITION: usize = 1024 * 1024;
const MAX_NAME: usize = 80;

pub(super) fn machine(definition: &str, workflow: Workflow) -> (Option<Machine>, Vec<Problem>) {
    let refused = |code: Code, reason: String| {
        let problem = Problem {
            severity: Severity::Error,
            code: Some(code),
            location: None,
            state: None,
            field: String::new(),
            reason,
            remedy: None,
        };
        (None, vec![problem])
    };
    if definition.len() > MAX_DEFINITION {
        return refused(
            Code::SchemaValidationFailed,
            format!("the definition is longer than {MAX_DEFINITION} bytes"),
        );
    }
    if definition.trim().is_empty() {
        let reason = "the definition must be an object, and is empty".to_owned();
        return refused(Code::SchemaValidationFailed, reason);
    }
    let (document, repeated) = match document::read(definition) {
        Ok(read) => read,
        Err(error) => {
            return refused(
                Code::InvalidJsonDescription,
                format!("the definition is not JSON: {error}"),
            );
        }
    };
    let Json::Object(members) = &document else {
        let reason = format!("the definition must be an object, not {}", document.kind());
        return refused(Code::SchemaValidationFailed, reason);
    };
    let jsonata = Cell::new(false);
    let notes = Notes { problems: RefCell::default(), workflow, jsonata };
    let fields = Fields::new(members, &notes);
    for place in repeated {
        fields.advise("", format!("the key at {place} is given twice"), "keep one of the two");
    }
    let machine = whole(fields);
    (Some(machine), notes.problems.into_inner())
}

fn whole(mut fields: Fields<'_>) -> Machine {
    let mut flows = Flows::default();
    query_language(&mut fields);
    fields.notes().jsonata.set(fields.jsonata);
    if let Some(version) = fields.text("Version").filter(|version| *version != "1.0") {
        fields.advise("Version", format!("'{version}' is unknown"), "the version is \"1.0\"");
    }
    let timeout_seconds = fields.integer("TimeoutSeconds", 1..=MAX_SECONDS);
    let comment = fields.text("Comment").map(str::to_owned);
    flows.flow(&mut fields);
    fields.finish("a state machine");
    let flows = flows.done();
    scopes::check(&flows, &fields);
    Machine { comment, timeout_seconds, flows, limits: Limits::default() }
}

/// Reads `QueryLanguage`. A state may be in JSONata if the machine is in JSONPath, but not the
/// reverse.
pub(super) fn query_language(fields: &mut Fields<'_>) {
    match fields.text("QueryLanguage") {
        None => {}
        Some("JSONPath") if fields.notes().jsonata.get() => fields.of_object(
            "QueryLanguage",
            "is JSONPath in a machine that is in JSONata",
            "only a machine in JSONPath may have states in the other query language",
        ),
        Some("JSONPath") => fields.jsonata = false,
        Some("JSONata") if Query::KNOWN => fields.jsonata = true,
        Some("JSONata") => fields.advise(
            "QueryLanguage",
            "JSONata is not supported by this build",
            "write the machine with JSONPath, or build with the feature 'jsonata'",
        ),
        Some(other) => fields.refuse("QueryLanguage", format!("'{other}' is unknown")),
    }
}

/// The flows (the top level, branches and item processors) read so far. A flow gets its index
/// before its states are read, so its index is lower than the indices of the flows inside it.
#[derive(Default)]
pub(super) struct Flows {
    flows: Vec<Option<Flow>>,
    names: std::collections::HashSet<String>,
}

impl Flows {
    /// Reads `StartAt` and `States`.
    pub(super) fn flow(&mut self, fields: &mut Fields<'_>) -> FlowId {
        let id = self.flows.len();
        self.flows.push(None);
        let start_at = fields
            .required_text("StartAt", "name the state that the machine starts with")
            .unwrap_or_default()
            .to_owned();
        let mut states = IndexMap::new();
        match fields.take("States") {
            None => fields.missing("States", "a machine needs at least one state"),
            Some(Json::Object(members)) => {
                if members.is_empty() {
                    fields.refuse("States", "has no state");
                }
                for (name, state) in members {
                    self.name(fields, name);
                    let Json::Object(members) = state else {
                        let place = format!("States.{name}");
                        fields.refuse(&place, format!("must be an object, not {}", state.kind()));
                        continue;
                    };
                    let read = states::read(&mut fields.of_state(name, members), self);
                    states.extend(read.map(|state| (name.clone(), state)));
                }
                let pointer = fields.pointer().to_owned();
                let flow = Flow { start_at: start_at.clone(), pointer, states: states.clone() };
                graph::check(&flow, members, fields);
            }
            Some(other) => {
                fields.refuse("States", format!("must be an object, not {}", other.kind()));
            }
        }
        let pointer = fields.pointer().to_owned();
        self.flows[id] = Some(Flow { start_at, pointer, states });
        id
    }

    fn name(&mut self, fields: &Fields<'_>, name: &str) {
        let place = format!("States.{name}");
        let length = name.chars().count();
        if length > MAX_NAME {
            let reason =
                format!("the name has {length} characters; at most {MAX_NAME} are allowed");
            fields.coded(Code::InvalidStateName).advise(&place, reason, "give it a shorter name");
        }
        if name.is_empty() {
            fields.coded(Code::InvalidStateName).advise(
                &place,
                "the name is empty",
                "give it a name",
            );
        }
        if !self.names.insert(name.to_owned()) {
            let remedy = "names are unique in the whole machine, nested states included";
            let reason = format!("the name '{name}' is given twice");
            fields.coded(Code::DuplicateStateName).advise(&place, reason, remedy);
        }
    }

    fn done(self) -> Vec<Flow> {
        self.flows.into_iter().flatten().collect()
    }
}

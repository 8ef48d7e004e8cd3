//! Collects the problems of a definition while it is read, each with its place and its code.

use std::cell::{Cell, RefCell};

use super::Workflow;
use super::fields::Fields;
use crate::json::Json;
use crate::problem::{Code, Problem, Severity};

/// The settings that hold for the whole definition, and the problems found in it so far.
pub(super) struct Notes {
    pub(super) problems: RefCell<Vec<Problem>>,
    pub(super) workflow: Workflow,
    /// Whether states without a `QueryLanguage` are in JSONata.
    pub(super) jsonata: Cell<bool>,
}

impl Fields<'_> {
    pub(super) fn problem(&self, field: &str, reason: impl Into<String>) -> Problem {
        let location = match field {
            "" if self.pointer.is_empty() => "/".to_owned(),
            "" => self.pointer.clone(),
            _ => match field.strip_prefix("States.") {
                Some(name) => format!("{}/States/{name}", self.pointer),
                None => format!("{}/{}", self.pointer, field.replace('.', "/")),
            },
        };
        Problem {
            severity: Severity::Error,
            code: Some(Code::SchemaValidationFailed),
            location: Some(location),
            state: self.state.map(str::to_owned),
            field: self.join(field),
            reason: reason.into(),
            remedy: None,
        }
    }

    pub(super) fn note(&self, problem: Problem) {
        self.notes.problems.borrow_mut().push(problem);
    }

    pub(super) fn refuse(&self, field: &str, reason: impl Into<String>) {
        self.note(self.problem(field, reason));
    }

    pub(super) fn advise(&self, field: &str, reason: impl Into<String>, remedy: &str) {
        let remedy = Some(remedy.to_owned());
        self.note(Problem { remedy, ..self.problem(field, reason) });
    }

    /// Returns a reporter of problems with the given code.
    pub(super) fn coded(&self, code: Code) -> Coded<'_> {
        Coded { fields: self, code }
    }

    /// Reports that a required field is missing.
    pub(super) fn missing(&self, field: &str, remedy: &str) {
        self.of_object(field, "is missing", remedy);
    }

    /// Reports a problem of a field. As in Step Functions, the problem's location is the object
    /// that has the field.
    pub(super) fn of_object(&self, field: &str, reason: impl Into<String>, remedy: &str) {
        let location = self.problem("", "").location;
        let remedy = Some(remedy.to_owned()).filter(|remedy| !remedy.is_empty());
        self.note(Problem { location, remedy, ..self.problem(field, reason) });
    }

    /// Reports a warning that only this library gives, not Step Functions.
    pub(super) fn warn(&self, field: &str, reason: impl Into<String>, remedy: &str) {
        let (severity, remedy) = (Severity::Warning, Some(remedy.to_owned()));
        self.note(Problem { severity, code: None, remedy, ..self.problem(field, reason) });
    }

    /// Warns of the first text in the template that looks like a path or a function but is not
    /// evaluated, because its key does not end in `.$`.
    pub(super) fn look_alikes(&self, name: &str, source: &Json) {
        let mut pending = vec![(name.to_owned(), source)];
        while let Some((place, value)) = pending.pop() {
            match value {
                Json::Object(members) => {
                    let plain = members.iter().filter(|(key, _)| !key.ends_with(".$"));
                    pending.extend(plain.map(|(key, value)| (format!("{place}.{key}"), value)));
                }
                Json::Array(items) => {
                    pending.extend(items.iter().map(|item| (place.clone(), item)));
                }
                Json::String(text) if looks_computed(text) => {
                    let reason = format!("'{text}' is passed on as plain text, not evaluated");
                    let remedy = "let the key end in '.$' to have it evaluated";
                    return self.coded(Code::NoDollar).warn(&place, reason, remedy);
                }
                _ => {}
            }
        }
    }
}

/// Reports problems with a code other than [`Code::SchemaValidationFailed`].
pub(super) struct Coded<'a> {
    fields: &'a Fields<'a>,
    code: Code,
}

impl Coded<'_> {
    pub(super) fn advise(&self, field: &str, reason: impl Into<String>, remedy: &str) {
        self.note(Severity::Error, self.fields.problem(field, reason), remedy);
    }

    pub(super) fn warn(&self, field: &str, reason: impl Into<String>, remedy: &str) {
        self.note(Severity::Warning, self.fields.problem(field, reason), remedy);
    }

    fn note(&self, severity: Severity, problem: Problem, remedy: &str) {
        // Step Functions reports no location if a machine has no state that ends the execution.
        let is_placed = self.code != Code::MissingEndState;
        let location = problem.location.clone().filter(|_| is_placed);
        let (code, remedy) = (Some(self.code), Some(remedy.to_owned()));
        self.fields.note(Problem { severity, code, location, remedy, ..problem });
    }
}

fn looks_computed(text: &str) -> bool {
    let is_path = text.starts_with("$.") || text.starts_with("$$.");
    is_path || (text.starts_with("States.") && text.ends_with(')'))
}

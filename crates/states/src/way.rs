//! The ways that an execution takes from state to state, by the fields that name the next state.

use serde::Serialize;

use crate::machine::Next;

/// A transition from one state to the next, by the field that names the next state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Way {
    /// The name of the state that is left.
    pub from: String,
    /// The field that names the next state, or `End`: `Next`, `End`, `Choices[0].Next`, `Default`
    /// or `Catch[0].Next`.
    pub field: String,
    /// The name of the state that follows; `None` at the end of the machine, the branch or the
    /// iteration.
    pub to: Option<String>,
}

/// The names of the states that an execution has entered, and the ways it has taken, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Trail {
    pub(crate) entered: Vec<String>,
    pub(crate) ways: Vec<Way>,
}

/// The field by which an execution leaves a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Out {
    Next,
    Rule(usize),
    Default,
    Catch(usize),
}

impl Way {
    pub(crate) fn new(from: &str, next: &Next, out: Out) -> Self {
        let to = match next {
            Next::State(name) => Some(name.clone()),
            Next::End => None,
        };
        let field = match out {
            Out::Next if to.is_none() => "End".to_owned(),
            Out::Next => "Next".to_owned(),
            Out::Rule(position) => format!("Choices[{position}].Next"),
            Out::Default => "Default".to_owned(),
            Out::Catch(position) => format!("Catch[{position}].Next"),
        };
        Self { from: from.to_owned(), field, to }
    }
}

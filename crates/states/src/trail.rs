//! The transitions that an execution makes from state to state, and the fields that name the next
//! state.

use serde::Serialize;

use crate::machine::Next;

/// A transition from one state to the next, with the field that names the next state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Transition {
    /// The name of the state that the transition leaves.
    pub from: String,
    /// The field that names the next state, such as `Next`, `Choices[0].Next`, `Default` or
    /// `Catch[0].Next`; `End` if no state follows.
    pub field: String,
    /// The name of the next state; `None` at the end of the machine, the branch or the iteration.
    pub to: Option<String>,
}

/// The names of the states that an execution has entered, and the transitions that it has made, in
/// order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Trail {
    pub(crate) entered: Vec<String>,
    pub(crate) transitions: Vec<Transition>,
}

/// The field that names the next state of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextField {
    Next,
    Rule(usize),
    Default,
    Catch(usize),
}

impl Transition {
    pub(crate) fn new(from: &str, next: &Next, by: NextField) -> Self {
        let to = match next {
            Next::State(name) => Some(name.clone()),
            Next::End => None,
        };
        let field = match by {
            NextField::Next if to.is_none() => "End".to_owned(),
            NextField::Next => "Next".to_owned(),
            NextField::Rule(position) => format!("Choices[{position}].Next"),
            NextField::Default => "Default".to_owned(),
            NextField::Catch(position) => format!("Catch[{position}].Next"),
        };
        Self { from: from.to_owned(), field, to }
    }
}

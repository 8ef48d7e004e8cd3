//! JSONPath as Step Functions supports it: paths for reading, and reference paths, which can also
//! be written to.

mod filter;
mod parse;
mod place;
mod select;

use std::fmt;

use filter::Filter;

pub(crate) use place::put;
pub(crate) use select::Missing;

/// A parsed JSONPath, such as `$.order.id`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

/// The value that a path starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// `$`: the input of the current evaluation.
    Input,
    /// `$$`: the context object.
    Context,
    /// `$name`: a variable.
    Variable(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Name(String),
    Names(Vec<String>),
    Index(i64),
    Indices(Vec<i64>),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    Wildcard,
    /// `..`: the next step applies to the value and to all values inside it.
    Descend,
    Filter(Filter),
}

/// Why a text could not be read as a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{path}' is not a JSONPath: {reason} at character {at}")]
pub struct PathError {
    /// The text that was read.
    pub path: String,
    /// A description of the error, for people.
    pub reason: String,
    /// The position of the error in characters, counted from 1.
    pub at: usize,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When the text is not a JSONPath.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::path(text, false)
    }

    /// Reads a path that is an argument of a function. In such a path, Step Functions accepts a
    /// name such as `detail-type` only in brackets.
    pub(crate) fn parse_argument(text: &str) -> Result<Self, PathError> {
        parse::path(text, true)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Whether the path has no steps, and so selects the whole value that it starts from.
    pub(crate) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the path can name only a single place, so that a value can be written to it.
    pub(crate) fn is_reference(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Name(_) => true,
            Step::Index(index) => *index >= 0,
            _ => false,
        })
    }

    /// Whether the path gives a single value, rather than a list of values.
    pub(crate) fn is_definite(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

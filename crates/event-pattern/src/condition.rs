//! What a pattern asks of one field, and what it asks together.

use std::sync::Arc;

use crate::comparison::Comparison;

/// What is asked of one field.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The names on the way to the field, joined with dots.
    pub(crate) path: Box<str>,
    /// Where it is asked, as a path into the pattern: `$.$or[1].detail.total`.
    pub(crate) place: Box<str>,
    /// Whether the field's absence will do: `{"exists": false}`.
    pub(crate) absent: bool,
    /// What else will do.
    pub(crate) comparisons: Box<[Comparison]>,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
            && self.absent == other.absent
            && self.comparisons == other.comparisons
    }
}

/// Conditions that must hold together, sorted by path in the order of the engine.
pub(crate) type Combination = Box<[Arc<Condition>]>;

//! The conditions of a pattern on its fields.

use std::sync::Arc;

use crate::comparison::Comparison;

/// What a pattern asks of one field: its absence, or a value that one of the comparisons accepts.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The names on the way to the field, joined with dots.
    pub(crate) path: Box<str>,
    /// Where the condition is in the pattern, such as `$.$or[1].detail.total`.
    pub(crate) place: Box<str>,
    /// Whether the field's absence meets the condition: `{"exists": false}`.
    pub(crate) absent: bool,
    /// The comparisons. A value that one of the comparisons accepts meets the condition.
    pub(crate) comparisons: Box<[Comparison]>,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
            && self.absent == other.absent
            && self.comparisons == other.comparisons
    }
}

/// Conditions that must all hold, sorted by path as EventBridge's engine sorts them.
pub(crate) type Combination = Box<[Arc<Condition>]>;

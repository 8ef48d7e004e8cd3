//! Content rules: which events of a row's types it takes, by their data.

use serde_json::{Value, json};

/// A condition on one field of an event's `data`. A rule's event pattern is written from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The number in `field` is at least this many whole units.
    AtLeast {
        /// The field of `data`.
        field: &'static str,
        /// The bound itself is taken, too.
        units: i64,
    },
    /// The text in `field` is any but this.
    AnythingBut {
        /// The field of `data`.
        field: &'static str,
        /// What is not taken.
        value: &'static str,
    },
    /// The text in `field` is one of these.
    OneOf {
        /// The field of `data`.
        field: &'static str,
        /// What is taken.
        values: &'static [&'static str],
    },
}

impl Content {
    /// The event pattern on `detail`, as EventBridge reads it.
    #[must_use]
    pub fn pattern(self) -> Value {
        let (field, entries) = match self {
            Self::AtLeast { field, units } => (field, json!([{ "numeric": [">=", units] }])),
            Self::AnythingBut { field, value } => (field, json!([{ "anything-but": [value] }])),
            Self::OneOf { field, values } => (field, json!(values)),
        };
        json!({ "data": { field: entries } })
    }
}

//! Conditions on an event's data that decide whether a row of the design table consumes the event.

use serde_json::{Value, json};

/// A condition on an event's `data`, which becomes a part of the event pattern of an EventBridge
/// rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The number in `field` is at least `units`.
    AtLeast {
        /// The field of `data`.
        field: &'static str,
        /// The smallest value that matches.
        units: i64,
    },
    /// The text in `field` differs from `value`.
    AnythingBut {
        /// The field of `data`.
        field: &'static str,
        /// The text that does not match.
        value: &'static str,
    },
    /// The text in `field` is one of `values`.
    OneOf {
        /// The field of `data`.
        field: &'static str,
        /// The texts that match.
        values: &'static [&'static str],
    },
    /// The flag `name` in the object `of` is true. The event's publisher sets the flag.
    Flag {
        /// The field of `data` that contains the object.
        of: &'static str,
        /// The flag's name within that object.
        name: &'static str,
        /// The condition that applies to an event of an earlier release, which lacks the flag.
        without: &'static Self,
    },
}

impl Content {
    /// The condition in EventBridge's form: an event pattern for an event's `detail`.
    #[must_use]
    pub fn pattern(self) -> Value {
        json!({ "data": self.on_data() })
    }

    fn on_data(self) -> Value {
        match self {
            Self::AtLeast { field, units } => json!({ field: [{ "numeric": [">=", units] }] }),
            Self::AnythingBut { field, value } => json!({ field: [{ "anything-but": [value] }] }),
            Self::OneOf { field, values } => json!({ field: values }),
            Self::Flag { of, name, without } => {
                let mut earlier = without.on_data();
                earlier[of] = json!({ name: [{ "exists": false }] });
                json!({ "$or": [{ of: { name: [true] } }, earlier] })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_decides_where_it_is_and_the_older_condition_where_it_is_not() {
        const OLDER: Content = Content::AtLeast { field: "total", units: 5 };
        let flag = Content::Flag { of: "terms", name: "large", without: &OLDER };
        let expected = json!({ "data": { "$or": [
            { "terms": { "large": [true] } },
            { "terms": { "large": [{ "exists": false }] }, "total": [{ "numeric": [">=", 5] }] },
        ] } });
        assert_eq!(flag.pattern(), expected);
    }
}

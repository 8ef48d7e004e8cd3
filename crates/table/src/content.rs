//! Content rules: which events of a row's types it takes, by their data.

use serde_json::{Value, json};

/// A condition on an event's `data`. A rule's event pattern is written from it.
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
    /// The flag `name` in the object `of` is true: whoever published the event decided.
    Flag {
        /// The field of `data` that holds the object.
        of: &'static str,
        /// The field of that.
        name: &'static str,
        /// What is taken of events that do not have the flag: those of earlier releases.
        without: &'static Self,
    },
}

impl Content {
    /// The event pattern on `detail`, as EventBridge reads it.
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

//! Writes as values: what is written, and what must hold of the item that is there.

use crate::{Item, Key, number};

/// What must hold of the item that is there, or of there being none, for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Absent,
    Present,
    /// There is an item, and this number of it is exactly `value`.
    Equals {
        attribute: &'static str,
        value: i64,
    },
    /// There is an item, and this number of it is at least `value`.
    AtLeast {
        attribute: &'static str,
        /// The bound itself will do.
        value: i64,
    },
    /// There is no item, or this number of it is below `value`: it is older, or has expired.
    AbsentOrBelow {
        attribute: &'static str,
        /// The bound itself will not do.
        value: i64,
    },
    All(Vec<Condition>),
}

impl Condition {
    /// Whether it holds of `item`. A number that is missing, or no whole number, is none.
    #[must_use]
    pub fn holds(&self, item: Option<&Item>) -> bool {
        let of = |attribute: &str| item.and_then(|item| number(item, attribute));
        match self {
            Self::Absent => item.is_none(),
            Self::Present => item.is_some(),
            Self::Equals { attribute, value } => of(attribute) == Some(*value),
            Self::AtLeast { attribute, value } => of(attribute).is_some_and(|is| is >= *value),
            Self::AbsentOrBelow { attribute, value } => {
                item.is_none() || of(attribute).is_some_and(|is| is < *value)
            }
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(item)),
        }
    }
}

/// One change to an item that is there, or is made by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Adds to a number; one that is missing counts as 0.
    Add {
        attribute: &'static str,
        /// How much; less than 0 takes away.
        amount: i64,
    },
    Remove {
        attribute: &'static str,
    },
}

/// One write. Several commit together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts a whole item, which carries its key.
    Put {
        key: Key,
        /// The item, key attributes included.
        item: Item,
        /// Must hold of the item that is there.
        condition: Option<Condition>,
    },
    Update {
        key: Key,
        updates: Vec<Update>,
        /// Must hold of the item that is there.
        condition: Option<Condition>,
    },
    Delete {
        key: Key,
    },
    /// Changes nothing; only the condition counts.
    Check {
        key: Key,
        /// Must hold of the item that is there.
        condition: Condition,
    },
}

impl Write {
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. }
            | Self::Update { key, .. }
            | Self::Delete { key }
            | Self::Check { key, .. } => key,
        }
    }

    /// What must hold for it to happen.
    #[must_use]
    pub const fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Put { condition, .. } | Self::Update { condition, .. } => condition.as_ref(),
            Self::Check { condition, .. } => Some(condition),
            Self::Delete { .. } => None,
        }
    }
}

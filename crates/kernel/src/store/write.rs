//! Writes as values: what is written, and what must hold of the item that is there.

use crate::{Item, Key, number};

/// What must hold of the item that is there, or of there being none, for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no item.
    Absent,
    /// There is an item.
    Present,
    /// There is an item, and this number of it is exactly `value`.
    Equals {
        /// The attribute.
        attribute: &'static str,
        /// What it must be.
        value: i64,
    },
    /// There is an item, and this number of it is at least `value`.
    AtLeast {
        /// The attribute.
        attribute: &'static str,
        /// The bound itself will do.
        value: i64,
    },
    /// There is no item, or this number of it is below `value`: it is older, or has expired.
    AbsentOrBelow {
        /// The attribute.
        attribute: &'static str,
        /// The bound itself will not do.
        value: i64,
    },
    /// All of these hold.
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
        /// The attribute.
        attribute: &'static str,
        /// How much; less than 0 takes away.
        amount: i64,
    },
    /// Takes an attribute away.
    Remove {
        /// The attribute.
        attribute: &'static str,
    },
}

/// One write. Several commit together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts a whole item, which carries its key.
    Put {
        /// Where.
        key: Key,
        /// The item, key attributes included.
        item: Item,
        /// Must hold of the item that is there.
        condition: Option<Condition>,
    },
    /// Changes some attributes.
    Update {
        /// Where.
        key: Key,
        /// What changes.
        updates: Vec<Update>,
        /// Must hold of the item that is there.
        condition: Option<Condition>,
    },
    /// Deletes an item.
    Delete {
        /// Where.
        key: Key,
    },
    /// Changes nothing; only the condition counts.
    Check {
        /// Where.
        key: Key,
        /// Must hold of the item that is there.
        condition: Condition,
    },
}

impl Write {
    /// Where it writes.
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

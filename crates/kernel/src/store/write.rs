//! A write as a value: the change, and the condition on the stored item.

use crate::{Item, Key, number};

/// What a write requires of the stored item, such as its absence. A write whose condition does not
/// hold is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Absent,
    Present,
    /// The item exists, and the number in `attribute` equals `value`.
    Equals {
        attribute: &'static str,
        value: i64,
    },
    /// The item exists, and the number in `attribute` is `value` or more.
    AtLeast {
        attribute: &'static str,
        value: i64,
    },
    /// The item does not exist, or the number in `attribute` is less than `value`. For example, the
    /// stored item may have an earlier version, or may have expired.
    AbsentOrBelow {
        attribute: &'static str,
        value: i64,
    },
    All(Vec<Condition>),
}

impl Condition {
    /// Whether the condition holds for `item`. An attribute that is no whole number counts as
    /// missing.
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

/// One change to an item. If the item does not exist, the change creates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Adds to a number; a missing number counts as 0.
    Add {
        attribute: &'static str,
        /// The amount to add; it may be negative.
        amount: i64,
    },
    Remove {
        attribute: &'static str,
    },
}

/// One write. Several writes of one transaction are committed together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts a whole item, key attributes included.
    Put {
        key: Key,
        item: Item,
        /// Must hold for the stored item.
        condition: Option<Condition>,
    },
    Update {
        key: Key,
        updates: Vec<Update>,
        /// Must hold for the stored item.
        condition: Option<Condition>,
    },
    Delete {
        key: Key,
    },
    /// Changes nothing, but the transaction is refused if the condition does not hold.
    Check {
        key: Key,
        /// Must hold for the stored item.
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

    /// The condition under which the write happens; none if it always happens.
    #[must_use]
    pub const fn condition(&self) -> Option<&Condition> {
        match self {
            Self::Put { condition, .. } | Self::Update { condition, .. } => condition.as_ref(),
            Self::Check { condition, .. } => Some(condition),
            Self::Delete { .. } => None,
        }
    }
}

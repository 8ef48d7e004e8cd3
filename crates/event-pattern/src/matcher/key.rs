//! The keys of the index. A combination is a set of conditions that must all hold. The index picks
//! one of the conditions, and files the combination under one key for each comparison of that
//! condition. A key is a property, for example a prefix, of every value that the comparison
//! accepts, so the values of an event lead to the combination.

use super::field::Field;
use super::grams::Gram;
use crate::address::AddressRange;
use crate::comparison::{Affix, Comparison};
use crate::fold::AnyCase;
use crate::wildcard::Wildcard;

/// The weight of a key for a field's absence: an estimate of how many candidates an event finds
/// under the key. The weight is high, because most fields are absent from most events.
pub(super) const ABSENT_WEIGHT: usize = 1 << 10;

/// A property of all values that a comparison accepts. If the key is `sure`, the comparison accepts
/// every value that has the property.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Text(Box<str>),
    Folded(Box<str>),
    Number(u64),
    /// The spelling of a number that EventBridge's engine cannot compare as a number. Only a number
    /// with the same spelling equals it.
    Raw(Box<str>),
    Numbers(u64, u64),
    Addresses(AddressRange),
    Prefix {
        bytes: Box<[u8]>,
        sure: bool,
    },
    /// The bytes are in reverse order.
    Suffix {
        bytes: Box<[u8]>,
        sure: bool,
    },
    FoldedPrefix(Box<[u8]>),
    /// The bytes are in reverse order.
    FoldedSuffix(Box<[u8]>),
    Gram(Gram),
    AnyText,
    Any {
        sure: bool,
    },
    Absent,
}

impl Key {
    /// Returns the keys under which `comparison` can be filed: at least one.
    pub(super) fn options(comparison: &Comparison) -> Vec<Self> {
        vec![match comparison {
            Comparison::Null => Self::Null,
            Comparison::Bool(asked) => Self::Bool(*asked),
            Comparison::Text(text) => Self::Text(text.clone()),
            Comparison::Address(_, range) | Comparison::Cidr(_, range) => {
                Self::Addresses(range.clone())
            }
            Comparison::Number(_, Some(key)) => Self::Number(*key),
            Comparison::Number(text, None) => Self::Raw(text.clone()),
            Comparison::Range(range) if range.keys.0 == range.keys.1 => Self::Number(range.keys.0),
            Comparison::Range(range) => Self::Numbers(range.keys.0, range.keys.1),
            Comparison::Prefix(affix) => {
                Self::Prefix { bytes: needed(affix).as_bytes().into(), sure: is_plain(affix) }
            }
            Comparison::Suffix(affix) => {
                Self::Suffix { bytes: reversed(needed(affix)), sure: is_plain(affix) }
            }
            Comparison::PrefixAnyCase(affix) => {
                Self::FoldedPrefix(needed_folded(affix).as_bytes().into())
            }
            Comparison::SuffixAnyCase(affix) => Self::FoldedSuffix(reversed(needed_folded(affix))),
            Comparison::AnyCase(text) => Self::Folded(text.folded().into()),
            Comparison::Wildcard(wildcard) => return of_wildcard(wildcard),
            Comparison::Exists => Self::Any { sure: true },
            Comparison::AnythingBut(_) => Self::Any { sure: false },
        }]
    }

    pub(super) fn is_sure(&self) -> bool {
        match self {
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Number(_)
            | Self::Raw(_)
            | Self::Numbers(..)
            | Self::Addresses(_) => true,
            Self::Prefix { sure, .. } | Self::Suffix { sure, .. } | Self::Any { sure } => *sure,
            _ => false,
        }
    }

    /// Returns a weight: an estimate of how many combinations an event finds under the key. The
    /// weight is higher for common properties, and for keys under which many combinations are
    /// already filed.
    pub(super) fn weight(&self, field: Option<&Field>) -> usize {
        let commonness = match self {
            Self::Text(_) | Self::Number(_) | Self::Raw(_) => 0,
            Self::Folded(_) => 1,
            Self::Prefix { bytes, .. } | Self::FoldedPrefix(bytes) => 2 + commonness(bytes),
            Self::Suffix { bytes, .. } | Self::FoldedSuffix(bytes) => 3 + commonness(bytes),
            Self::Numbers(..) | Self::Addresses(_) => 8,
            Self::Gram(gram) => 8 + gram.commonness(),
            Self::Null | Self::Bool(_) => 16,
            Self::AnyText => 1 << 8,
            Self::Any { .. } => 1 << 9,
            Self::Absent => ABSENT_WEIGHT,
        };
        commonness + field.map_or(0, |field| field.filed_under(self))
    }
}

/// Returns a weight, which is higher for short affixes because they are more common.
fn commonness(bytes: &[u8]) -> usize {
    match bytes.len() {
        0 => 1 << 8,
        1 => 16,
        2 => 4,
        _ => 0,
    }
}

/// Returns the text with which every accepted value starts or, for a suffix, ends.
fn needed(affix: &Affix<Box<str>>) -> &str {
    affix.whole.as_deref().unwrap_or(&affix.text)
}

fn needed_folded(affix: &Affix<AnyCase>) -> &str {
    affix.whole.as_ref().unwrap_or(&affix.text).folded()
}

fn is_plain(affix: &Affix<Box<str>>) -> bool {
    affix.whole.is_none()
}

fn reversed(text: &str) -> Box<[u8]> {
    text.bytes().rev().collect()
}

fn of_wildcard(wildcard: &Wildcard) -> Vec<Key> {
    let [head, middle @ .., tail] = wildcard.parts() else {
        return wildcard.parts().iter().map(|only| Key::Text(only.clone())).collect();
    };
    let mut keys = Vec::new();
    if !head.is_empty() {
        let sure = middle.is_empty() && tail.is_empty();
        keys.push(Key::Prefix { bytes: head.as_bytes().into(), sure });
    }
    if !tail.is_empty() {
        let sure = middle.is_empty() && head.is_empty();
        keys.push(Key::Suffix { bytes: reversed(tail), sure });
    }
    for part in middle {
        keys.extend(Gram::all(part.as_bytes()).map(Key::Gram));
    }
    if keys.is_empty() {
        keys.push(Key::AnyText);
    }
    keys
}

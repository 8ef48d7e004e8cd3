//! Comparisons. A comparison is one element of the array that a pattern gives for a field; it
//! accepts or rejects a value.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::address::{Address, AddressRange};
use crate::fold::AnyCase;
use crate::number::{self, Key};
use crate::wildcard::Wildcard;

/// A scalar value of an event: neither an object nor an array.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'v> {
    Null,
    Bool(bool),
    Number { text: &'v str, key: Option<Key> },
    Text(&'v str),
}

/// A text that a string must start or end with.
///
/// EventBridge's engine compares strings together with their quotes. A prefix that ends in a quote
/// therefore also matches the string that equals the prefix without this quote. The same is true of
/// a suffix that begins with a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Affix<T> {
    pub(crate) text: T,
    /// The text without the quote at its end (of a prefix) or at its start (of a suffix). A string
    /// that equals this shorter text matches, too. `None` if `text` has no quote in this place.
    pub(crate) whole: Option<T>,
}

/// What a pattern asks of a value. `exists: false` is not among the variants: `Condition::absent`
/// stands for `exists: false`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparison {
    Null,
    Bool(bool),
    Text(Box<str>),
    /// A plain string that is an IP address: it matches every spelling of this IP address.
    Address(Box<str>, AddressRange),
    Number(Box<str>, Option<Key>),
    Range(NumberRange),
    Prefix(Affix<Box<str>>),
    Suffix(Affix<Box<str>>),
    PrefixAnyCase(Affix<AnyCase>),
    SuffixAnyCase(Affix<AnyCase>),
    AnyCase(AnyCase),
    Wildcard(Wildcard),
    Cidr(Box<str>, AddressRange),
    Exists,
    AnythingBut(Exclusion),
}

/// What `anything-but` excludes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Exclusion {
    /// The texts are sorted for a binary search.
    Texts(Box<[Box<str>]>),
    /// The numbers are sorted for a binary search.
    Numbers(Box<[Key]>),
    Prefixes(Box<[Affix<Box<str>>]>),
    Suffixes(Box<[Affix<Box<str>>]>),
    AnyCases(Box<[AnyCase]>),
    Wildcards(Box<[Wildcard]>),
}

/// A range of numbers, perhaps without a lower or an upper bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberRange {
    /// The comparisons as written in the pattern, each with its operator and its number.
    pub(crate) written: Box<[(&'static str, Key)]>,
    /// The lowest and the highest number inside the range.
    pub(crate) keys: (Key, Key),
}

impl Affix<Box<str>> {
    pub(crate) fn prefix(text: &str) -> Self {
        Self { text: text.into(), whole: text.strip_suffix('"').map(Into::into) }
    }

    pub(crate) fn suffix(text: &str) -> Self {
        Self { text: text.into(), whole: text.strip_prefix('"').map(Into::into) }
    }

    fn starts(&self, value: &str) -> bool {
        value.starts_with(&*self.text) || self.is(value)
    }

    fn ends(&self, value: &str) -> bool {
        value.ends_with(&*self.text) || self.is(value)
    }

    fn is(&self, value: &str) -> bool {
        self.whole.as_deref().is_some_and(|whole| whole == value)
    }
}

impl Affix<AnyCase> {
    pub(crate) fn any_case(plain: &Affix<Box<str>>) -> Self {
        Self { text: AnyCase::new(&plain.text), whole: plain.whole.as_deref().map(AnyCase::new) }
    }

    fn is(&self, value: &str) -> bool {
        self.whole.as_ref().is_some_and(|whole| whole.equals(value))
    }
}

impl Comparison {
    pub(crate) fn accepts(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Exists, _) | (Self::Null, Value::Null) => true,
            (Self::Bool(asked), Value::Bool(held)) => *asked == held,
            (Self::Text(asked), Value::Text(held)) => **asked == *held,
            (Self::Number(asked, wanted), Value::Number { text, key }) => match (wanted, key) {
                (Some(wanted), Some(key)) => *wanted == key,
                (None, None) => **asked == *text,
                _ => false,
            },
            (Self::Range(range), Value::Number { key: Some(key), .. }) => {
                (range.keys.0..=range.keys.1).contains(&key)
            }
            (Self::Prefix(affix), Value::Text(held)) => affix.starts(held),
            (Self::Suffix(affix), Value::Text(held)) => affix.ends(held),
            (Self::PrefixAnyCase(affix), Value::Text(held)) => {
                affix.text.starts(held) || affix.is(held)
            }
            (Self::SuffixAnyCase(affix), Value::Text(held)) => {
                affix.text.ends(held) || affix.is(held)
            }
            (Self::AnyCase(asked), Value::Text(held)) => asked.equals(held),
            (Self::Wildcard(wildcard), Value::Text(held)) => wildcard.matches(held),
            (Self::Cidr(_, range) | Self::Address(_, range), Value::Text(held)) => {
                Address::parse(held).is_some_and(|address| range.contains(address))
            }
            (Self::AnythingBut(exclusion), held) => {
                !exclusion.excludes(held) && !exclusion.is_empty()
            }
            _ => false,
        }
    }

    /// Returns the comparison as it is written in a pattern.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(asked) => json!(asked),
            Self::Text(text) | Self::Address(text, _) => json!(text),
            Self::Number(text, _) => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string()))
            }
            Self::Range(range) => json!({ "numeric": range.to_json() }),
            Self::Prefix(affix) => json!({ "prefix": affix.text }),
            Self::Suffix(affix) => json!({ "suffix": affix.text }),
            Self::PrefixAnyCase(affix) => {
                json!({ "prefix": { "equals-ignore-case": affix.text.source() } })
            }
            Self::SuffixAnyCase(affix) => {
                json!({ "suffix": { "equals-ignore-case": affix.text.source() } })
            }
            Self::AnyCase(text) => json!({ "equals-ignore-case": text.source() }),
            Self::Wildcard(wildcard) => json!({ "wildcard": wildcard.source() }),
            Self::Cidr(text, _) => json!({ "cidr": text }),
            Self::Exists => json!({ "exists": true }),
            Self::AnythingBut(exclusion) => json!({ "anything-but": exclusion.to_json() }),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A number is written as in the pattern, because a JSON number would be rounded.
            Self::Number(text, _) => formatter.write_str(text),
            other => write!(formatter, "{}", other.to_json()),
        }
    }
}

impl NumberRange {
    fn to_json(&self) -> Json {
        let terms = self.written.iter();
        terms.flat_map(|(operator, key)| [json!(operator), number_json(*key)]).collect()
    }
}

fn number_json(key: Key) -> Json {
    let value = number::value_of(key);
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

impl Exclusion {
    /// Whether the list is empty. One would expect that `anything-but` with an empty list matches
    /// every value, but in EventBridge's engine it matches none.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Texts(list) => list.is_empty(),
            Self::Numbers(list) => list.is_empty(),
            Self::Prefixes(list) | Self::Suffixes(list) => list.is_empty(),
            Self::AnyCases(list) => list.is_empty(),
            Self::Wildcards(list) => list.is_empty(),
        }
    }

    fn excludes(&self, held: Value<'_>) -> bool {
        match (self, held) {
            (Self::Texts(texts), Value::Text(held)) => {
                texts.binary_search_by(|text| (**text).cmp(held)).is_ok()
            }
            (Self::Numbers(keys), Value::Number { key: Some(key), .. }) => {
                keys.binary_search(&key).is_ok()
            }
            (Self::Prefixes(list), Value::Text(held)) => list.iter().any(|one| one.starts(held)),
            (Self::Suffixes(list), Value::Text(held)) => list.iter().any(|one| one.ends(held)),
            (Self::AnyCases(list), Value::Text(held)) => list.iter().any(|one| one.equals(held)),
            (Self::Wildcards(list), Value::Text(held)) => list.iter().any(|one| one.matches(held)),
            _ => false,
        }
    }

    fn to_json(&self) -> Json {
        let affixes = |list: &[Affix<Box<str>>]| list.iter().map(|one| json!(one.text)).collect();
        match self {
            Self::Texts(texts) => one_or_list(texts.iter().map(|text| json!(text)).collect()),
            Self::Numbers(keys) => one_or_list(keys.iter().copied().map(number_json).collect()),
            Self::Prefixes(list) => json!({ "prefix": one_or_list(affixes(list)) }),
            Self::Suffixes(list) => json!({ "suffix": one_or_list(affixes(list)) }),
            Self::AnyCases(list) => {
                let texts = list.iter().map(|one| json!(one.source())).collect();
                json!({ "equals-ignore-case": one_or_list(texts) })
            }
            Self::Wildcards(list) => {
                let texts = list.iter().map(|one| json!(one.source())).collect();
                json!({ "wildcard": one_or_list(texts) })
            }
        }
    }
}

fn one_or_list(mut list: Vec<Json>) -> Json {
    if list.len() == 1 { list.remove(0) } else { Json::Array(list) }
}

//! A JSON value that keeps the order of its keys, as Step Functions does, so that it is always
//! written as the same text.

pub(crate) mod wire;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use indexmap::IndexMap;
use serde_json::Number;

/// The members of a JSON object, in the order in which they were written.
pub type Object = IndexMap<String, Json>;

/// A JSON value with ordered keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer or a double.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// The empty object, `{}`.
    #[must_use]
    pub fn empty_object() -> Self {
        Self::Object(Object::new())
    }

    /// Makes an object of the given members.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Json)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The member with this name; `None` if the value is no object or has no such member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number as an integer, if it is one. A double without a fraction counts as an integer if
    /// its absolute value is less than 9e15.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        let Self::Number(number) = self else { return None };
        number.as_i64().or_else(|| {
            let double = number.as_f64()?;
            let whole = double.fract() == 0.0 && double.abs() < 9.0e15;
            whole.then_some(double as i64)
        })
    }

    /// The number as a double, if this is a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The value's type for messages, such as `a string`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// How deep arrays and objects are nested; a scalar has depth 0.
    ///
    /// Stops counting at `limit + 1`, and does not recurse, so that no value can exhaust the stack.
    #[must_use]
    pub fn depth(&self, limit: usize) -> usize {
        let mut deepest = 0;
        let mut pending = vec![(self, 0)];
        while let Some((value, depth)) = pending.pop() {
            deepest = deepest.max(depth);
            if deepest > limit {
                return deepest;
            }
            match value {
                Self::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
                Self::Object(members) => {
                    pending.extend(members.values().map(|member| (member, depth + 1)));
                }
                _ => {}
            }
        }
        deepest
    }

    /// The length of the compact JSON text in bytes, counted without building the text.
    #[must_use]
    pub fn size(&self) -> usize {
        let mut counter = Counter(0);
        match serde_json::to_writer(&mut counter, self) {
            Ok(()) => counter.0,
            Err(_) => usize::MAX,
        }
    }
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes compact JSON.
impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        formatter.write_str(&text)
    }
}

impl FromStr for Json {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(&wire::without_minus_zero(text))
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => Self::Number(number),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(items) => {
                Self::Array(items.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(members) => {
                Self::object(members.into_iter().map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(value: Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(value),
            Json::Number(number) => Self::Number(number),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Json::Object(members) => Self::Object(
                members.into_iter().map(|(key, value)| (key, Self::from(value))).collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_the_order_of_its_keys() {
        let text = r#"{"b":1,"a":[true,null,1.0,"x"],"c":{}}"#;
        let value: Json = text.parse().unwrap();
        assert_eq!(value.to_string(), text);
        assert_eq!(value.size(), text.len());
    }

    #[test]
    fn depth_counts_containers_and_stops_at_its_limit() {
        assert_eq!("1".parse::<Json>().unwrap().depth(9), 0);
        assert_eq!(r#"[{"a":[]}]"#.parse::<Json>().unwrap().depth(9), 2);
        assert_eq!("[[[[[[]]]]]]".parse::<Json>().unwrap().depth(2), 3);
    }
}

//! Converts JSON to values of the evaluator, and back.

use jsonata_core::value::JValue;
use serde_json::Number;

use super::Answer;
use crate::json::{Json, Object};

/// The maximum number of values that one value may contain, itself included. A value that several
/// places share counts once for each place.
pub(super) const MAX_VALUES: usize = 500_000;
/// The maximum number of bytes of text in one value. A text that several places share counts once
/// for each place.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The maximum number of levels of nesting in one value. It is higher than the default for a
/// payload, `Limits::depth`.
const MAX_DEPTH: usize = 500;

pub(super) fn from_json(value: &Json) -> JValue {
    match value {
        Json::Null => JValue::Null,
        Json::Bool(value) => JValue::Bool(*value),
        Json::Number(number) => JValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => JValue::string(text.as_str()),
        Json::Array(items) => JValue::array(items.iter().map(from_json).collect()),
        Json::Object(members) => JValue::object(
            members.iter().map(|(name, member)| (name.clone(), from_json(member))).collect(),
        ),
    }
}

pub(super) fn into_json(value: &JValue) -> Result<Answer, String> {
    if matches!(value, JValue::Undefined) {
        return Ok(Answer::Nothing);
    }
    measure(value)?;
    Ok(converted(value).map_or(Answer::Unsupported, Answer::Value))
}

/// Converts a value to JSON; `None` if it contains a function, or a number such as NaN.
fn converted(value: &JValue) -> Option<Json> {
    Some(match value {
        JValue::Null | JValue::Undefined => Json::Null,
        JValue::Bool(value) => Json::Bool(*value),
        JValue::Number(number) => Json::Number(written(*number)?),
        JValue::String(text) => Json::from(&**text),
        JValue::Array(items) => {
            Json::Array(items.iter().map(converted).collect::<Option<Vec<Json>>>()?)
        }
        JValue::Object(members) => {
            let members = members.iter().filter(|(_, member)| !member.is_undefined());
            let converted = members.map(|(name, member)| Some((name.clone(), converted(member)?)));
            Json::Object(converted.collect::<Option<Object>>()?)
        }
        _ => return None,
    })
}

/// Converts a number. A number without a fraction becomes an integer, as in Step Functions.
fn written(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

/// Refuses a value that would exceed the limits when written out. A value that several places share
/// counts once for each place.
pub(super) fn measure(value: &JValue) -> Result<(), String> {
    let (mut values, mut bytes) = (0_usize, 0_usize);
    let mut pending = vec![(value, 0_usize)];
    while let Some((value, depth)) = pending.pop() {
        values += 1;
        match value {
            JValue::String(text) => bytes += text.len(),
            JValue::Array(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
            JValue::Object(members) => {
                bytes += members.keys().map(String::len).sum::<usize>();
                pending.extend(members.values().map(|member| (member, depth + 1)));
            }
            _ => {}
        }
        if values + pending.len() > MAX_VALUES || bytes > MAX_BYTES || depth > MAX_DEPTH {
            return Err("D1013: The value is too large or too deep".to_owned());
        }
    }
    Ok(())
}

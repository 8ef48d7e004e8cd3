//! Implements `$distinct` in one pass. The evaluator's own function compares every value with every
//! other value, and does not check the query's time limit meanwhile.

use std::collections::HashSet;

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::value::JValue;

/// The name of this implementation: queries are rewritten to call it instead of `$distinct`.
pub(super) const NAME: &str = "states_distinct";

/// Replaces the name `distinct` by [`NAME`]; returns any other name unchanged.
pub(super) fn guarded_name(name: &str) -> &str {
    if name == "distinct" { NAME } else { name }
}

/// Returns the values of an array without repetitions, in the order of their first occurrence.
pub(super) fn distinct(arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    let Some(value) = arguments.first() else { return Ok(JValue::Undefined) };
    let JValue::Array(items) = value else { return Ok(value.clone()) };
    if items.len() < 2 {
        return Ok(value.clone());
    }
    let mut seen = HashSet::new();
    let kept = items.iter().filter(|item| {
        let mut key = String::new();
        // A value without a key equals no other value, so it is kept.
        !write(item, &mut key) || seen.insert(key)
    });
    let kept: Vec<JValue> = kept.cloned().collect();
    Ok(if items.sequence { JValue::sequence(kept) } else { JValue::array(kept) })
}

/// Appends the key of `value` to `key`. Equal values have the same key, and unequal values have
/// different keys. A function, NaN, or a value that contains one has no key: returns false.
fn write(value: &JValue, key: &mut String) -> bool {
    match value {
        JValue::Null => key.push('n'),
        JValue::Bool(value) => key.push(if *value { 't' } else { 'f' }),
        JValue::Number(number) if number.is_nan() => return false,
        // Adding 0.0 turns -0.0 into 0.0, so that both give the same bits.
        JValue::Number(number) => key.push_str(&format!("{:x},", (number + 0.0).to_bits())),
        JValue::String(text) => key.push_str(&format!("s{}:{text}", text.len())),
        JValue::Array(items) => {
            key.push('[');
            let all = items.iter().all(|item| write(item, key));
            key.push(']');
            return all;
        }
        JValue::Object(members) => {
            key.push('{');
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| name.as_str());
            let all = members.into_iter().all(|(name, member)| {
                key.push_str(&format!("{}:{name}", name.len()));
                write(member, key)
            });
            key.push('}');
            return all;
        }
        _ => return false,
    }
    true
}

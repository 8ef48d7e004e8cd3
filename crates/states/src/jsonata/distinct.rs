//! `$distinct` in one pass: the evaluator's own compares every value with every other one, and asks
//! for no time limit meanwhile.

use std::collections::HashSet;

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::value::JValue;

/// The name that stands for `$distinct` in a guarded tree.
pub(super) const NAME: &str = "states_distinct";

/// What a name is in a guarded tree.
pub(super) fn guarded_name(name: &str) -> &str {
    if name == "distinct" { NAME } else { name }
}

/// The values of an array, each once, in the order in which they come first.
pub(super) fn distinct(arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    let Some(value) = arguments.first() else { return Ok(JValue::Undefined) };
    let JValue::Array(items) = value else { return Ok(value.clone()) };
    if items.len() < 2 {
        return Ok(value.clone());
    }
    let mut seen = HashSet::new();
    let kept = items.iter().filter(|item| {
        let mut key = String::new();
        // A function, and what has one inside, equals nothing.
        !write(item, &mut key) || seen.insert(key)
    });
    let kept: Vec<JValue> = kept.cloned().collect();
    Ok(if items.sequence { JValue::sequence(kept) } else { JValue::array(kept) })
}

/// Writes a text that equal values share, and no others.
fn write(value: &JValue, key: &mut String) -> bool {
    match value {
        JValue::Null => key.push('n'),
        JValue::Bool(value) => key.push(if *value { 't' } else { 'f' }),
        JValue::Number(number) if number.is_nan() => return false,
        // Zero has two forms of bits.
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

//! Finds a number in each of the intervals into which comparisons divide the number line.

use crate::comparison::{Comparison, Exclusion};
use crate::number::{self, Key};

/// Returns numbers as JSON: at least one from each class of numbers that the comparisons in `asked`
/// treat alike.
pub(super) fn representatives(asked: &[&Comparison]) -> Vec<String> {
    let mut cuts: Vec<Key> = Vec::new();
    let mut spelled: Vec<&str> = Vec::new();
    for comparison in asked {
        match comparison {
            Comparison::Number(_, Some(key)) => cuts.push(*key),
            Comparison::Number(text, None) => spelled.push(text),
            Comparison::Range(range) => cuts.extend([range.keys.0, range.keys.1]),
            Comparison::AnythingBut(Exclusion::Numbers(keys)) => cuts.extend(keys.iter()),
            _ => {}
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    let (lowest, highest) = (number::key_of(f64::MIN), number::key_of(f64::MAX));
    let mut keys = Vec::new();
    let mut above = lowest;
    for cut in &cuts {
        keys.extend(between(above, cut.saturating_sub(1)));
        keys.push(*cut);
        above = cut + 1;
    }
    keys.extend(between(above, highest));
    let mut texts: Vec<String> = keys.into_iter().map(text).collect();
    // The caller keeps only the first number of each class. Short numbers come first, because they
    // read best.
    texts.sort_by_key(String::len);
    // EventBridge's engine cannot compare the numbers in `spelled`. Each of them matches only its
    // own spelling, so it is a class of its own. One more number represents all other numbers that
    // the engine cannot compare.
    texts.extend(spelled.iter().map(|text| (*text).to_owned()));
    let fresh = (0..).map(|index| format!("1234567890123456789{index}"));
    texts.extend(fresh.into_iter().find(|text| !spelled.contains(&text.as_str())));
    texts
}

/// Returns a key from `low` to `high`, preferably the key of a short number.
fn between(low: Key, high: Key) -> Option<Key> {
    if low > high {
        return None;
    }
    let (bottom, top) = (number::value_of(low), number::value_of(high));
    let middle = bottom / 2.0 + top / 2.0;
    let fine = [0.0, 1.0, bottom.ceil(), top.floor(), bottom.ceil() + 1.0, top.floor() - 1.0];
    let good = fine.into_iter().chain([middle]).map(number::key_of);
    good.into_iter().find(|key| (low..=high).contains(key)).or(Some(low))
}

fn text(key: Key) -> String {
    let value = number::value_of(key);
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).to_string()
    } else {
        serde_json::Value::from(value).to_string()
    }
}

//! A slow and simple matcher: it unfolds the pattern's `$or` into alternatives, flattens the event
//! into single values, and tries every combination.
//!
//! The matcher accepts only valid patterns, and only numbers of at most 15 digits.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

/// One alternative of a pattern: the comparisons for each path, one of which a value at the path
/// must meet.
type Asked = BTreeMap<String, Vec<Value>>;

/// The place of a value inside of arrays. For each array around the value: the array's number, and
/// the index of the element that contains the value.
type Membership = BTreeMap<usize, usize>;

struct Leaf {
    path: String,
    value: Value,
    membership: Membership,
}

/// Whether `pattern` matches `event`.
pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    let mut unfolded = Vec::new();
    unfold(pattern, "", &mut unfolded);
    let mut leaves = Vec::new();
    flatten(event, "", &Membership::new(), &mut leaves, &mut 0);
    unfolded.iter().any(|asked| {
        let asked: Vec<_> = asked.iter().collect();
        together(&asked, &leaves, &Membership::new())
    })
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn unfold(object: &Value, path: &str, unfolded: &mut Vec<Asked>) {
    for (name, value) in object.as_object().expect("a valid pattern") {
        match value {
            Value::Array(branches) if name == "$or" => {
                let before = std::mem::take(unfolded);
                for branch in branches {
                    let mut after = before.clone();
                    unfold(branch, path, &mut after);
                    unfolded.append(&mut after);
                }
            }
            Value::Array(values) => {
                if unfolded.is_empty() {
                    unfolded.push(Asked::new());
                }
                for asked in unfolded.iter_mut() {
                    asked.insert(join(path, name), values.clone());
                }
            }
            nested => unfold(nested, &join(path, name), unfolded),
        }
    }
}

fn flatten(
    value: &Value,
    path: &str,
    within: &Membership,
    leaves: &mut Vec<Leaf>,
    arrays: &mut usize,
) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                flatten(value, &join(path, name), within, leaves, arrays);
            }
        }
        Value::Array(elements) => {
            let array = *arrays;
            *arrays += 1;
            for (index, element) in elements.iter().enumerate() {
                let mut within = within.clone();
                if element.is_object() || element.is_array() {
                    within.insert(array, index);
                }
                flatten(element, path, &within, leaves, arrays);
            }
        }
        leaf => leaves.push(Leaf {
            path: path.to_owned(),
            value: leaf.clone(),
            membership: within.clone(),
        }),
    }
}

/// Whether the values in `leaves` meet all of `asked`. Of each array in `chosen`, considers only
/// the values in the chosen element.
fn together(asked: &[(&String, &Vec<Value>)], leaves: &[Leaf], chosen: &Membership) -> bool {
    let Some(((path, values), later)) = asked.split_first() else { return true };
    let agrees = |leaf: &&Leaf| {
        leaf.membership
            .iter()
            .all(|(array, index)| chosen.get(array).is_none_or(|own| own == index))
    };
    let here: Vec<&Leaf> =
        leaves.iter().filter(|leaf| leaf.path == **path).filter(agrees).collect();
    let absent = values.iter().any(|value| *value == serde_json::json!({"exists": false}));
    if absent && here.is_empty() && together(later, leaves, chosen) {
        return true;
    }
    here.iter().filter(|leaf| values.iter().any(|value| accepts(value, &leaf.value))).any(|leaf| {
        let mut chosen = chosen.clone();
        chosen.extend(&leaf.membership);
        together(later, leaves, &chosen)
    })
}

fn accepts(asked: &Value, held: &Value) -> bool {
    let Some((operator, operand)) = asked.as_object().and_then(|object| object.iter().next())
    else {
        return match (asked, held) {
            (Value::Number(asked), Value::Number(held)) => asked.as_f64() == held.as_f64(),
            (Value::String(asked), Value::String(held)) => {
                asked == held || same_address(asked, held)
            }
            _ => asked == held,
        };
    };
    let text = held.as_str();
    match (operator.as_str(), operand) {
        ("exists", Value::Bool(wanted)) => *wanted,
        ("anything-but", Value::Object(by)) => {
            !operands(&by.values().next().expect("one")).any(|one| {
                let key = by.keys().next().expect("one");
                accepts(&serde_json::json!({ key: one }), held)
            })
        }
        ("anything-but", excluded) => !operands(&excluded).any(|one| match (one, held) {
            (Value::Number(one), Value::Number(held)) => one.as_f64() == held.as_f64(),
            _ => one == held,
        }),
        ("numeric", Value::Array(terms)) => held.as_f64().is_some_and(|held| numeric(terms, held)),
        ("cidr", Value::String(block)) => text.is_some_and(|text| in_block(block, text)),
        ("wildcard", Value::String(wildcard)) => {
            text.is_some_and(|text| fits(&pieces(wildcard), &text.chars().collect::<Vec<_>>()))
        }
        ("prefix", Value::String(start)) => text.is_some_and(|text| text.starts_with(start)),
        ("suffix", Value::String(end)) => text.is_some_and(|text| text.ends_with(end)),
        ("equals-ignore-case", Value::String(all)) => {
            text.is_some_and(|text| text.to_lowercase() == all.to_lowercase())
        }
        ("prefix", folded) => text.is_some_and(|text| {
            let start = folded["equals-ignore-case"].as_str().expect("text").to_lowercase();
            text.to_lowercase().starts_with(&start)
        }),
        ("suffix", folded) => text.is_some_and(|text| {
            let end = folded["equals-ignore-case"].as_str().expect("text").to_lowercase();
            text.to_lowercase().ends_with(&end)
        }),
        other => panic!("unknown operator {other:?}"),
    }
}

fn operands<'a>(value: &&'a Value) -> Box<dyn Iterator<Item = &'a Value> + 'a> {
    match value {
        Value::Array(list) => Box::new(list.iter()),
        one => Box::new(std::iter::once(*one)),
    }
}

fn numeric(terms: &[Value], held: f64) -> bool {
    terms.chunks(2).all(|term| {
        let bound = term[1].as_f64().expect("a number");
        match term[0].as_str().expect("an operator") {
            "=" => held == bound,
            "<" => held < bound,
            "<=" => held <= bound,
            ">" => held > bound,
            _ => held >= bound,
        }
    })
}

fn same_address(left: &str, right: &str) -> bool {
    match (left.parse().map(digits), right.parse().map(digits)) {
        (Ok(left), Ok(right)) => between(&left, &left, &right),
        _ => false,
    }
}

fn in_block(block: &str, address: &str) -> bool {
    let (base, bits) = block.split_once('/').expect("a block");
    let Ok(address) = address.parse().map(digits) else { return false };
    let base = base.parse().map(digits).expect("an address");
    let width = base.len();
    // A valid block leaves at least one bit after its mask, so the shift is below 128 bits.
    let host = u128::MAX >> (128 - 4 * width + bits.parse::<usize>().expect("bits"));
    let base = u128::from_str_radix(&base, 16).expect("digits");
    let edge = |address: u128| format!("{address:0width$x}");
    between(&edge(base & !host), &edge(base | host), &address)
}

/// Returns an address as hexadecimal digits: eight for IPv4, thirty-two for IPv6.
fn digits(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("{:08x}", address.to_bits()),
        IpAddr::V6(address) => format!("{:032x}", address.to_bits()),
    }
}

/// Whether `address` is between `low` and `high`. As EventBridge's engine does, compares digits
/// from the left until the address differs from `low` and from `high`. IPv4 and IPv6 addresses are
/// compared alike.
fn between(low: &str, high: &str, address: &str) -> bool {
    let (mut along_low, mut along_high) = (true, true);
    let mut address = address.bytes();
    for (low, high) in low.bytes().zip(high.bytes()) {
        let Some(digit) = address.next() else { return false };
        if along_low && digit < low || along_high && digit > high {
            return false;
        }
        along_low &= digit == low;
        along_high &= digit == high;
        if !along_low && !along_high {
            return true;
        }
    }
    true
}

/// Returns a wildcard as characters; `None` is a star.
fn pieces(wildcard: &str) -> Vec<Option<char>> {
    let mut pieces = Vec::new();
    let mut chars = wildcard.chars();
    while let Some(next) = chars.next() {
        pieces.push(match next {
            '*' => None,
            '\\' => chars.next(),
            plain => Some(plain),
        });
    }
    pieces
}

fn fits(pieces: &[Option<char>], text: &[char]) -> bool {
    match pieces.split_first() {
        None => text.is_empty(),
        Some((None, rest)) => (0..=text.len()).any(|skipped| fits(rest, &text[skipped..])),
        Some((Some(piece), rest)) => text.first() == Some(piece) && fits(rest, &text[1..]),
    }
}

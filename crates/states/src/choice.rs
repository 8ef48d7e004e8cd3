//! Evaluates the rules of a Choice state and finds the one that matches.

use std::cmp::Ordering;

use crate::failure::Failure;
use crate::json::Json;
use crate::machine::{ChoiceRule, Comparison, Operand, Relation, Test, ValueKind};
use crate::path::Path;
use crate::scope::Scope;
use crate::template::Template;
use crate::timestamp;

/// Returns the index of the first rule that matches; `None` if no rule does.
pub(crate) fn first_match(
    rules: &[ChoiceRule],
    scope: &Scope<'_>,
) -> Result<Option<usize>, Failure> {
    for (position, rule) in rules.iter().enumerate() {
        if holds(&rule.test, scope)? {
            return Ok(Some(position));
        }
    }
    Ok(None)
}

fn holds(test: &Test, scope: &Scope<'_>) -> Result<bool, Failure> {
    match test {
        Test::And(tests) => {
            for test in tests {
                if !holds(test, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Test::Or(tests) => {
            for test in tests {
                if holds(test, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Test::Not(test) => Ok(!holds(test, scope)?),
        Test::Condition(template) => condition(template, scope),
        Test::Compare(variable, Comparison::IsPresent(expected)) => {
            Ok(scope.read(variable).is_ok() == *expected)
        }
        Test::Compare(variable, comparison) => compare(&read(variable, scope)?, comparison, scope),
    }
}

/// Evaluates the `Condition` of a rule in JSONata. The condition must give a boolean.
fn condition(template: &Template, scope: &Scope<'_>) -> Result<bool, Failure> {
    match template.fill(scope)? {
        Json::Bool(holds) => Ok(holds),
        other => Err(template.unexpected("boolean", &other)),
    }
}

fn read(path: &Path, scope: &Scope<'_>) -> Result<Json, Failure> {
    scope.read(path).map_err(|_| {
        Failure::runtime(format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        ))
    })
}

fn compare(value: &Json, comparison: &Comparison, scope: &Scope<'_>) -> Result<bool, Failure> {
    Ok(match comparison {
        Comparison::IsPresent(expected) => *expected,
        Comparison::IsNull(expected) => (*value == Json::Null) == *expected,
        Comparison::Is(kind, expected) => is_of(*kind, value) == *expected,
        Comparison::Matches(pattern) => value.as_str().is_some_and(|text| matches(pattern, text)),
        Comparison::Value { kind, relation, operand } => {
            let order = match operand {
                Operand::Value(operand) => order(*kind, value, operand),
                Operand::Path(path) => order(*kind, value, &read(path, scope)?),
            };
            order.is_some_and(|order| relation.accepts(order))
        }
    })
}

fn is_of(kind: ValueKind, value: &Json) -> bool {
    match (kind, value) {
        (ValueKind::Timestamp, Json::String(text)) => timestamp::parse(text).is_some(),
        (ValueKind::String, Json::String(_))
        | (ValueKind::Numeric, Json::Number(_))
        | (ValueKind::Boolean, Json::Bool(_)) => true,
        _ => false,
    }
}

/// Compares two values of the given kind; `None` if one of them is not of that kind.
fn order(kind: ValueKind, left: &Json, right: &Json) -> Option<Ordering> {
    match (kind, left, right) {
        // Step Functions orders strings by their UTF-16 code units.
        (ValueKind::String, Json::String(left), Json::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        (ValueKind::Numeric, Json::Number(_), Json::Number(_)) => {
            match (left.as_integer(), right.as_integer()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            }
        }
        (ValueKind::Boolean, Json::Bool(left), Json::Bool(right)) => Some(left.cmp(right)),
        (ValueKind::Timestamp, Json::String(left), Json::String(right)) => {
            Some(timestamp::parse(left)?.cmp(&timestamp::parse(right)?))
        }
        _ => None,
    }
}

impl Relation {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        }
    }
}

/// Whether the text matches the pattern of a `StringMatches`: `*` matches any text, `\*` a star,
/// and `\\` a backslash.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(next) = characters.next() {
        let literal = match next {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    let (first, rest) = parts.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let Some((last, middle)) = rest.split_last() else { return text == first };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    for part in middle {
        match text.find(part.as_str()) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_an_escaped_one_for_itself() {
        for (pattern, text) in [
            ("*", ""),
            ("log-*.txt", "log-1.txt"),
            ("*a*b*", "xxaxxbxx"),
            ("a\\*b", "a*b"),
            ("a\\\\b", "a\\b"),
            ("ab", "ab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("log-*.txt", "log-.tx"), ("a\\*b", "axb"), ("a*a", "a"), ("", "x"), ("*ab*b", "ab")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}

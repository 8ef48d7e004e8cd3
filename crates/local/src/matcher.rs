//! Which rules an event matches: a plain reading of event patterns, one after the other.

use serde_json::Value;

/// Matches events against the patterns of all rules.
#[derive(Debug, Clone, Default)]
pub struct RuleMatcher {
    patterns: Vec<(usize, Value)>,
}

impl RuleMatcher {
    /// Adds the pattern of a route.
    pub fn add(&mut self, route: usize, pattern: &Value) {
        self.patterns.push((route, pattern.clone()));
    }

    /// The routes whose pattern `event`, a whole event as JSON, matches; in the order of adding.
    ///
    /// # Errors
    /// Where the event is no JSON.
    pub fn matches(&self, event: &str) -> serde_json::Result<Vec<usize>> {
        let event: Value = serde_json::from_str(event)?;
        let matching = self.patterns.iter().filter(|(_, pattern)| object(pattern, Some(&event)));
        Ok(matching.map(|(route, _)| *route).collect())
    }
}

fn object(pattern: &Value, value: Option<&Value>) -> bool {
    let Value::Object(fields) = pattern else { return false };
    fields.iter().all(|(name, wanted)| field(wanted, value.and_then(|value| value.get(name))))
}

fn field(wanted: &Value, value: Option<&Value>) -> bool {
    match wanted {
        Value::Array(any) => any.iter().any(|one| match value {
            Some(Value::Array(several)) => several.iter().any(|value| leaf(one, Some(value))),
            value => leaf(one, value),
        }),
        nested => object(nested, value),
    }
}

fn leaf(wanted: &Value, value: Option<&Value>) -> bool {
    let Value::Object(test) = wanted else { return value.is_some_and(|value| same(wanted, value)) };
    test.iter().all(|(name, operand)| match (name.as_str(), value) {
        ("exists", value) => operand.as_bool() == Some(value.is_some()),
        ("prefix", Some(Value::String(text))) => {
            operand.as_str().is_some_and(|prefix| text.starts_with(prefix))
        }
        ("suffix", Some(Value::String(text))) => {
            operand.as_str().is_some_and(|suffix| text.ends_with(suffix))
        }
        ("anything-but", Some(value)) => match operand {
            Value::Array(none) => !none.iter().any(|one| same(one, value)),
            one => !same(one, value),
        },
        ("numeric", Some(Value::Number(number))) => {
            number.as_f64().is_some_and(|number| within(operand, number))
        }
        _ => false,
    })
}

fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

fn within(bounds: &Value, number: f64) -> bool {
    let Value::Array(parts) = bounds else { return false };
    parts.chunks(2).all(|bound| match bound {
        [Value::String(comparison), Value::Number(limit)] => {
            let limit = limit.as_f64().unwrap_or(f64::NAN);
            match comparison.as_str() {
                "<" => number < limit,
                "<=" => number <= limit,
                "=" => (number - limit).abs() < f64::EPSILON,
                ">=" => number >= limit,
                ">" => number > limit,
                _ => false,
            }
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_sample_reaches_the_rules_of_the_rows_that_consume_it() {
        let mut matcher = RuleMatcher::default();
        let rules = chorus_events::rules::all().unwrap();
        for (index, rule) in rules.iter().enumerate() {
            matcher.add(index, &rule.pattern);
        }
        let event = json!({ "source": "com.orders", "detail-type": "OrderCreated",
            "detail": { "data": { "total": 1000.5, "country": "Germany" } } });
        let matched = matcher.matches(&event.to_string()).unwrap();
        let names: Vec<_> = matched.iter().map(|index| rules[*index].row.action).collect();
        assert!(names.contains(&"ReserveItem") && names.contains(&"ReviewOrder"), "{names:?}");
        assert!(!names.contains(&"PrepareDeclaration"), "{names:?}");
    }

    #[test]
    fn an_event_that_is_no_json_is_an_error() {
        assert!(RuleMatcher::default().matches("{").is_err());
    }
}

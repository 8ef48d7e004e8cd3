//! Conditions and updates as DynamoDB's expressions, for the adapters that speak to DynamoDB, or to
//! what takes the same requests. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>.

use std::collections::HashMap;

use serde_dynamo::AttributeValue;

use crate::{Condition, Update};

/// The expressions of one request, with the placeholders that they share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expressions {
    /// The condition expression.
    pub condition: Option<String>,
    /// The update expression.
    pub update: Option<String>,
    /// `#name` placeholders. Every attribute has one, since any word may be reserved.
    pub names: HashMap<String, String>,
    /// `:value` placeholders.
    pub values: HashMap<String, AttributeValue>,
}

impl Expressions {
    /// The expressions of a write that has this condition, and makes these changes.
    #[must_use]
    pub fn of(condition: Option<&Condition>, updates: &[Update]) -> Self {
        let mut expressions = Self::default();
        expressions.condition = condition.map(|condition| expressions.condition(condition));
        expressions.update = (!updates.is_empty()).then(|| expressions.update(updates));
        expressions
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Absent => "attribute_not_exists(pk)".to_owned(),
            Condition::Present => "attribute_exists(pk)".to_owned(),
            Condition::Equals { attribute, value } => self.compare(attribute, "=", *value),
            Condition::AtLeast { attribute, value } => self.compare(attribute, ">=", *value),
            Condition::AbsentOrBelow { attribute, value } => {
                format!("attribute_not_exists(pk) OR {}", self.compare(attribute, "<", *value))
            }
            Condition::All(conditions) => {
                let alone = conditions.len() == 1;
                let parts: Vec<String> = conditions.iter().map(|it| self.part(it, alone)).collect();
                parts.join(" AND ")
            }
        }
    }

    /// A condition among others: an alternative needs brackets there.
    fn part(&mut self, condition: &Condition, alone: bool) -> String {
        let text = self.condition(condition);
        let alternative = matches!(condition, Condition::AbsentOrBelow { .. });
        if alternative && !alone { format!("({text})") } else { text }
    }

    fn compare(&mut self, attribute: &str, operator: &str, value: i64) -> String {
        let (name, value) = (self.name(attribute), self.value(value));
        format!("{name} {operator} {value}")
    }

    fn update(&mut self, updates: &[Update]) -> String {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for update in updates {
            match update {
                Update::Add { attribute, amount } => {
                    let (name, value) = (self.name(attribute), self.value(*amount));
                    added.push(format!("{name} {value}"));
                }
                Update::Remove { attribute } => removed.push(self.name(attribute)),
            }
        }
        let clause = |word: &str, parts: Vec<String>| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let clauses = [clause("ADD", added), clause("REMOVE", removed)];
        clauses.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn name(&mut self, attribute: &str) -> String {
        let known = self.names.iter().find(|(_, known)| *known == attribute);
        if let Some((placeholder, _)) = known {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, number: i64) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), AttributeValue::N(number.to_string()));
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(condition: &Condition, updates: &[Update]) -> (String, Option<String>) {
        let mut rendered = Expressions::of(Some(condition), updates);
        // Placeholders by what they stand for: what a reader of the expression would see.
        let mut text = rendered.condition.take().unwrap_or_default();
        let mut update = rendered.update.take();
        for (placeholder, attribute) in &rendered.names {
            text = text.replace(placeholder, attribute);
            update = update.map(|update| update.replace(placeholder, attribute));
        }
        for (placeholder, value) in &rendered.values {
            let AttributeValue::N(number) = value else { panic!("{value:?}") };
            text = text.replace(placeholder, number);
            update = update.map(|update| update.replace(placeholder, number));
        }
        (text, update)
    }

    #[test]
    fn every_condition_is_written_as_dynamodb_reads_it() {
        let version = "version";
        let cases = [
            (Condition::Absent, "attribute_not_exists(pk)"),
            (Condition::Present, "attribute_exists(pk)"),
            (Condition::Equals { attribute: version, value: 7 }, "version = 7"),
            (Condition::AtLeast { attribute: version, value: 7 }, "version >= 7"),
            (
                Condition::AbsentOrBelow { attribute: version, value: 7 },
                "attribute_not_exists(pk) OR version < 7",
            ),
        ];
        for (condition, expected) in &cases {
            assert_eq!(written(condition, &[]), ((*expected).to_owned(), None));
        }
        let all =
            Condition::All(cases.into_iter().skip(1).map(|(condition, _)| condition).collect());
        let expected = "attribute_exists(pk) AND version = 7 AND version >= 7 AND \
                        (attribute_not_exists(pk) OR version < 7)";
        assert_eq!(written(&all, &[]).0, expected);
    }

    #[test]
    fn updates_of_one_kind_share_a_clause_and_an_attribute_has_one_name() {
        let updates = [
            Update::Add { attribute: "available", amount: -2 },
            Update::Remove { attribute: "unpublished" },
            Update::Add { attribute: "version", amount: 1 },
        ];
        let bound = Condition::AtLeast { attribute: "available", value: 2 };
        let (condition, update) = written(&bound, &updates);
        assert_eq!(condition, "available >= 2");
        assert_eq!(update.unwrap(), "ADD available -2, version 1 REMOVE unpublished");
        assert_eq!(Expressions::of(Some(&bound), &updates).names.len(), 3);
    }
}

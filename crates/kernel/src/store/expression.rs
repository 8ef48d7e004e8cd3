//! Conditions, updates and queries as DynamoDB's expressions, for adapters that send requests to
//! DynamoDB, or to a store that takes the same requests. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>.

use std::collections::HashMap;

use crate::{Condition, Query, Update};

/// The expressions of one request, and the placeholders that they share; `V` is an adapter's type
/// of attribute values. Unused expressions and maps are absent, because DynamoDB rejects empty
/// expressions and maps.
#[derive(Debug, Clone, PartialEq)]
pub struct Expressions<V> {
    /// The condition expression; for a query, the key condition expression.
    pub condition: Option<String>,
    pub update: Option<String>,
    /// `#name` placeholders. Every attribute name has a placeholder, because any attribute name may
    /// be a reserved word of DynamoDB.
    pub names: Option<HashMap<String, String>>,
    /// `:value` placeholders.
    pub values: Option<HashMap<String, V>>,
}

impl<V> Expressions<V> {
    /// The expressions of a write with this condition and these changes; `number` makes an
    /// attribute value from a number's digits.
    #[must_use]
    pub fn of_write(
        condition: Option<&Condition>,
        updates: &[Update],
        number: fn(String) -> V,
    ) -> Self {
        let mut used = Placeholders::default();
        let condition = condition.map(|condition| used.condition(condition));
        let update = (!updates.is_empty()).then(|| used.update(updates));
        let names = used.names.iter().enumerate();
        let values = used.values.iter().enumerate();
        Self {
            condition,
            update,
            names: unless_empty(names.map(|(at, name)| (format!("#n{at}"), (*name).to_owned()))),
            values: unless_empty(
                values.map(|(at, value)| (format!(":v{at}"), number(value.to_string()))),
            ),
        }
    }

    /// The key condition of a query; `text` makes an attribute value from a string.
    #[must_use]
    pub fn of_query(query: &Query, text: fn(String) -> V) -> Self {
        let (pk, sk) = query.index.map_or(("pk", "sk"), |index| (index.pk, index.sk));
        let range = match (&query.from, &query.to) {
            (None, None) => "",
            (Some(_), None) => " AND #sk >= :from",
            (None, Some(_)) => " AND #sk <= :to",
            (Some(_), Some(_)) => " AND #sk BETWEEN :from AND :to",
        };
        let names = [("#pk", Some(pk)), ("#sk", (!range.is_empty()).then_some(sk))];
        let values =
            [(":pk", Some(&query.pk)), (":from", query.from.as_ref()), (":to", query.to.as_ref())];
        let names = names.into_iter().filter_map(|(name, to)| Some((name, to?)));
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Self {
            condition: Some(format!("#pk = :pk{range}")),
            update: None,
            names: unless_empty(names.map(|(name, to)| (name.to_owned(), to.to_owned()))),
            values: unless_empty(
                values.map(|(name, value)| (name.to_owned(), text(value.clone()))),
            ),
        }
    }
}

fn unless_empty<T>(entries: impl Iterator<Item = (String, T)>) -> Option<HashMap<String, T>> {
    let mut entries = entries.peekable();
    entries.peek().is_some().then(|| entries.collect())
}

/// The names and values that placeholders refer to, by index.
#[derive(Default)]
struct Placeholders {
    names: Vec<&'static str>,
    values: Vec<i64>,
}

impl Placeholders {
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

    /// Renders one of the conditions that are joined by `AND`. If there are several conditions (not
    /// `alone`), a condition with an `OR` gets parentheses.
    fn part(&mut self, condition: &Condition, alone: bool) -> String {
        let text = self.condition(condition);
        let alternative = matches!(condition, Condition::AbsentOrBelow { .. });
        if alternative && !alone { format!("({text})") } else { text }
    }

    fn compare(&mut self, attribute: &'static str, operator: &str, value: i64) -> String {
        let (name, value) = (self.name(attribute), self.value(value));
        format!("#n{name} {operator} :v{value}")
    }

    fn update(&mut self, updates: &[Update]) -> String {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for update in updates {
            match update {
                Update::Add { attribute, amount } => {
                    let (name, value) = (self.name(attribute), self.value(*amount));
                    added.push(format!("#n{name} :v{value}"));
                }
                Update::Remove { attribute } => removed.push(format!("#n{}", self.name(attribute))),
            }
        }
        let clause = |word: &str, parts: Vec<String>| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let clauses = [clause("ADD", added), clause("REMOVE", removed)];
        clauses.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn name(&mut self, attribute: &'static str) -> usize {
        self.names.iter().position(|known| *known == attribute).unwrap_or_else(|| {
            self.names.push(attribute);
            self.names.len() - 1
        })
    }

    fn value(&mut self, number: i64) -> usize {
        self.values.push(number);
        self.values.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(condition: &Condition, updates: &[Update]) -> (String, Option<String>) {
        let mut rendered = Expressions::of_write(Some(condition), updates, |digits| digits);
        // The expression as a reader would see it, with the placeholders replaced by their meaning.
        let mut text = rendered.condition.take().unwrap_or_default();
        let mut update = rendered.update.take();
        let placeholders = [rendered.names, rendered.values].into_iter().flatten().flatten();
        for (placeholder, meaning) in placeholders {
            text = text.replace(&placeholder, &meaning);
            update = update.map(|update| update.replace(&placeholder, &meaning));
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
        let rendered = Expressions::of_write(Some(&bound), &updates, |digits| digits);
        assert_eq!(rendered.names.unwrap().len(), 3);
    }

    #[test]
    fn what_is_not_used_is_absent_and_never_empty() {
        let rendered = Expressions::of_write(Some(&Condition::Absent), &[], |digits| digits);
        assert_eq!((rendered.update, rendered.names, rendered.values), (None, None, None));
        assert_eq!(Expressions::of_write(None, &[], |digits| digits).condition, None);
    }

    #[test]
    fn a_query_names_only_the_bounds_that_it_has() {
        let of = |query: &Query| Expressions::of_query(query, |text| text);
        let condition = |query: &Query| of(query).condition.unwrap();
        let mut query = Query::partition("order", "a");
        assert_eq!(condition(&query), "#pk = :pk");
        assert!(!of(&query).names.unwrap().contains_key("#sk"));
        query.to = Some("2".to_owned());
        assert_eq!(condition(&query), "#pk = :pk AND #sk <= :to");
        query.from = Some("1".to_owned());
        assert_eq!(condition(&query), "#pk = :pk AND #sk BETWEEN :from AND :to");
        assert_eq!(of(&query).values.unwrap().len(), 3);
        query.to = None;
        assert_eq!(condition(&query), "#pk = :pk AND #sk >= :from");
        assert_eq!(of(&query).names.unwrap()["#sk"], "sk");
    }
}

//! The port's writes and expressions in the SDK's types.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use chorus_kernel::{Condition, Item, Key, Query, StoreError, Write};

use super::Tables;

/// An item as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// A refused write answers with the item that refused it.
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

pub(super) fn attributes(item: &Item) -> Attributes {
    item.clone().into()
}

pub(super) fn key(key: &Key) -> Attributes {
    key.to_item().into()
}

/// An expression taken apart as requests want it: absent rather than empty.
#[derive(Debug, Default)]
pub(super) struct Expression {
    pub(super) text: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<Attributes>,
}

impl From<&Condition> for Expression {
    fn from(condition: &Condition) -> Self {
        Self {
            text: Some(condition.text.clone()),
            names: unless_empty(&condition.names),
            values: unless_empty(&condition.values),
        }
    }
}

impl From<Option<&Condition>> for Expression {
    fn from(condition: Option<&Condition>) -> Self {
        condition.map(Self::from).unwrap_or_default()
    }
}

fn unless_empty<V: Clone + Into<T>, T>(map: &BTreeMap<String, V>) -> Option<HashMap<String, T>> {
    let convert = |(name, value): (&String, &V)| (name.clone(), value.clone().into());
    (!map.is_empty()).then(|| map.iter().map(convert).collect())
}

/// One write as a part of a transaction.
pub(super) fn part(tables: &Tables, write: &Write) -> Result<TransactWriteItem, StoreError> {
    let table = tables.physical(write.key().table)?;
    built(table, write).map_err(|error| StoreError::Invalid(error.to_string()))
}

fn built(table: &str, write: &Write) -> Result<TransactWriteItem, BuildError> {
    let part = TransactWriteItem::builder();
    let part = match write {
        Write::Put { item, condition, .. } => part.put(put(table, item, condition.as_ref())?),
        Write::Update { key, update, condition } => {
            part.update(changed(table, key, (update, condition.as_deref()))?)
        }
        Write::Delete { key: at } => {
            part.delete(Delete::builder().table_name(table).set_key(Some(key(at))).build()?)
        }
        Write::Check { key, condition } => part.condition_check(check(table, key, condition)?),
    };
    Ok(part.build())
}

fn put(table: &str, item: &Item, condition: Option<&Condition>) -> Result<Put, BuildError> {
    let Expression { text, names, values } = condition.into();
    Put::builder()
        .table_name(table)
        .set_item(Some(attributes(item)))
        .set_condition_expression(text)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
}

fn changed(
    table: &str,
    at: &Key,
    (update, condition): (&Condition, Option<&str>),
) -> Result<Update, BuildError> {
    let Expression { text, names, values } = update.into();
    Update::builder()
        .table_name(table)
        .set_key(Some(key(at)))
        .set_update_expression(text)
        .set_condition_expression(condition.map(ToOwned::to_owned))
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
}

fn check(table: &str, at: &Key, condition: &Condition) -> Result<ConditionCheck, BuildError> {
    let Expression { text, names, values } = condition.into();
    ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key(at)))
        .set_condition_expression(text)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
}

/// The condition on the keys that a query asks for.
pub(super) fn key_condition(query: &Query) -> Condition {
    let (pk, sk) = query.index.map_or(("pk", "sk"), |index| (index.pk, index.sk));
    let range = match (&query.from, &query.to) {
        (None, None) => "",
        (Some(_), None) => " AND #sk >= :from",
        (None, Some(_)) => " AND #sk <= :to",
        (Some(_), Some(_)) => " AND #sk BETWEEN :from AND :to",
    };
    let mut condition = Condition::new(format!("#pk = :pk{range}")).name("#pk", pk);
    if !range.is_empty() {
        condition = condition.name("#sk", sk);
    }
    let bounds =
        [(":pk", Some(&query.pk)), (":from", query.from.as_ref()), (":to", query.to.as_ref())];
    for (placeholder, bound) in bounds {
        if let Some(bound) = bound {
            condition = condition.text(placeholder, bound);
        }
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Tables {
        [("TABLE_ORDER".to_owned(), "physical".to_owned())].into_iter().collect()
    }

    fn at() -> Key {
        Key { table: "order", pk: "a".to_owned(), sk: "b".to_owned() }
    }

    #[test]
    fn every_refusable_part_of_a_transaction_answers_with_the_old_item() {
        let condition = Condition::new("attribute_exists(pk)");
        let update = Condition::new("ADD version :one").number(":one", 1);
        let put =
            Write::Put { key: at(), item: at().to_item(), condition: Some(condition.clone()) };
        let put = part(&tables(), &put).unwrap().put.unwrap();
        assert_eq!(put.table_name, "physical");
        assert_eq!(put.return_values_on_condition_check_failure, Some(ALL_OLD));
        assert_eq!(put.expression_attribute_values, None, "absent, never empty");
        let update = Write::Update { key: at(), update, condition: Some(condition.text.clone()) };
        let update = part(&tables(), &update).unwrap().update.unwrap();
        assert_eq!(update.return_values_on_condition_check_failure, Some(ALL_OLD));
        assert_eq!(update.condition_expression.as_deref(), Some("attribute_exists(pk)"));
        let check = part(&tables(), &Write::Check { key: at(), condition }).unwrap();
        let check = check.condition_check.unwrap();
        assert_eq!(check.return_values_on_condition_check_failure, Some(ALL_OLD));
    }

    #[test]
    fn a_query_names_only_the_bounds_that_it_has() {
        let mut query = Query::partition("order", "a");
        assert_eq!(key_condition(&query).text, "#pk = :pk");
        assert!(!key_condition(&query).names.contains_key("#sk"));
        query.from = Some("1".to_owned());
        assert_eq!(key_condition(&query).text, "#pk = :pk AND #sk >= :from");
        query.to = Some("2".to_owned());
        let both = key_condition(&query);
        assert_eq!(both.text, "#pk = :pk AND #sk BETWEEN :from AND :to");
        assert_eq!(both.values.len(), 3);
    }
}

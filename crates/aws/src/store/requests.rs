//! Converts the writes and expressions of the kernel's store port to the SDK's types.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use chorus_kernel::{Condition, Expressions, Item, Key, StoreError, Write};

use super::Tables;

/// An item in the SDK's type.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// Asks DynamoDB to return the existing item if the condition of a write fails.
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

pub(super) fn attributes(item: &Item) -> Attributes {
    item.clone().into()
}

pub(super) fn key(key: &Key) -> Attributes {
    key.to_item().into()
}

/// Makes a batch request that reads these keys, grouped by physical table. The read is strongly
/// consistent.
pub(super) fn batch(
    tables: &Tables,
    keys: &[Key],
) -> Result<HashMap<String, KeysAndAttributes>, StoreError> {
    let mut by_table: HashMap<&str, Vec<Attributes>> = HashMap::new();
    for at in keys {
        by_table.entry(tables.physical(at.table)?).or_default().push(key(at));
    }
    let asked = by_table.into_iter().map(|(table, keys)| {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        Ok((table.to_owned(), keys.map_err(|error| StoreError::Invalid(error.to_string()))?))
    });
    asked.collect()
}

/// Finds the key of `item` among `keys`. The item was read from the physical table `table`.
pub(super) fn key_of(tables: &Tables, table: &str, keys: &[Key], item: &Item) -> Option<Key> {
    let is_in = |key: &&Key| tables.physical(key.table).is_ok_and(|physical| physical == table);
    keys.iter().filter(is_in).find(|key| key.is_of(item)).cloned()
}

/// The expressions of a write with this condition and these updates.
pub(super) fn expressions(
    condition: Option<&Condition>,
    updates: &[chorus_kernel::Update],
) -> Expressions<AttributeValue> {
    Expressions::of_write(condition, updates, AttributeValue::N)
}

/// Converts one write to a part of a transaction.
pub(super) fn part(tables: &Tables, write: &Write) -> Result<TransactWriteItem, StoreError> {
    let table = tables.physical(write.key().table)?;
    built(table, write).map_err(|error| StoreError::Invalid(error.to_string()))
}

fn built(table: &str, write: &Write) -> Result<TransactWriteItem, BuildError> {
    let part = TransactWriteItem::builder();
    let part = match write {
        Write::Put { item, condition, .. } => part.put(put(table, item, condition.as_ref())?),
        Write::Update { key, updates, condition } => {
            part.update(changed(table, key, expressions(condition.as_ref(), updates))?)
        }
        Write::Delete { key: at } => {
            part.delete(Delete::builder().table_name(table).set_key(Some(key(at))).build()?)
        }
        Write::Check { key, condition } => part.condition_check(check(table, key, condition)?),
    };
    Ok(part.build())
}

fn put(table: &str, item: &Item, condition: Option<&Condition>) -> Result<Put, BuildError> {
    let Expressions { condition, names, values, .. } = expressions(condition, &[]);
    Put::builder()
        .table_name(table)
        .set_item(Some(attributes(item)))
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
}

fn changed(
    table: &str,
    at: &Key,
    Expressions { condition, update, names, values }: Expressions<AttributeValue>,
) -> Result<Update, BuildError> {
    Update::builder()
        .table_name(table)
        .set_key(Some(key(at)))
        .set_update_expression(update)
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
}

fn check(table: &str, at: &Key, condition: &Condition) -> Result<ConditionCheck, BuildError> {
    let Expressions { condition, names, values, .. } = expressions(Some(condition), &[]);
    ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key(at)))
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .build()
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
        let present = Condition::Present;
        let put = Write::Put { key: at(), item: at().to_item(), condition: Some(present.clone()) };
        let put = part(&tables(), &put).unwrap().put.unwrap();
        assert_eq!(put.table_name, "physical");
        assert_eq!(put.return_values_on_condition_check_failure, Some(ALL_OLD));
        assert_eq!(put.expression_attribute_values, None, "absent, never empty");
        let updates = vec![chorus_kernel::Update::Add { attribute: "version", amount: 1 }];
        let update = Write::Update { key: at(), updates, condition: Some(present.clone()) };
        let update = part(&tables(), &update).unwrap().update.unwrap();
        assert_eq!(update.return_values_on_condition_check_failure, Some(ALL_OLD));
        assert_eq!(update.condition_expression.as_deref(), Some("attribute_exists(pk)"));
        assert_eq!(update.update_expression, "ADD #n0 :v0");
        let one = AttributeValue::N("1".to_owned());
        assert_eq!(update.expression_attribute_values.unwrap()[":v0"], one);
        let check = part(&tables(), &Write::Check { key: at(), condition: present }).unwrap();
        let check = check.condition_check.unwrap();
        assert_eq!(check.condition_expression, "attribute_exists(pk)");
        assert_eq!(check.return_values_on_condition_check_failure, Some(ALL_OLD));
    }
}

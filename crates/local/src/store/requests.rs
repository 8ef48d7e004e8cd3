//! Builds `dynoxide`'s request structs from the kernel's writes and queries, without going through
//! JSON.

use chorus_kernel::{Condition, Expressions, Item, Key, Query, Update, Write};
use dynoxide::AttributeValue;
use dynoxide::actions::batch_get_item::BatchGetItemRequest;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::transact_write_items::{
    TransactConditionCheck, TransactDelete, TransactPut, TransactUpdate, TransactWriteItem,
    TransactWriteItemsRequest,
};
use dynoxide::actions::update_item::UpdateItemRequest;

use super::convert::{key, to_engine};

/// A single write as a request.
pub(super) enum Single {
    Put(Box<PutItemRequest>),
    Update(Box<UpdateItemRequest>),
    Delete(Box<DeleteItemRequest>),
    /// A condition check without a write, which DynamoDB offers only in transactions.
    Transact(Box<TransactWriteItemsRequest>),
}

pub(super) fn single(write: &Write) -> Single {
    match write {
        Write::Put { key, item, condition } => {
            let Expressions { condition, names, values, .. } = of(condition.as_ref(), &[]);
            Single::Put(Box::new(PutItemRequest {
                table_name: key.table.to_owned(),
                item: to_engine(item),
                condition_expression: condition,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_consumed_capacity: total(),
                return_values_on_condition_check_failure: all_old(),
                ..PutItemRequest::default()
            }))
        }
        Write::Update { key: at, updates, condition } => {
            let Expressions { condition, update, names, values } = of(condition.as_ref(), updates);
            Single::Update(Box::new(UpdateItemRequest {
                table_name: at.table.to_owned(),
                key: key(at),
                update_expression: update,
                condition_expression: condition,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_consumed_capacity: total(),
                return_values_on_condition_check_failure: all_old(),
                ..UpdateItemRequest::default()
            }))
        }
        Write::Delete { key: at } => Single::Delete(Box::new(DeleteItemRequest {
            table_name: at.table.to_owned(),
            key: key(at),
            return_consumed_capacity: total(),
            ..DeleteItemRequest::default()
        })),
        Write::Check { .. } => Single::Transact(Box::new(transaction(std::slice::from_ref(write)))),
    }
}

pub(super) fn transaction(writes: &[Write]) -> TransactWriteItemsRequest {
    TransactWriteItemsRequest {
        transact_items: writes.iter().map(part_of_transaction).collect(),
        return_consumed_capacity: total(),
        ..TransactWriteItemsRequest::default()
    }
}

fn part_of_transaction(write: &Write) -> TransactWriteItem {
    let mut part = TransactWriteItem::default();
    match write {
        Write::Put { key, item, condition } => {
            let Expressions { condition, names, values, .. } = of(condition.as_ref(), &[]);
            part.put = Some(TransactPut {
                table_name: key.table.to_owned(),
                item: to_engine(item),
                condition_expression: condition,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_values_on_condition_check_failure: all_old(),
            });
        }
        Write::Update { key: at, updates, condition } => {
            let Expressions { condition, update, names, values } = of(condition.as_ref(), updates);
            part.update = Some(TransactUpdate {
                table_name: at.table.to_owned(),
                key: key(at),
                update_expression: update.unwrap_or_default(),
                condition_expression: condition,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_values_on_condition_check_failure: all_old(),
            });
        }
        Write::Delete { key: at } => {
            part.delete = Some(TransactDelete {
                table_name: at.table.to_owned(),
                key: key(at),
                ..TransactDelete::default()
            });
        }
        Write::Check { key: at, condition } => {
            let Expressions { condition, names, values, .. } = of(Some(condition), &[]);
            part.condition_check = Some(TransactConditionCheck {
                table_name: at.table.to_owned(),
                key: key(at),
                condition_expression: condition.unwrap_or_default(),
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_values_on_condition_check_failure: all_old(),
            });
        }
    }
    part
}

/// A request for strongly consistent reads of the items with these keys.
pub(super) fn batch(keys: &[Key]) -> BatchGetItemRequest {
    let mut request =
        BatchGetItemRequest { return_consumed_capacity: total(), ..BatchGetItemRequest::default() };
    for at in keys {
        let asked = request.request_items.entry(at.table.to_owned()).or_default();
        asked.consistent_read = Some(true);
        asked.keys.push(key(at));
    }
    request
}

/// Returns the key in `keys` that identifies this item of `table`.
pub(super) fn key_of(table: &str, keys: &[Key], item: &Item) -> Option<Key> {
    keys.iter().filter(|key| key.table == table).find(|key| key.is_of(item)).cloned()
}

pub(super) fn query(query: &Query) -> QueryRequest {
    let Expressions { condition, names, values, .. } =
        Expressions::of_query(query, AttributeValue::S);
    QueryRequest {
        table_name: query.table.to_owned(),
        index_name: query.index.map(|index| index.name.to_owned()),
        key_condition_expression: condition,
        expression_attribute_names: names,
        expression_attribute_values: values,
        scan_index_forward: !query.descending,
        limit: query.limit.map(|limit| limit as usize),
        exclusive_start_key: query.start.as_ref().map(to_engine),
        // DynamoDB offers no consistent read of an index.
        consistent_read: Some(query.index.is_none()),
        return_consumed_capacity: total(),
        ..QueryRequest::default()
    }
}

fn of(condition: Option<&Condition>, updates: &[Update]) -> Expressions<AttributeValue> {
    Expressions::of_write(condition, updates, AttributeValue::N)
}

fn total() -> Option<String> {
    Some("TOTAL".to_owned())
}

fn all_old() -> Option<String> {
    Some("ALL_OLD".to_owned())
}

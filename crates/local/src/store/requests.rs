//! The port's writes and queries as the engine's requests, built as structs: no JSON on the way.

use std::collections::{BTreeMap, HashMap};

use chorus_kernel::{Condition, Query, Write};
use dynoxide::AttributeValue;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::transact_write_items::{
    TransactConditionCheck, TransactDelete, TransactPut, TransactUpdate, TransactWriteItem,
    TransactWriteItemsRequest,
};
use dynoxide::actions::update_item::UpdateItemRequest;

use super::convert::{key, to_engine, value_to_engine};

/// One write as a request of its own.
pub(super) enum Single {
    Put(Box<PutItemRequest>),
    Update(Box<UpdateItemRequest>),
    Delete(Box<DeleteItemRequest>),
    /// A lone condition check, which DynamoDB only has in transactions.
    Transact(Box<TransactWriteItemsRequest>),
}

pub(super) fn single(write: &Write) -> Single {
    match write {
        Write::Put { key, item, condition } => {
            let Parts { text, names, values } = parts(condition.as_ref());
            Single::Put(Box::new(PutItemRequest {
                table_name: key.table.to_owned(),
                item: to_engine(item),
                condition_expression: text,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_consumed_capacity: total(),
                return_values_on_condition_check_failure: all_old(),
                ..PutItemRequest::default()
            }))
        }
        Write::Update { key: at, update, condition } => {
            let Parts { text, names, values } = parts(Some(update));
            Single::Update(Box::new(UpdateItemRequest {
                table_name: at.table.to_owned(),
                key: key(at),
                update_expression: text,
                condition_expression: condition.clone(),
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
            let Parts { text, names, values } = parts(condition.as_ref());
            part.put = Some(TransactPut {
                table_name: key.table.to_owned(),
                item: to_engine(item),
                condition_expression: text,
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_values_on_condition_check_failure: all_old(),
            });
        }
        Write::Update { key: at, update, condition } => {
            let Parts { text, names, values } = parts(Some(update));
            part.update = Some(TransactUpdate {
                table_name: at.table.to_owned(),
                key: key(at),
                update_expression: text.unwrap_or_default(),
                condition_expression: condition.clone(),
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
            let Parts { text, names, values } = parts(Some(condition));
            part.condition_check = Some(TransactConditionCheck {
                table_name: at.table.to_owned(),
                key: key(at),
                condition_expression: text.unwrap_or_default(),
                expression_attribute_names: names,
                expression_attribute_values: values,
                return_values_on_condition_check_failure: all_old(),
            });
        }
    }
    part
}

pub(super) fn query(query: &Query) -> QueryRequest {
    let (pk, sk) = query.index.map_or(("pk", "sk"), |index| (index.pk, index.sk));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut values = HashMap::from([(":pk".to_owned(), text(&query.pk))]);
    let range = match (&query.from, &query.to) {
        (None, None) => "",
        (Some(_), None) => " AND #sk >= :from",
        (None, Some(_)) => " AND #sk <= :to",
        (Some(_), Some(_)) => " AND #sk BETWEEN :from AND :to",
    };
    let mut names = HashMap::from([("#pk".to_owned(), pk.to_owned())]);
    if !range.is_empty() {
        names.insert("#sk".to_owned(), sk.to_owned());
    }
    values.extend(query.from.iter().map(|from| (":from".to_owned(), text(from))));
    values.extend(query.to.iter().map(|to| (":to".to_owned(), text(to))));
    QueryRequest {
        table_name: query.table.to_owned(),
        index_name: query.index.map(|index| index.name.to_owned()),
        key_condition_expression: Some(format!("#pk = :pk{range}")),
        expression_attribute_names: Some(names),
        expression_attribute_values: Some(values),
        scan_index_forward: !query.descending,
        limit: query.limit.map(|limit| limit as usize),
        exclusive_start_key: query.start.as_ref().map(to_engine),
        // An index cannot be read consistently.
        consistent_read: Some(query.index.is_none()),
        return_consumed_capacity: total(),
        ..QueryRequest::default()
    }
}

/// An expression taken apart as requests want it: absent rather than empty.
struct Parts {
    text: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

fn parts(condition: Option<&Condition>) -> Parts {
    let Some(condition) = condition else {
        return Parts { text: None, names: None, values: None };
    };
    let value = |(name, value): (&String, _)| (name.clone(), value_to_engine(value));
    Parts {
        text: Some(condition.text.clone()),
        names: unless_empty(&condition.names, |(name, to)| (name.clone(), to.clone())),
        values: unless_empty(&condition.values, value),
    }
}

fn unless_empty<'a, V, T>(
    map: &'a BTreeMap<String, V>,
    convert: impl Fn((&'a String, &'a V)) -> (String, T),
) -> Option<HashMap<String, T>> {
    (!map.is_empty()).then(|| map.iter().map(convert).collect())
}

fn total() -> Option<String> {
    Some("TOTAL".to_owned())
}

fn all_old() -> Option<String> {
    Some("ALL_OLD".to_owned())
}

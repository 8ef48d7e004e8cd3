//! Implements the kernel's port `Store` with DynamoDB. Each operation is one request of the SDK;
//! only a read of several items may need more requests.

mod meter;
mod refusal;
mod requests;
mod tables;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
};
use chorus_kernel::{
    Expressions, Item, Key, MOST_READ_AT_ONCE, Page, Query, Store, StoreError, Write,
};

pub use meter::{Meter, Reading};
pub use tables::Tables;

use requests::expressions;

/// Asks DynamoDB to report the cost of each request.
const TOTAL: ReturnConsumedCapacity = ReturnConsumedCapacity::Total;

/// Asks DynamoDB to return the existing item if the condition of a write fails.
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

/// How many attempts the store makes at most to read a batch. DynamoDB may leave out items of a
/// batch; the store then requests these items again. The pauses between the attempts are random;
/// the longest possible pause doubles with each attempt.
const BATCH_ATTEMPTS: u32 = 6;

#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    meter: Arc<Meter>,
}

impl DynamoStore {
    /// A store on the tables whose physical names are in `tables`.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables, meter: Arc::default() }
    }

    /// Counts the requests to DynamoDB so far, and the units that DynamoDB bills for them.
    #[must_use]
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    async fn put(
        &self,
        table: &str,
        item: &Item,
        Expressions { condition, names, values, .. }: Expressions<AttributeValue>,
    ) -> Result<Option<ConsumedCapacity>, StoreError> {
        let sent =
            self.client.put_item().table_name(table).set_item(Some(requests::attributes(item)));
        let sent = sent
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(TOTAL)
            .return_values_on_condition_check_failure(ALL_OLD);
        Ok(sent.send().await.map_err(refusal::of)?.consumed_capacity)
    }

    async fn update(
        &self,
        table: &str,
        key: &Key,
        Expressions { condition, update, names, values }: Expressions<AttributeValue>,
    ) -> Result<Option<ConsumedCapacity>, StoreError> {
        let sent = self.client.update_item().table_name(table).set_key(Some(requests::key(key)));
        let sent = sent
            .set_update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_consumed_capacity(TOTAL)
            .return_values_on_condition_check_failure(ALL_OLD);
        Ok(sent.send().await.map_err(refusal::of)?.consumed_capacity)
    }

    async fn delete(&self, table: &str, key: &Key) -> Result<Option<ConsumedCapacity>, StoreError> {
        let sent = self.client.delete_item().table_name(table).set_key(Some(requests::key(key)));
        let sent = sent.return_consumed_capacity(TOTAL).send().await;
        Ok(sent.map_err(refusal::of)?.consumed_capacity)
    }

    async fn write_one(&self, write: &Write) -> Result<(), StoreError> {
        let table = self.tables.physical(write.key().table)?;
        let written = match write {
            Write::Put { item, condition, .. } => {
                self.put(table, item, expressions(condition.as_ref(), &[])).await
            }
            Write::Update { key, updates, condition } => {
                self.update(table, key, expressions(condition.as_ref(), updates)).await
            }
            Write::Delete { key } => self.delete(table, key).await,
            // DynamoDB accepts a condition check without a write only in a transaction.
            Write::Check { .. } => return self.transact(std::slice::from_ref(write)).await,
        };
        let used = written.as_ref().ok().and_then(|used| meter::capacity(used.as_ref()?));
        self.meter.wrote(used.unwrap_or(1.0));
        written.map(drop)
    }

    /// Reads at most [`MOST_READ_AT_ONCE`] items. Requests again the items that DynamoDB leaves
    /// out. DynamoDB leaves out items if it throttles the request, or if the response would be too
    /// large.
    async fn get_batch(
        &self,
        keys: &[Key],
        found: &mut HashMap<Key, Item>,
    ) -> Result<(), StoreError> {
        let mut asked = requests::batch(&self.tables, keys)?;
        for attempt in 0..BATCH_ATTEMPTS {
            if attempt > 0 {
                let longest = 25_u64 << attempt;
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=longest))).await;
            }
            let sent = self.client.batch_get_item().set_request_items(Some(asked));
            let answer = sent.return_consumed_capacity(TOTAL).send().await.map_err(refusal::of)?;
            self.meter.read_batch(answer.consumed_capacity());
            for (table, items) in answer.responses.unwrap_or_default() {
                for item in items.into_iter().map(Item::from) {
                    found.extend(
                        requests::key_of(&self.tables, &table, keys, &item).map(|key| (key, item)),
                    );
                }
            }
            asked = answer.unprocessed_keys.unwrap_or_default();
            if asked.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Throttled("DynamoDB left out items of a batch in every attempt".to_owned()))
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), StoreError> {
        let parts: Result<Vec<_>, _> =
            writes.iter().map(|write| requests::part(&self.tables, write)).collect();
        let sent = self.client.transact_write_items().set_transact_items(Some(parts?));
        let sent = sent.return_consumed_capacity(TOTAL).send().await;
        let used = sent.as_ref().ok().and_then(|done| done.consumed_capacity.as_ref());
        let billed = used.map(|tables| tables.iter().filter_map(meter::capacity).sum());
        // A refused transaction is billed like a transaction that succeeded: two units per write.
        let writes = u32::try_from(writes.len()).unwrap_or(u32::MAX);
        self.meter.wrote(billed.unwrap_or_else(|| 2.0 * f64::from(writes)));
        sent.map(drop).map_err(refusal::of)
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let sent = self.client.get_item().table_name(self.tables.physical(key.table)?);
        let sent = sent
            .set_key(Some(requests::key(key)))
            .consistent_read(true)
            .return_consumed_capacity(TOTAL);
        let found = sent.send().await.map_err(refusal::of)?;
        self.meter.read(found.consumed_capacity.as_ref());
        Ok(found.item.map(Item::from))
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found = HashMap::new();
        for keys in keys.chunks(MOST_READ_AT_ONCE) {
            self.get_batch(keys, &mut found).await?;
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let Expressions { condition, names, values, .. } =
            Expressions::of_query(query, AttributeValue::S);
        let limit = query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
        let sent = self.client.query().table_name(self.tables.physical(query.table)?);
        let sent = sent
            .set_index_name(query.index.map(|index| index.name.to_owned()))
            .set_key_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .scan_index_forward(!query.descending)
            .set_limit(limit)
            .set_exclusive_start_key(query.start.as_ref().map(requests::attributes))
            // DynamoDB offers no consistent read of an index.
            .consistent_read(query.index.is_none())
            .return_consumed_capacity(TOTAL);
        let found = sent.send().await.map_err(refusal::of)?;
        self.meter.read(found.consumed_capacity.as_ref());
        Ok(Page {
            items: found.items.unwrap_or_default().into_iter().map(Item::from).collect(),
            next: found.last_evaluated_key.filter(|key| !key.is_empty()).map(Item::from),
        })
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        match writes {
            [] => Ok(()),
            [write] => self.write_one(write).await,
            several => self.transact(several).await,
        }
    }
}

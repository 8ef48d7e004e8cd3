//! Reads restored tables: all items of a table, and recent idempotency records.

use aws_sdk_dynamodb::types::AttributeValue;
use chorus_aws::Tables;
use chorus_kernel::{IDEMPOTENCY_TABLE, Item};
use jiff::Timestamp;

use crate::{Operator, OperatorError, send};

impl Operator {
    /// Returns every item of the stack's table whose logical name is `table`.
    ///
    /// # Errors
    /// If AWS refuses, or there is no such table.
    pub async fn items(&self, table: &str) -> Result<Vec<Item>, OperatorError> {
        self.scan(table, None).await
    }

    /// The idempotency records that were written at `since` or later.
    ///
    /// # Errors
    /// If AWS refuses.
    pub async fn records_since(&self, since: Timestamp) -> Result<Vec<Item>, OperatorError> {
        self.scan(IDEMPOTENCY_TABLE.name, Some(format!("{since:.9}"))).await
    }

    async fn scan(
        &self,
        table: &str,
        recorded_since: Option<String>,
    ) -> Result<Vec<Item>, OperatorError> {
        let tables: Tables = self.tables().await?.into_iter().collect();
        let table = tables.physical(table).map_err(|_| self.missing(format!("table {table}")))?;
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let mut request = self.dynamo.scan().table_name(table).consistent_read(true);
            if let Some(since) = &recorded_since {
                request = request
                    .filter_expression("#at >= :since")
                    .expression_attribute_names("#at", "recorded-at")
                    .expression_attribute_values(":since", AttributeValue::S(since.clone()));
            }
            let page = send!(request.set_exclusive_start_key(start));
            items.extend(page.items.unwrap_or_default().into_iter().map(Item::from));
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

//! An operator's operations on a store: read a whole table, and delete expired items.

use std::path::Path;

use chorus_kernel::{Index, Item, StoreError};
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::scan::ScanRequest;

use super::{DynoxideStore, Operation, created, from_engine, refusal, to_engine};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScannedPage {
    /// The items, in no particular order.
    pub items: Vec<Item>,
    /// Where the next page starts; absent on the last page.
    pub next: Option<Item>,
}

impl DynoxideStore {
    /// Reads one page of a whole table, starting after `start`.
    ///
    /// # Errors
    /// If there is no such table, or the store fails.
    pub fn scan(
        &self,
        table: &str,
        limit: Option<usize>,
        start: Option<&Item>,
    ) -> Result<ScannedPage, StoreError> {
        let request = ScanRequest {
            table_name: table.to_owned(),
            limit,
            exclusive_start_key: start.map(to_engine),
            consistent_read: Some(true),
            return_consumed_capacity: Some("TOTAL".to_owned()),
            ..ScanRequest::default()
        };
        let found = self.database.scan(request).map_err(refusal::of)?;
        self.meter.read(Operation::Scan, found.consumed_capacity.as_ref());
        Ok(ScannedPage {
            items: found.items.unwrap_or_default().into_iter().map(from_engine).collect(),
            next: found.last_evaluated_key.map(from_engine),
        })
    }

    /// Reads all items of a table, in no particular order.
    ///
    /// # Errors
    /// If there is no such table, or the store fails.
    pub fn all(&self, table: &str) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let page = self.scan(table, None, start.as_ref())?;
            items.extend(page.items);
            start = page.next;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Reads all items of an index.
    ///
    /// # Errors
    /// If there is no such index, or the store fails.
    pub(crate) fn index(&self, table: &str, index: &Index) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let request = ScanRequest {
                table_name: table.to_owned(),
                index_name: Some(index.name.to_owned()),
                exclusive_start_key: start,
                ..ScanRequest::default()
            };
            let found = self.database.scan(request).map_err(refusal::of)?;
            items.extend(found.items.unwrap_or_default().into_iter().map(from_engine));
            start = found.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Deletes every expired item of every table, as DynamoDB does by itself. Returns how many
    /// items were deleted.
    ///
    /// # Errors
    /// If the store fails; the items that were deleted stay deleted.
    pub fn sweep_expired(&self) -> Result<usize, StoreError> {
        if !self.expires {
            return Ok(0);
        }
        self.database.sweep_ttl().map_err(refusal::of)
    }

    /// Copies the present content of the store into a new file.
    ///
    /// # Errors
    /// If the file exists already, or cannot be written.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        self.database.vacuum_into(created(path)?).map_err(refusal::outside)
    }

    /// Deletes all items of a table. Returns how many items were deleted.
    ///
    /// # Errors
    /// If there is no such table, or the store fails; the items that were deleted stay deleted.
    pub fn clear(&self, table: &'static str) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            let page = self.scan(table, None, None)?;
            for item in &page.items {
                let mut key = to_engine(item);
                key.retain(|name, _| name == "pk" || name == "sk");
                let request = DeleteItemRequest {
                    table_name: table.to_owned(),
                    key,
                    ..DeleteItemRequest::default()
                };
                self.database.delete_item(request).map_err(refusal::of)?;
                deleted += 1;
            }
            if page.next.is_none() {
                return Ok(deleted);
            }
        }
    }
}

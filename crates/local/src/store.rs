//! The embedded store: it implements the kernel's port [`Store`] on SQLite, with DynamoDB's
//! semantics.

mod admin;
mod convert;
pub(crate) mod keys;
mod meter;
mod refusal;
mod requests;
mod tables;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chorus_kernel::{
    Clock, Item, Key, MOST_READ_AT_ONCE, Page, Query, Store, StoreError, TableSpec, Write,
};
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::{Database, DynoxideError};

pub use admin::ScannedPage;
pub use keys::RestoredKeys;
pub use meter::{Meter, Operation, Reading};

use convert::{from_engine, to_engine};

use crate::directory::{connect_to_mark, mark, mark_closed};
use crate::private;
use crate::unwritable::{Unwritable, Writes};

/// Creates the file if it is missing, and lets only its owner read it. Returns the path as UTF-8
/// text, which `dynoxide` requires.
fn created(path: &Path) -> Result<&str, StoreError> {
    let unreadable = || StoreError::Invalid(format!("{} is not a UTF-8 path", path.display()));
    let text = path.to_str().ok_or_else(unreadable)?;
    private::create_file(path)
        .map_err(|error| StoreError::Invalid(format!("{text} cannot be opened: {error}")))?;
    Ok(text)
}

/// An embedded DynamoDB: `dynoxide` on a file or in memory.
pub struct DynoxideStore {
    database: Database,
    meter: Meter,
    /// Whether any table has items that expire.
    expires: bool,
    /// The store's file; none if the store is in memory.
    file: Option<StoreFile>,
    /// Whether unused parts of the file may still contain the bytes of a person's encryption key
    /// that was destroyed.
    remains: AtomicBool,
}

#[derive(Debug)]
struct StoreFile {
    path: PathBuf,
    /// Whether the disk accepted the last write.
    writes: Writes,
}

impl StoreFile {
    /// Marks the file as in use until [`StoreFile::close`].
    fn opened(path: &Path) -> Result<Self, StoreError> {
        let marked = connect_to_mark(path).and_then(|connection| mark(&connection, true));
        marked.map_err(refusal::outside)?;
        Ok(Self { path: path.to_owned(), writes: Writes::to(path) })
    }

    /// Marks the file as closed, before the store closes it.
    fn close(&self) {
        if let Ok(connection) = connect_to_mark(&self.path) {
            mark_closed(connection, self.path.display());
        }
    }
}

impl Drop for DynoxideStore {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            file.close();
        }
    }
}

impl std::fmt::Debug for DynoxideStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynoxideStore").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl DynoxideStore {
    /// Opens or creates the store in the file `path`, with `tables` and their indexes. The store
    /// uses the system's time.
    ///
    /// # Errors
    /// If the file cannot be opened, or a table cannot be created.
    pub fn open(path: &Path, tables: &[TableSpec]) -> Result<Self, StoreError> {
        let database = Database::new(created(path)?);
        let mut store = Self::with(database.map_err(refusal::outside)?, tables)?;
        store.file = Some(StoreFile::opened(path)?);
        Ok(store)
    }

    /// Opens a store in memory, which is lost when the process ends. The store uses the time of
    /// `clock`.
    ///
    /// # Errors
    /// If a table cannot be created.
    pub fn memory(clock: Arc<dyn Clock>, tables: &[TableSpec]) -> Result<Self, StoreError> {
        let lent = Arc::new(tables::LentClock(clock));
        let database = Database::memory_with_clock(lent).map_err(refusal::outside)?;
        Self::with(database, tables)
    }

    fn with(database: Database, tables: &[TableSpec]) -> Result<Self, StoreError> {
        for table in tables {
            tables::create(&database, table)?;
        }
        let expires = tables.iter().any(|table| table.ttl.is_some());
        let remains = AtomicBool::new(false);
        Ok(Self { database, meter: Meter::default(), expires, file: None, remains })
    }

    /// The requests to the store so far, and what DynamoDB would have billed for them.
    #[must_use]
    pub const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The store's file, if its disk refused the last write.
    #[must_use]
    pub fn unwritable(&self) -> Option<Unwritable> {
        self.file.as_ref()?.writes.unwritable()
    }

    fn note<T>(&self, written: &Result<T, DynoxideError>) {
        if let Some(file) = &self.file {
            file.writes.note(written, refusal::is_of_disk);
        }
    }

    /// Overwrites the bytes of people's destroyed encryption keys in unused parts of the file. All
    /// other requests wait until this is done: about a second for a file of 100 MB.
    pub(crate) fn overwrite_remains(&self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        if self.remains.load(Ordering::Relaxed) {
            keys::overwrite_deleted(&file.path)?;
            self.remains.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn write_one(&self, write: &Write) -> Result<(), StoreError> {
        use dynoxide::actions;
        let (operation, result): (_, Result<_, DynoxideError>) = match requests::single(write) {
            requests::Single::Put(request) => {
                let done = self.database.put_item(*request);
                let units = |done: actions::put_item::PutItemResponse| done.consumed_capacity;
                (Operation::Put, done.map(units))
            }
            requests::Single::Update(request) => {
                let done = self.database.update_item(*request);
                let units = |done: actions::update_item::UpdateItemResponse| done.consumed_capacity;
                (Operation::Update, done.map(units))
            }
            requests::Single::Delete(request) => {
                let done = self.database.delete_item(*request);
                let units = |done: actions::delete_item::DeleteItemResponse| done.consumed_capacity;
                (Operation::Delete, done.map(units))
            }
            requests::Single::Transact(request) => {
                return self.transact(*request, 1);
            }
        };
        self.note(&result);
        match result {
            Ok(capacity) => {
                self.meter
                    .wrote(operation, capacity.as_ref().map_or(1.0, |used| used.capacity_units));
                Ok(())
            }
            Err(error) => {
                self.meter.wrote(operation, 1.0);
                Err(refusal::of(error))
            }
        }
    }

    fn transact(
        &self,
        request: dynoxide::actions::transact_write_items::TransactWriteItemsRequest,
        writes: usize,
    ) -> Result<(), StoreError> {
        let result = self.database.transact_write_items(request);
        self.note(&result);
        match result {
            Ok(done) => {
                let used = done.consumed_capacity.unwrap_or_default();
                self.meter.wrote(
                    Operation::Transact,
                    used.iter().map(|table| table.capacity_units).sum(),
                );
                Ok(())
            }
            Err(error) => {
                // A refused transaction is billed like a successful transaction.
                let writes = u32::try_from(writes).unwrap_or(u32::MAX);
                self.meter.wrote(Operation::Transact, 2.0 * f64::from(writes));
                Err(refusal::of(error))
            }
        }
    }
}

#[async_trait]
impl Store for DynoxideStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let request = GetItemRequest {
            table_name: key.table.to_owned(),
            key: convert::key(key),
            consistent_read: Some(true),
            return_consumed_capacity: Some("TOTAL".to_owned()),
            ..GetItemRequest::default()
        };
        let found = self.database.get_item(request).map_err(refusal::of)?;
        self.meter.read(Operation::Get, found.consumed_capacity.as_ref());
        Ok(found.item.map(from_engine))
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found = HashMap::new();
        for keys in keys.chunks(MOST_READ_AT_ONCE) {
            let request = requests::batch(keys);
            let answer = self.database.batch_get_item(request).map_err(refusal::of)?;
            self.meter.read_batch(answer.consumed_capacity.as_deref().unwrap_or_default());
            for (table, items) in answer.responses {
                for item in items.into_iter().map(from_engine) {
                    found.extend(requests::key_of(&table, keys, &item).map(|key| (key, item)));
                }
            }
        }
        Ok(keys.iter().map(|key| found.remove(key)).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let found = self.database.query(requests::query(query)).map_err(refusal::of)?;
        self.meter.read(Operation::Query, found.consumed_capacity.as_ref());
        Ok(Page {
            items: found.items.unwrap_or_default().into_iter().map(from_engine).collect(),
            next: found.last_evaluated_key.map(from_engine),
        })
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        match writes {
            [] => {}
            [write] => self.write_one(write)?,
            several => self.transact(requests::transaction(several), several.len())?,
        }
        if writes.iter().any(keys::destroys_key) {
            self.remains.store(true, Ordering::Relaxed);
            if let Err(error) = self.overwrite_remains() {
                tracing::warn!(%error, "a person's key was destroyed, but the bytes of this key could not be overwritten; the engine tries again within an hour");
            }
        }
        Ok(())
    }
}

//! The interface of a store: only those DynamoDB operations that the kernel needs. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.

use async_trait::async_trait;

use crate::{Item, Key, Write};

/// A request for the items of one partition, in the order of their sort keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub table: &'static str,
    /// An index of the table; `None` for the table itself.
    pub index: Option<&'static Index>,
    pub pk: String,
    /// The lowest sort key to return, inclusive.
    pub from: Option<String>,
    /// The highest sort key to return, inclusive.
    pub to: Option<String>,
    pub descending: bool,
    /// The maximum number of items in one page.
    pub limit: Option<u32>,
    /// The [`Page::next`] of the previous page; absent for the first page.
    pub start: Option<Item>,
}

impl Query {
    /// All items of one partition.
    #[must_use]
    pub fn partition(table: &'static str, pk: impl Into<String>) -> Self {
        Self {
            table,
            index: None,
            pk: pk.into(),
            from: None,
            to: None,
            descending: false,
            limit: None,
            start: None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub items: Vec<Item>,
    /// The position after which the next page starts, to pass as [`Query::start`]; absent on the
    /// last page.
    pub next: Option<Item>,
}

/// A secondary index. The index is sparse: it contains only the items that have both of the index's
/// key attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    /// The index's partition key: a string attribute.
    pub pk: &'static str,
    /// The index's sort key: a string attribute.
    pub sk: &'static str,
    /// Whether the index projects whole items. If not, it projects only the key attributes of the
    /// table and the index.
    pub whole_items: bool,
}

/// A table that a service owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpec {
    pub name: &'static str,
    pub indexes: &'static [Index],
    /// The attribute with the time after which an item may be deleted, in seconds since the Unix
    /// epoch.
    pub ttl: Option<&'static str>,
}

/// The result of one write of a refused transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    Passed,
    /// The write's condition did not hold for the stored item; `None` if no item is stored.
    Condition(Option<Box<Item>>),
    /// Another transaction was writing the same item.
    Conflict,
}

/// Why a store did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The transaction was refused as a whole; there is one reason for each write.
    #[error("the transaction was rejected by a condition or a conflict")]
    Refused(Vec<Reason>),
    /// Too many requests at once: retry later.
    #[error("the store is throttling: {0}")]
    Throttled(String),
    /// The store gave no response, or an invalid response; it is unknown whether the store made the
    /// writes.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The request itself is wrong; a retry would not help.
    #[error("the store rejects the request: {0}")]
    Invalid(String),
}

/// The maximum number of items in one BatchGetItem request.
pub const MOST_READ_AT_ONCE: usize = 100;

/// Items, and transactions on them: DynamoDB, or a store that behaves like it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one item, with a strongly consistent read.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// Reads several items. Each read is strongly consistent by itself, but another process may
    /// write between two of these reads. The keys have to be distinct; the result is in the order
    /// of the keys. This default implementation sends one request for each item.
    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.get(key).await?);
        }
        Ok(found)
    }

    /// Reads one page of a query. A query of a table is strongly consistent; a query of an index is
    /// eventually consistent.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Makes all writes, or none. Two or more writes are one transaction.
    async fn write(&self, writes: &[Write]) -> Result<(), StoreError>;
}

/// Reads all pages of a query. Another process may write between the reads of two pages.
///
/// # Errors
/// If the store fails.
pub async fn query_all(store: &dyn Store, mut query: Query) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    loop {
        let page = store.query(&query).await?;
        items.extend(page.items);
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(items),
        }
    }
}

//! The port below the kernel: the few DynamoDB operations that it needs, no more. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.

use async_trait::async_trait;

use crate::{Item, Key, Write};

/// Asks for the items of one partition in the order of their sort keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub table: &'static str,
    /// An index of it, or the table itself.
    pub index: Option<&'static Index>,
    pub pk: String,
    /// Only sort keys from this one on.
    pub from: Option<String>,
    /// Only sort keys up to this one, itself included.
    pub to: Option<String>,
    pub descending: bool,
    /// At most so many items in one page.
    pub limit: Option<u32>,
    /// Goes on after the page that returned this.
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

/// One page of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub items: Vec<Item>,
    /// Where the next page starts; absent on the last.
    pub next: Option<Item>,
}

/// A secondary index: sparse, for only items that have its key attributes are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    /// Its partition key, a string attribute.
    pub pk: &'static str,
    /// Its sort key, a string attribute.
    pub sk: &'static str,
    /// Whether it carries whole items, or keys only.
    pub whole_items: bool,
}

/// A table that a service owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpec {
    pub name: &'static str,
    pub indexes: &'static [Index],
    /// The attribute that holds when an item may be deleted, in seconds since the epoch.
    pub ttl: Option<&'static str>,
}

/// The result of one write in a rejected transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    Passed,
    /// Its condition did not hold of this item (or of none).
    Condition(Option<Box<Item>>),
    /// Another transaction was writing the same item.
    Conflict,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The transaction was rejected as a whole; one reason for each write.
    #[error("the transaction was rejected by a condition or a conflict")]
    Refused(Vec<Reason>),
    /// Too much at once: try again later.
    #[error("the store is throttling: {0}")]
    Throttled(String),
    /// It did not answer, or not sensibly; whether it wrote is unknown.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The request itself is wrong, and will be wrong again.
    #[error("the store rejects the request: {0}")]
    Invalid(String),
}

/// The most items of one BatchGetItem request.
pub const MOST_READ_AT_ONCE: usize = 100;

/// Items, and transactions over them: DynamoDB, or what behaves as it does.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one item, strongly consistent.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// Reads several items by one request, each strongly consistent by itself: others may write between
    /// two of them. The keys differ; what is found is in their order. A store without such a request
    /// reads them one by one.
    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.get(key).await?);
        }
        Ok(found)
    }

    /// Reads one page; strongly consistent, but for an index, which trails its table.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Writes all or nothing. A single write is one plain conditional request.
    async fn write(&self, writes: &[Write]) -> Result<(), StoreError>;
}

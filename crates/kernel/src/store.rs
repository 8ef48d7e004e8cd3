//! The port below the kernel: the few DynamoDB operations that it needs, no more.
//!
//! Expressions are DynamoDB's own, written once; the embedded engine and the AWS SDK both take
//! them as they are. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_dynamo::AttributeValue;

use crate::{Item, Key};

/// A condition, or an update, as expression text with the names and values that it mentions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// The expression.
    pub text: String,
    /// `#name` placeholders.
    pub names: BTreeMap<String, String>,
    /// `:value` placeholders.
    pub values: BTreeMap<String, AttributeValue>,
}

impl Condition {
    /// An expression without placeholders.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Binds `#name` to the attribute `attribute`.
    #[must_use]
    pub fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    /// Binds `:value` to a number.
    #[must_use]
    pub fn number(mut self, placeholder: &str, value: i64) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::N(value.to_string()));
        self
    }

    /// Binds `:value` to a text.
    #[must_use]
    pub fn text(mut self, placeholder: &str, value: &str) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::S(value.to_owned()));
        self
    }
}

/// One write. Several commit together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Puts a whole item, which carries its key.
    Put {
        /// Where.
        key: Key,
        /// The item, key attributes included.
        item: Item,
        /// Must hold of the item that is there.
        condition: Option<Condition>,
    },
    /// Changes some attributes.
    Update {
        /// Where.
        key: Key,
        /// The update expression.
        update: Condition,
        /// Must hold of the item that is there; shares the update's placeholders.
        condition: Option<String>,
    },
    /// Deletes an item.
    Delete {
        /// Where.
        key: Key,
    },
    /// Changes nothing; only the condition counts.
    Check {
        /// Where.
        key: Key,
        /// Must hold of the item that is there.
        condition: Condition,
    },
}

impl Write {
    /// Where it writes.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. }
            | Self::Update { key, .. }
            | Self::Delete { key }
            | Self::Check { key, .. } => key,
        }
    }
}

/// Asks for the items of one partition in the order of their sort keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The logical table.
    pub table: &'static str,
    /// An index of it, or the table itself.
    pub index: Option<&'static Index>,
    /// The partition.
    pub pk: String,
    /// Only sort keys from this one on.
    pub from: Option<String>,
    /// Only sort keys up to this one, itself included.
    pub to: Option<String>,
    /// Last first.
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
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page starts; absent on the last.
    pub next: Option<Item>,
}

/// A secondary index: sparse, for only items that have its key attributes are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
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
    /// The logical name.
    pub name: &'static str,
    /// Its indexes.
    pub indexes: &'static [Index],
    /// The attribute that holds when an item may be deleted, in seconds since the epoch.
    pub ttl: Option<&'static str>,
}

/// What a transaction says of one of its writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// It would have succeeded.
    Passed,
    /// Its condition did not hold of this item (or of none).
    Condition(Option<Box<Item>>),
    /// Another transaction was writing the same item.
    Conflict,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The writes were refused together; one reason for each.
    #[error("the writes were refused")]
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

/// Items, and transactions over them: DynamoDB, or what behaves as it does.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one item, strongly consistent.
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError>;

    /// Reads one page; strongly consistent, but for an index, which trails its table.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;

    /// Writes all or nothing. A single write is one plain conditional request.
    async fn write(&self, writes: &[Write]) -> Result<(), StoreError>;
}

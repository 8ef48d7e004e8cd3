//! How many commands a caller may give: a token bucket for each caller that holds the commands of
//! one minute.
//!
//! A bucket is one item in the table of idempotency records, because every function may read and
//! write that table. A command costs one conditional write: it is counted whether or not it is then
//! accepted, so that a caller cannot send as many as they like of those that are refused.

use std::time::Duration;

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use super::record::{EXPIRES_AT, IDEMPOTENCY_TABLE};
use crate::{
    Condition, Failure, Item, Kernel, Key, Reason, StoreError, Update, Write, number, text,
};

/// The sort key of a bucket.
const ALLOWANCE: &str = "allowance";

/// When the bucket will be full again, in milliseconds.
const FULL_AT: &str = "full-at";

const MINUTE: i64 = 60_000;

/// For how many seconds a bucket is kept. While it exists it is exact; it is full long before.
const KEPT: i64 = 86_400;

/// How many commands of one kind a caller may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The action whose commands are counted.
    pub action: &'static str,
    /// The most commands in any minute after a minute without any; 0 for any number.
    pub per_minute: u32,
}

impl Allowance {
    fn key(&self, caller: &str) -> Key {
        let pk = format!("{}#{caller}", self.action);
        Key { table: IDEMPOTENCY_TABLE.name, pk, sk: ALLOWANCE.to_owned() }
    }

    /// For how long one command occupies its place in the bucket, in milliseconds.
    fn interval(&self) -> i64 {
        MINUTE / i64::from(self.per_minute.max(1))
    }

    /// The bucket of a caller who gave no command lately, with one command in it.
    fn first(&self, caller: &str, now: Timestamp) -> Write {
        let (key, at) = (self.key(caller), now.as_millisecond());
        let mut item = key.to_item();
        let mut set = |name: &str, value: i64| {
            item.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        };
        set(FULL_AT, at + self.interval());
        set(EXPIRES_AT, now.as_second() + KEPT);
        let full = Condition::AbsentOrBelow { attribute: FULL_AT, value: at + 1 };
        Write::Put { key, item, condition: Some(full) }
    }

    /// Adds a command to a bucket that is neither full nor empty.
    fn another(&self, caller: &str, now: Timestamp) -> Write {
        let free = now.as_millisecond() + MINUTE - self.interval() + 1;
        let free = Condition::AbsentOrBelow { attribute: FULL_AT, value: free };
        Write::Update {
            key: self.key(caller),
            updates: vec![Update::Add { attribute: FULL_AT, amount: self.interval() }],
            condition: Some(Condition::All(vec![Condition::Present, free])),
        }
    }
}

/// Whether a bucket had a place for a command.
enum Counted {
    Yes,
    /// The condition did not hold; with when the bucket will be full, if it exists.
    Not(Option<i64>),
}

impl Kernel {
    /// Counts a command of this caller. Returns none if the caller may give it, and otherwise after
    /// how long they may.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count(
        &self,
        allowance: &Allowance,
        caller: &str,
    ) -> Result<Option<Duration>, Failure> {
        if allowance.per_minute == 0 {
            return Ok(None);
        }
        let now = self.clock.now();
        if let Counted::Yes = self.counted(allowance.first(caller, now)).await? {
            return Ok(None);
        }
        let Counted::Not(full_at) = self.counted(allowance.another(caller, now)).await? else {
            return Ok(None);
        };
        let free_at = full_at.unwrap_or_default() - MINUTE + allowance.interval();
        let wait = u64::try_from(free_at - now.as_millisecond()).unwrap_or_default();
        Ok(Some(Duration::from_millis(wait.max(1))))
    }

    async fn counted(&self, write: Write) -> Result<Counted, Failure> {
        match self.store.write(&[write]).await {
            Ok(()) => Ok(Counted::Yes),
            Err(StoreError::Refused(reasons)) => match reasons.into_iter().next() {
                Some(Reason::Condition(Some(bucket))) => Ok(Counted::Not(number(&bucket, FULL_AT))),
                _ => Ok(Counted::Not(None)),
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an item of the table of idempotency records is a bucket, not a record.
pub(crate) fn is_allowance(item: &Item) -> bool {
    text(item, "sk") == Some(ALLOWANCE)
}

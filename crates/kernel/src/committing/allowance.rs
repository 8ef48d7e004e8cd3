//! How many commands a caller may give: each caller has a token bucket for each limited action. The
//! bucket holds one token for each command that is allowed per minute.
//!
//! A bucket is one item in the table of idempotency records, because every function may read and
//! write that table. Counting a command costs one conditional write if the bucket is full,
//! otherwise two. A command is counted before it is checked, so that the limit covers refused
//! commands, too.

use std::time::Duration;

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use super::record::{EXPIRES_AT, IDEMPOTENCY_TABLE};
use crate::{
    Condition, Failure, Item, Kernel, Key, Reason, StoreError, Update, Write, number, text,
};

/// The sort key of a bucket.
const ALLOWANCE: &str = "allowance";

/// The attribute with the time at which the bucket will be full again, in milliseconds since the
/// Unix epoch.
const FULL_AT: &str = "full-at";

const MINUTE: u32 = 60_000;

/// After how many seconds a bucket may be deleted. A bucket is full again at most two minutes after
/// its last command, so deleting it loses nothing.
const BUCKET_LIFETIME: i64 = 86_400;

/// How many commands of one kind a caller may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The action whose commands are counted.
    pub action: &'static str,
    /// How many commands the caller may give per minute; 0 for no limit. When the bucket is full
    /// again, the caller may give this many at once.
    pub per_minute: u32,
}

impl Allowance {
    fn key(&self, caller: &str) -> Key {
        let pk = format!("{}#{caller}", self.action);
        Key { table: IDEMPOTENCY_TABLE.name, pk, sk: ALLOWANCE.to_owned() }
    }

    /// The time in which the bucket gets one token back, in milliseconds. The time is rounded up,
    /// so that the caller never gets more tokens per minute than are allowed.
    fn interval(&self) -> i64 {
        i64::from(MINUTE.div_ceil(self.per_minute.max(1)))
    }

    /// The time in which an empty bucket becomes full, in milliseconds. This is a minute, or longer
    /// if the interval is rounded up, so that a full bucket holds exactly the allowed commands.
    fn time_to_fill(&self) -> i64 {
        self.interval() * i64::from(self.per_minute)
    }

    /// Takes the first token of a full bucket. The store refuses the write if the bucket is not
    /// full. A bucket that is not stored counts as full.
    fn take_first_token(&self, caller: &str, now: Timestamp) -> Write {
        let (key, at) = (self.key(caller), now.as_millisecond());
        let mut item = key.to_item();
        let mut set = |name: &str, value: i64| {
            item.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        };
        set(FULL_AT, at + self.interval());
        set(EXPIRES_AT, now.as_second() + BUCKET_LIFETIME);
        let full = Condition::AbsentOrBelow { attribute: FULL_AT, value: at + 1 };
        Write::Put { key, item, condition: Some(full) }
    }

    /// Takes a token from a stored bucket. The store refuses the write if the bucket is empty.
    fn take_token(&self, caller: &str, now: Timestamp) -> Write {
        let free = now.as_millisecond() + self.time_to_fill() - self.interval() + 1;
        let free = Condition::AbsentOrBelow { attribute: FULL_AT, value: free };
        Write::Update {
            key: self.key(caller),
            updates: vec![Update::Add { attribute: FULL_AT, amount: self.interval() }],
            condition: Some(Condition::All(vec![Condition::Present, free])),
        }
    }
}

/// Whether a command got a token from the caller's bucket.
enum Token {
    Taken,
    /// The condition of the write did not hold. The value is the time at which the stored bucket
    /// will be full; none if no bucket is stored.
    Refused(Option<i64>),
}

impl Kernel {
    /// Counts a command of this caller. Returns `None` if the command is allowed. Otherwise returns
    /// how long the caller has to wait before the next try.
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
        if let Token::Taken = self.try_take(allowance.take_first_token(caller, now)).await? {
            return Ok(None);
        }
        let Token::Refused(full_at) = self.try_take(allowance.take_token(caller, now)).await?
        else {
            return Ok(None);
        };
        let free_at = full_at.unwrap_or_default() - allowance.time_to_fill() + allowance.interval();
        let wait = u64::try_from(free_at - now.as_millisecond()).unwrap_or_default();
        Ok(Some(Duration::from_millis(wait.max(1))))
    }

    async fn try_take(&self, write: Write) -> Result<Token, Failure> {
        match self.store.write(&[write]).await {
            Ok(()) => Ok(Token::Taken),
            Err(StoreError::Refused(reasons)) => match reasons.first() {
                Some(Reason::Condition(bucket)) => {
                    Ok(Token::Refused(bucket.as_ref().and_then(|bucket| number(bucket, FULL_AT))))
                }
                // The write conflicts with a concurrent write. The bucket may have tokens left, so
                // the result is an error, and not `Token::Refused`.
                _ => Err(StoreError::Refused(reasons).into()),
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an item of the table of idempotency records is a bucket, not a record.
pub(crate) fn is_allowance(item: &Item) -> bool {
    text(item, "sk") == Some(ALLOWANCE)
}

#[cfg(test)]
mod tests {
    use super::Allowance;

    #[test]
    fn a_full_bucket_holds_the_allowed_commands_and_gets_no_more_than_these_back_in_a_minute() {
        for per_minute in [1, 7, 60, 999, 29_999, 30_001, 31_000, 59_999, 60_000] {
            let allowance = Allowance { action: "PlaceOrder", per_minute };
            let back = 60_000 / allowance.interval();
            assert!(back <= i64::from(per_minute), "{per_minute} a minute gets {back} back");
            let held = allowance.time_to_fill() / allowance.interval();
            assert_eq!(held, i64::from(per_minute));
            assert!(allowance.time_to_fill() <= 120_000, "{per_minute}");
        }
    }
}

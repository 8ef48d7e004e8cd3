//! The sweeper: publishes what was committed by a caller who went away before publishing it.

use jiff::{SignedDuration, Timestamp};

use super::record::{Record, UNPUBLISHED, record_key};
use crate::{Failure, IDEMPOTENCY_TABLE, Kernel, Query, UNPUBLISHED_INDEX, text};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records whose events were published now.
    pub published: usize,
    /// Records younger than the age asked for: their own invocation may still publish them.
    pub younger: usize,
}

/// Publishes the events of every record that has been unpublished for at least `age`.
///
/// # Errors
/// Where the store or the bus fails; what was not reached is left to the next sweep.
pub async fn sweep(kernel: &Kernel, age: SignedDuration) -> Result<Swept, Failure> {
    let mut swept = Swept::default();
    let limit: Timestamp = kernel.clock.now() - age;
    let mut query = Query::partition(IDEMPOTENCY_TABLE.name, UNPUBLISHED);
    query.index = Some(&UNPUBLISHED_INDEX);
    loop {
        let page = kernel.store.query(&query).await?;
        for found in &page.items {
            let recorded: Option<Timestamp> =
                text(found, "recorded-at").and_then(|at| at.parse().ok());
            if recorded.is_some_and(|recorded| recorded > limit) {
                swept.younger += 1;
                continue;
            }
            let (Some(pk), Some(sk)) = (text(found, "pk"), text(found, "sk")) else {
                continue;
            };
            // The index trails its table: the record itself says whether it is still unpublished.
            let Some(item) = kernel.store.get(&record_key(sk, pk)).await? else {
                continue;
            };
            let record = Record::read(&item)?;
            if !record.published {
                kernel.publish(&record).await?;
                swept.published += 1;
            }
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(swept),
        }
    }
}

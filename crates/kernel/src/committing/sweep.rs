//! The sweeper: publishes the events of committed decisions that the committing process did not
//! publish, for example because the process died.

use jiff::{SignedDuration, Timestamp};

use super::outputs::RowOutputs;
use super::record::{Publication, Record, record_key, unpublished_records};
use crate::{Failure, Item, Kernel, Query, text};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Records whose events this sweep published.
    pub published: usize,
    /// Records that are not old enough yet: the process that committed such a record may still
    /// publish the record's events.
    pub younger: usize,
    /// Records that cannot be read, or whose events cannot be published even by a retry. Each is
    /// logged and stays unpublished, and the sweep continues with the next record.
    pub unreadable: usize,
    /// Records that cannot come from the row of the design table that they name: for example, the
    /// row never publishes an event of the record. Each such record is logged, and none of its
    /// events is published.
    pub forged: usize,
}

/// The result for a record that the index of unpublished records lists.
enum Found {
    Published,
    /// The record is gone, or its events have been published meanwhile.
    Done,
    Forged(String),
}

/// Publishes the events of every record that has been unpublished for at least `age`. A record
/// counts as forged if `outputs` does not list the row that the record names, if the record has an
/// event that this row never publishes, or if the record starts a state machine that this row never
/// starts.
/// Does nothing in a region that is on standby.
///
/// # Errors
/// If the store or the bus fails; the records that were not reached are left to the next sweep.
pub async fn sweep(
    kernel: &Kernel,
    outputs: &RowOutputs,
    age: SignedDuration,
) -> Result<Swept, Failure> {
    let mut swept = Swept::default();
    if !kernel.is_active().await? {
        return Ok(swept);
    }
    let limit: Timestamp = kernel.clock.now() - age;
    for query in unpublished_records() {
        sweep_partition(kernel, outputs, query, limit, &mut swept).await?;
    }
    Ok(swept)
}

async fn sweep_partition(
    kernel: &Kernel,
    outputs: &RowOutputs,
    mut query: Query,
    limit: Timestamp,
    swept: &mut Swept,
) -> Result<(), Failure> {
    loop {
        let page = kernel.store.query(&query).await?;
        for found in &page.items {
            let recorded: Option<Timestamp> =
                text(found, "recorded-at").and_then(|at| at.parse().ok());
            if recorded.is_some_and(|recorded| recorded > limit) {
                swept.younger += 1;
                continue;
            }
            match publish_found(kernel, outputs, found).await {
                Ok(Found::Published) => swept.published += 1,
                Ok(Found::Done) => {}
                Ok(Found::Forged(why)) => {
                    swept.forged += 1;
                    tracing::warn!(
                        key = text(found, "pk"),
                        action = text(found, "sk"),
                        code = "ForgedRecord",
                        "a record may be forged, and is not published: {why}"
                    );
                }
                Err(failure) if failure.is_retryable() => return Err(failure),
                Err(failure) => {
                    swept.unreadable += 1;
                    tracing::warn!(
                        key = text(found, "pk"),
                        action = text(found, "sk"),
                        code = failure.code(),
                        "a record cannot be published, and is skipped: {failure}"
                    );
                }
            }
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(()),
        }
    }
}

/// Publishes the events of a record that the index of unpublished records lists, unless the events
/// have been published meanwhile.
async fn publish_found(
    kernel: &Kernel,
    outputs: &RowOutputs,
    found: &Item,
) -> Result<Found, Failure> {
    let named = |name| {
        text(found, name).ok_or_else(|| {
            Failure::corrupt(
                "idempotency record",
                &format_args!("its entry in the index has no attribute {name}"),
            )
        })
    };
    let key = record_key(named("sk")?, named("pk")?);
    // The index is eventually consistent: only the record itself shows whether its events are still
    // unpublished.
    let Some(item) = kernel.store.get(&key).await? else { return Ok(Found::Done) };
    let record = Record::read(&item)?;
    if record.publication == Publication::Done {
        return Ok(Found::Done);
    }
    if let Some(why) = outputs.forgery_in(&record) {
        return Ok(Found::Forged(why));
    }
    kernel.publish(&record).await?;
    kernel.mark(&record).await;
    Ok(Found::Published)
}

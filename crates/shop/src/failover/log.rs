//! Records failovers in the audit of the region that takes over, so that an interrupted failover
//! can be continued.

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_kernel::Store;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::{self, Act, AuditEntry, AuditError};

const FAILOVER: &str = "failover";

/// An entry names at most this many orders, because an item's size is limited.
const MOST_ORDERS: usize = 5_000;

/// A failover that was begun.
#[derive(Debug)]
#[must_use = "the next failover to the same region continues a failover that was not ended"]
pub struct Begun(audit::Begun);

/// Records that a failover `from` one region `to` another starts or continues. `cancels` are the
/// orders that the failover will cancel. Once the tables are repaired, only this record names these
/// orders.
///
/// # Errors
/// If the store fails. Then the failover must not continue.
pub async fn begin(
    store: &dyn Store,
    by: &str,
    (from, to): (&str, &str),
    cancels: &BTreeSet<OrderId>,
) -> Result<Begun, AuditError> {
    let cancels: Vec<&OrderId> = cancels.iter().take(MOST_ORDERS).collect();
    let asked = json!({ "from": from, "to": to, "cancels": cancels });
    let act = Act { at: Timestamp::now(), by, what: FAILOVER, asked };
    audit::begin(store, act).await.map(Begun)
}

impl Begun {
    /// Records that the failover is done.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end(self, store: &dyn Store, outcome: Value) -> Result<(), AuditError> {
        self.0.end(store, outcome).await
    }
}

/// Returns the orders that an interrupted failover to the region `to` was going to cancel; `None`
/// if no failover was interrupted.
///
/// # Errors
/// If the store fails, or a stored item is not an entry.
pub async fn unfinished(
    store: &dyn Store,
    to: &str,
) -> Result<Option<BTreeSet<OrderId>>, AuditError> {
    Ok(interrupted_cancels(&audit::entries(store).await?, to))
}

/// Returns the orders that interrupted failovers to `to` were going to cancel; `None` if the last
/// failover was completed, or had another target. `entries` are sorted by time.
fn interrupted_cancels(entries: &[AuditEntry], to: &str) -> Option<BTreeSet<OrderId>> {
    let mut interrupted = None::<BTreeSet<OrderId>>;
    for entry in entries.iter().filter(|it| it.what == FAILOVER) {
        if entry.outcome.is_some() || entry.asked["to"] != to {
            interrupted = None;
            continue;
        }
        let cancels: Vec<OrderId> =
            serde_json::from_value(entry.asked["cancels"].clone()).unwrap_or_default();
        interrupted.get_or_insert_default().extend(cancels);
    }
    interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(to: &str, cancels: &[&str], is_done: bool) -> AuditEntry {
        AuditEntry {
            at: Timestamp::UNIX_EPOCH,
            by: None,
            what: FAILOVER.to_owned(),
            asked: json!({ "from": "elsewhere", "to": to, "cancels": cancels }),
            outcome: is_done.then(|| json!("done")),
        }
    }

    fn named(cancels: Option<BTreeSet<OrderId>>) -> Option<Vec<String>> {
        cancels.map(|cancels| cancels.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_interrupted_failover_leaves_the_orders_that_it_was_to_cancel() {
        let interrupted = [entry("west", &["one"], false), entry("west", &["two"], false)];
        let expected = Some(vec!["one".to_owned(), "two".to_owned()]);
        assert_eq!(named(interrupted_cancels(&interrupted, "west")), expected);
        assert_eq!(interrupted_cancels(&interrupted, "east"), None);
        assert_eq!(interrupted_cancels(&[], "west"), None);
    }

    #[test]
    fn a_failover_that_ended_leaves_nothing() {
        let ended = [entry("west", &[], false), entry("west", &["two"], true)];
        assert_eq!(interrupted_cancels(&ended, "west"), None);
        let back = [entry("west", &["one"], false), entry("east", &[], true)];
        assert_eq!(interrupted_cancels(&back, "west"), None);
        let again = [entry("west", &["one"], true), entry("west", &[], false)];
        assert_eq!(named(interrupted_cancels(&again, "west")), Some(vec![]));
    }
}

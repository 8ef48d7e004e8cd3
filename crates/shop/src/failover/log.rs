//! Records failovers in the audit of the region that takes over, so that an interrupted failover
//! can be continued.

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_kernel::Store;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::audit::{self, Act, AuditEntry, AuditError};

const FAILOVER: &str = "failover";

/// An audit entry names at most this many orders, because DynamoDB limits an item's size.
const MOST_ORDERS: usize = 5_000;

/// A failover that was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interrupted {
    /// The region that was active before the failover.
    pub from: String,
    /// The orders that the failover intended to cancel.
    pub cancels: BTreeSet<OrderId>,
    /// Whether the failover had begun to repair the tables of the region that takes over.
    pub repairs: bool,
}

/// The step that a failover is about to start, as the audit records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Deactivates the region that was active.
    Fence,
    /// Repairs the tables of the region that takes over.
    Repair,
}

/// The two regions of a failover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// The region that was active before the failover.
    pub from: String,
    /// The region that takes over.
    pub to: String,
}

/// The audit entries of a failover that was begun.
#[derive(Debug)]
#[must_use = "call `end`: otherwise the next failover to the same region continues this failover"]
pub struct Begun(Vec<audit::Begun>);

/// Records that a failover between `regions` starts `step`, and will cancel the orders `cancels`.
/// Once the tables are repaired, only this record names these orders.
///
/// # Errors
/// If the store fails. Then the failover must not continue.
pub async fn begin(
    store: &dyn Store,
    by: &str,
    regions: &Regions,
    step: Step,
    cancels: &BTreeSet<OrderId>,
) -> Result<Begun, AuditError> {
    let Regions { from, to } = regions;
    let cancels: Vec<&OrderId> = cancels.iter().collect();
    let mut parts: Vec<&[&OrderId]> = cancels.chunks(MOST_ORDERS).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let mut begun = Vec::new();
    for cancels in parts {
        let asked = json!({ "from": from, "to": to, "step": step, "cancels": cancels });
        let act = Act { at: Timestamp::now(), by, what: FAILOVER, asked };
        begun.push(audit::begin(store, act).await?);
    }
    Ok(Begun(begun))
}

impl Begun {
    /// Records that the failover is done.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end(self, store: &dyn Store, outcome: Value) -> Result<(), AuditError> {
        for entry in self.0 {
            entry.end(store, outcome.clone()).await?;
        }
        Ok(())
    }
}

/// Returns the interrupted failover to the region `to`; `None` if no failover was interrupted.
///
/// # Errors
/// If the store fails, or a stored item is not an audit entry.
pub async fn interrupted(store: &dyn Store, to: &str) -> Result<Option<Interrupted>, AuditError> {
    Ok(interrupted_among(&audit::entries(store).await?, to))
}

/// Returns the interrupted failover to the region `to`, with the orders of all its attempts; `None`
/// if the last failover was completed, or was a failover to another region. `entries` are sorted by
/// time.
fn interrupted_among(entries: &[AuditEntry], to: &str) -> Option<Interrupted> {
    let mut interrupted = None::<Interrupted>;
    for entry in entries.iter().filter(|it| it.what == FAILOVER) {
        if entry.outcome.is_some() || entry.asked["to"] != to {
            interrupted = None;
            continue;
        }
        let cancels: Vec<OrderId> =
            serde_json::from_value(entry.asked["cancels"].clone()).unwrap_or_default();
        let attempts = interrupted.get_or_insert_default();
        attempts.from = entry.asked["from"].as_str().unwrap_or_default().to_owned();
        attempts.cancels.extend(cancels);
        attempts.repairs |= entry.asked["step"] == json!(Step::Repair);
    }
    interrupted
}

/// Whether the audit `of_second` has every completed failover of the audit `of_first`. If not, the
/// second shop was copied from the first before the last completed failover.
pub(super) fn has_all_failovers(of_second: &[AuditEntry], of_first: &[AuditEntry]) -> bool {
    let completed = |it: &&AuditEntry| it.what == FAILOVER && it.outcome.is_some();
    of_first.iter().filter(completed).all(|entry| of_second.contains(entry))
}

#[cfg(test)]
mod tests {
    use chorus_kernel::MemoryStore;
    use chorus_kernel::testing::expect_ready;

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

    fn named(interrupted: Option<Interrupted>) -> Option<Vec<String>> {
        interrupted.map(|it| it.cancels.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_interrupted_failover_leaves_the_orders_that_it_was_to_cancel() {
        let interrupted = [entry("west", &["one"], false), entry("west", &["two"], false)];
        let expected = Some(vec!["one".to_owned(), "two".to_owned()]);
        assert_eq!(named(interrupted_among(&interrupted, "west")), expected);
        let from = interrupted_among(&interrupted, "west").unwrap().from;
        assert_eq!(from, "elsewhere");
        assert_eq!(interrupted_among(&interrupted, "east"), None);
        assert_eq!(interrupted_among(&[], "west"), None);
    }

    #[test]
    fn a_failover_that_ended_leaves_nothing() {
        let ended = [entry("west", &[], false), entry("west", &["two"], true)];
        assert_eq!(interrupted_among(&ended, "west"), None);
        let back = [entry("west", &["one"], false), entry("east", &[], true)];
        assert_eq!(interrupted_among(&back, "west"), None);
        let again = [entry("west", &["one"], true), entry("west", &[], false)];
        assert_eq!(named(interrupted_among(&again, "west")), Some(vec![]));
    }

    #[test]
    fn a_copy_from_before_the_last_failover_lacks_it() {
        let (first, second) = (entry("west", &[], true), entry("east", &[], true));
        let all = [first.clone(), second.clone()];
        assert!(
            has_all_failovers(&all, &all) && has_all_failovers(&all, std::slice::from_ref(&first))
        );
        assert!(!has_all_failovers(&[first], &all));
        assert!(has_all_failovers(&[], &[entry("west", &[], false)]), "not completed");
    }

    #[test]
    fn no_order_that_has_to_be_canceled_is_forgotten_however_many_there_are() {
        let store = MemoryStore::new(&[chorus_event_log::TABLE]);
        let orders = (0..=MOST_ORDERS).map(|number| format!("order-{number}").parse().unwrap());
        let orders: BTreeSet<OrderId> = orders.collect();
        let regions = Regions { from: "east".to_owned(), to: "west".to_owned() };
        let begun = expect_ready(begin(&store, "ana", &regions, Step::Repair, &orders)).unwrap();
        let left = expect_ready(interrupted(&store, "west")).unwrap().unwrap();
        assert_eq!(left.cancels, orders);
        expect_ready(begun.end(&store, json!("done"))).unwrap();
        assert_eq!(expect_ready(interrupted(&store, "west")).unwrap(), None);
    }
}

//! Repairs a stack whose tables were restored to one moment. DynamoDB restores each table
//! separately, so a transaction that was committed just before the moment may be torn: its
//! idempotency record was restored, but another of its items was not.
//!
//! A torn transaction is undone as a whole, and a replay of the archive delivers its message again.
//! A transaction adds to a stock item's counts without reading them, so its record does not contain
//! these counts. They are computed again from the reservations.

mod stock;

use std::collections::BTreeSet;

use chorus_events::table::TABLE;
use chorus_http::HttpFunction;
use chorus_kernel::{
    Failure, Item, Key, PERSON_KEYS_TABLE, Reason, Store, StoreError, TableSpec, Torn, Write,
    left_to_sweeper, text, torn,
};
use chorus_table::{KeyUse, Replay};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use stock::{Recount, recount};

/// The logical name of Inventory's table.
pub const INVENTORY: &str = chorus_inventory::TABLE.name;

/// A transaction may be torn if it was written at most this long before the moment to which the
/// tables were restored. A backup contains each write after a few seconds, so five minutes leave a
/// margin.
pub const TORN_WITHIN: SignedDuration = SignedDuration::from_secs(300);

/// If the tables were restored to `moment`, only idempotency records from the returned time on are
/// checked.
#[must_use]
pub fn checked_since(moment: Timestamp) -> Timestamp {
    moment - TORN_WITHIN
}

/// What happens to the message of a torn transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// A replay delivers the message again to the action that wrote the transaction.
    Replayed,
    /// The action that wrote the transaction makes external calls, which a replay does not repeat:
    /// a person has to decide.
    ReachesOutside,
    /// The message was a request, or a task of a state machine: its sender may repeat it.
    Repeated,
    /// Nothing is undone, because the earlier content of an item is unknown.
    Kept,
}

/// A torn transaction: its idempotency record was restored, but an item that it wrote was not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TornRecord {
    pub action: String,
    pub idempotency_key: String,
    /// The items of the transaction that were not restored.
    pub missing: Vec<String>,
    /// The items of the transaction that were restored.
    pub present: Vec<String>,
    pub next: Next,
    #[serde(skip)]
    undo: Vec<Write>,
}

/// The problems of restored tables.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Damage {
    /// How many idempotency records were checked.
    pub records: usize,
    pub torn: Vec<TornRecord>,
    /// Records that cannot be checked, and why.
    pub unreadable: Vec<String>,
    /// The number of records whose events may be unpublished; the sweeper publishes these events
    /// again.
    pub unconfirmed: usize,
    /// Items whose counts do not match the reservations that remain after the torn transactions are
    /// undone.
    pub stock: Vec<Recount>,
    #[serde(skip)]
    published_again: Vec<Write>,
}

impl Damage {
    /// Checks the idempotency records `records`, and the counts in `inventory`, which contains all
    /// items of Inventory's table.
    ///
    /// # Errors
    /// If the store fails, or an item cannot be read.
    pub async fn of(
        store: &dyn Store,
        records: &[Item],
        inventory: &[Item],
    ) -> Result<Self, Failure> {
        let functions = chorus_services::described();
        let mut damage = Self { records: records.len(), ..Self::default() };
        for record in records {
            let tables = tables_of(text(record, "sk").unwrap_or_default(), &functions);
            match torn(store, &tables, record).await {
                Ok(Some(torn)) => damage.torn.push(TornRecord::of(&torn)),
                Ok(None) => damage.published_again.extend(left_to_sweeper(record)?),
                Err(failure) if failure.is_retryable() => return Err(failure),
                Err(failure) => damage.unreadable.push(format!(
                    "{} of {}: {failure}",
                    text(record, "sk").unwrap_or_default(),
                    text(record, "pk").unwrap_or_default()
                )),
            }
        }
        damage.unconfirmed = damage.published_again.len();
        let undone: BTreeSet<&Key> =
            damage.torn.iter().flat_map(|torn| torn.undo.iter().map(Write::key)).collect();
        let stays = |item: &&Item| !undone.iter().any(|key| is_of_inventory(key, item));
        damage.stock = recount(inventory.iter().filter(stays))?;
        Ok(damage)
    }

    /// Whether every record can be checked, no transaction is torn, and all counts match.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.torn.is_empty() && self.unreadable.is_empty() && self.stock.is_empty()
    }

    /// Undoes the torn transactions, and marks the records whose events may be unpublished, so that
    /// the sweeper publishes these events. Call [`correct`] after that, to correct the counts.
    ///
    /// # Errors
    /// If the store fails. Some transactions may already be undone; call this again to undo the
    /// others.
    pub async fn undo(&self, store: &dyn Store) -> Result<(), StoreError> {
        for torn in &self.torn {
            if !torn.undo.is_empty() {
                store.write(&torn.undo).await?;
            }
        }
        for again in &self.published_again {
            match store.write(std::slice::from_ref(again)).await {
                // The store refuses to mark a record that has expired since it was read.
                Ok(()) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Corrects the counts of an item if two reads of Inventory's table found the same wrong counts.
/// Does not correct counts that are wrong in only one of the reads: they may belong to an order in
/// progress. Returns the corrected counts.
///
/// # Errors
/// If the store fails.
pub async fn correct(
    store: &dyn Store,
    first: &[Recount],
    second: &[Recount],
) -> Result<Vec<Recount>, StoreError> {
    let mut corrected = Vec::new();
    for count in first.iter().filter(|count| second.contains(count)) {
        match store.write(&[count.correction()]).await {
            Ok(()) => corrected.push(count.clone()),
            // The store refuses if the item was changed since the read, or if a count would become
            // negative. The item then stays as it is.
            Err(StoreError::Refused(reasons)) if !reasons.contains(&Reason::Passed) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(corrected)
}

impl TornRecord {
    fn of(torn: &Torn) -> Self {
        let undo = torn.undo();
        let next = match (&undo, TABLE.rows.iter().find(|row| row.action == torn.record.sk)) {
            (None, _) => Next::Kept,
            (_, Some(row)) if row.on.is_empty() => Next::Repeated,
            (_, Some(row)) if row.replay == Replay::Suppressed => Next::ReachesOutside,
            (_, Some(_)) => Next::Replayed,
            (_, None) => Next::Repeated,
        };
        let named = |items: &[chorus_kernel::WrittenItem]| {
            items.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Self {
            action: torn.record.sk.clone(),
            idempotency_key: torn.record.pk.clone(),
            missing: named(&torn.missing),
            present: [named(&torn.created), named(&torn.changed)].concat(),
            next,
            undo: undo.unwrap_or_default(),
        }
    }
}

fn is_of_inventory(key: &Key, item: &Item) -> bool {
    key.table == chorus_inventory::TABLE.name && key.is_of(item)
}

/// Returns the tables that an action may have written: the tables of its service, and the table of
/// people's keys if the action destroys a key. Items of other tables are never changed, so that a
/// forged record cannot cause their deletion.
pub(crate) fn tables_of(action: &str, functions: &[HttpFunction]) -> Vec<TableSpec> {
    let Some(row) = TABLE.rows.iter().find(|row| row.action == action) else { return Vec::new() };
    let own = functions.iter().filter(|it| it.function.service == row.service);
    let own = own.flat_map(|it| it.function.tables.iter().copied());
    own.chain((row.keys == KeyUse::Destroys).then_some(PERSON_KEYS_TABLE)).collect()
}

//! Torn transactions: transactions of which a restored backup has only some items. DynamoDB
//! restores each table separately, and only to about the requested moment. So a transaction that
//! was committed shortly before that moment may be torn.

use super::record::Record;
use super::written::{self, WrittenItem};
use crate::{Failure, Item, Key, Store, TableSpec, Write, stream_key};

/// A transaction whose record was restored, but not all of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    pub record: Key,
    /// The items that are missing, or older than what the transaction wrote.
    pub missing: Vec<WrittenItem>,
    /// The items that this transaction created, and that no later write has changed: deleting these
    /// items undoes the transaction.
    pub created: Vec<WrittenItem>,
    /// The items that existed before the transaction, or that other transactions have written
    /// since: their earlier content is unknown.
    pub changed: Vec<WrittenItem>,
}

impl Torn {
    /// Returns the writes that delete the items of the transaction and its idempotency record, so
    /// that the message can be handled again. Returns `None` if an item cannot be deleted, because
    /// the transaction replaced it, or a later write changed it: a person has to decide what to do.
    #[must_use]
    pub fn undo(&self) -> Option<Vec<Write>> {
        let created = self.created.iter().map(|item| item.key.clone());
        let keys = std::iter::once(self.record.clone()).chain(created);
        self.changed.is_empty().then(|| keys.map(|key| Write::Delete { key }).collect())
    }
}

/// Checks whether the transaction of this record is torn. Returns none if the transaction is
/// complete. `tables` are the tables that the record may name.
///
/// # Errors
/// If the store fails, or the item cannot be read as a record.
pub async fn torn(
    store: &dyn Store,
    tables: &[TableSpec],
    record: &Item,
) -> Result<Option<Torn>, Failure> {
    if super::record::is_circuit_or_allowance(record) {
        return Ok(None);
    }
    let record = Record::read(record)?;
    let names = record.wrote.as_deref().unwrap_or_default();
    let items = written::read(names, &record.entries, tables)?;
    let keys: Vec<Key> = items.iter().map(|item| item.key.clone()).collect();
    let found = store.get_all(&keys).await?;
    if items.iter().zip(&found).all(|(item, found)| item.is_in(found.as_ref())) {
        return Ok(None);
    }
    let mut torn =
        Torn { record: record.key, missing: Vec::new(), created: Vec::new(), changed: Vec::new() };
    for (item, found) in items.into_iter().zip(found) {
        let Some(found) = found.filter(|found| item.is_in(Some(found))) else {
            torn.missing.push(item);
            continue;
        };
        if item.is_new() && item.is(&found) && !is_followed(store, &item).await? {
            torn.created.push(item);
        } else {
            torn.changed.push(item);
        }
    }
    Ok(Some(torn))
}

/// Whether the item is an event of a stream, and the stream has a later event.
async fn is_followed(store: &dyn Store, item: &WrittenItem) -> Result<bool, Failure> {
    let stream = item.key.pk.strip_prefix(written::STREAM).filter(|_| item.is_in_stream());
    let Some(stream) = stream else { return Ok(false) };
    let next = stream_key(item.key.table, stream, item.version.unsigned_abs() + 1);
    Ok(store.get(&next).await?.is_some())
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::testing::{expect_ready, message};
    use crate::{IDEMPOTENCY_TABLE, MemoryStore, Versioned, create, replace};

    const SHELF: TableSpec = TableSpec { name: "shelf", indexes: &[], ttl: None };
    const TABLES: [TableSpec; 2] = [IDEMPOTENCY_TABLE, SHELF];

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Parcel {
        name: String,
    }

    crate::entity!(Parcel: "parcel" in SHELF, by name: String);

    fn parcel(name: &str) -> Parcel {
        Parcel { name: name.to_owned() }
    }

    fn later(name: &str, version: u64) -> Write {
        replace(&Versioned { version: version - 1, value: parcel(name) }, &parcel(name))
    }

    /// Makes the record of a transaction with `writes`, but stores only the items of `present`.
    /// Then checks whether the transaction is torn.
    fn found(writes: &[Write], present: &[Write]) -> Option<Torn> {
        let record =
            Record::new("Pack", &message(), Vec::new()).unwrap().with_written_items(writes);
        let Write::Put { item, .. } = record.put(message().metadata.occurred_at).unwrap() else {
            panic!("a record is put")
        };
        let store = MemoryStore::new(&TABLES);
        for write in present {
            let Write::Put { key, item, .. } = write.clone() else {
                panic!("the items of this test are put")
            };
            let unconditional = Write::Put { key, item, condition: None };
            expect_ready(store.write(&[unconditional])).unwrap();
        }
        expect_ready(torn(&store, &TABLES, &item)).unwrap()
    }

    #[test]
    fn a_transaction_is_whole_where_its_items_are_there_or_were_written_since() {
        let (a, b) = (create(&parcel("a")), later("b", 4));
        assert_eq!(found(&[a.clone(), b.clone()], &[a.clone(), b.clone()]), None);
        assert_eq!(found(&[a.clone(), b], &[later("a", 2), later("b", 9)]), None);
        assert_eq!(found(&[], &[]), None, "it wrote nothing");
    }

    #[test]
    fn a_transaction_without_one_of_its_items_is_undone_where_it_made_the_others() {
        let (a, b) = (create(&parcel("a")), create(&parcel("b")));
        let torn = found(&[a.clone(), b.clone()], std::slice::from_ref(&a)).unwrap();
        assert_eq!(torn.missing[0].to_string(), "parcel#b of shelf, version 1");
        let undone = torn.undo().unwrap();
        let keys: Vec<&Key> = undone.iter().map(Write::key).collect();
        assert_eq!(keys, [&torn.record, a.key()]);
        let older = found(&[later("a", 3)], &[later("a", 2)]).unwrap();
        assert_eq!(older.undo().unwrap().len(), 1, "its record goes, and the item stays as it was");
    }

    #[test]
    fn what_was_changed_or_written_since_is_left_to_a_person() {
        let (a, b) = (create(&parcel("a")), create(&parcel("b")));
        let torn = found(&[a, b.clone()], &[later("a", 2)]).unwrap();
        assert_eq!((torn.changed.len(), torn.undo()), (1, None));
        let torn = found(&[later("a", 2), b], &[later("a", 2)]).unwrap();
        assert_eq!((torn.changed.len(), torn.undo()), (1, None));
    }
}

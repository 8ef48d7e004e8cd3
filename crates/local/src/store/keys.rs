//! The keys that encrypt people's data, in backups: a backup has the keys in a separate file, from
//! which they can be restored for a day.

use std::path::Path;

use chorus_kernel::{PERSON_KEYS_TABLE, PersonKey, StoreError, Write, create};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::DynoxideStore;
use crate::private;

/// The time after a backup during which the backup's keys can be restored. A later restore brings
/// back no key, so that the data of people who were forgotten in the meantime stays unreadable.
const BACKUP_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// The content of the file with people's keys in a backup.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KeptKeys {
    made_at: Timestamp,
    keys: Vec<PersonKey>,
}

/// What happened to people's encryption keys when a backup was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoredKeys {
    /// This many keys were restored.
    Restored(usize),
    /// The backup was older than a day, so its keys were not restored.
    TooOld,
    /// The backup has no file with keys.
    Missing,
}

impl DynoxideStore {
    /// Moves people's keys from the store in the file `store` into the file `to`.
    pub(crate) fn move_keys(store: &Path, to: &Path, now: Timestamp) -> Result<(), StoreError> {
        let copied = Self::open(store, &[PERSON_KEYS_TABLE])?;
        let mut kept = KeptKeys { made_at: now, keys: Vec::new() };
        for item in copied.all(PERSON_KEYS_TABLE.name)? {
            kept.keys.push(serde_dynamo::from_item(item).map_err(unreadable)?);
        }
        let written = serde_json::to_vec(&kept).map_err(unreadable)?;
        private::create_file(to).map_err(unreadable)?;
        std::fs::write(to, written).map_err(unreadable)?;
        copied.clear(PERSON_KEYS_TABLE.name)?;
        drop(copied);
        overwrite_deleted(store)
    }

    /// Puts people's keys from the file `from` into the store in the file `store`, unless the
    /// backup is older than a day.
    pub(crate) fn return_keys(
        store: &Path,
        from: &Path,
        now: Timestamp,
    ) -> Result<RestoredKeys, StoreError> {
        if !from.exists() {
            return Ok(RestoredKeys::Missing);
        }
        let kept = std::fs::read(from).map_err(unreadable)?;
        let KeptKeys { made_at, keys } = serde_json::from_slice(&kept).map_err(unreadable)?;
        if now.duration_since(made_at) >= BACKUP_LIFETIME {
            return Ok(RestoredKeys::TooOld);
        }
        let store = Self::open(store, &[PERSON_KEYS_TABLE])?;
        for key in &keys {
            store.write_one(&create(key))?;
        }
        Ok(RestoredKeys::Restored(keys.len()))
    }
}

/// Whether a write destroys a person's key, that is, replaces the key with a record that the person
/// was forgotten.
pub(crate) fn destroys_key(write: &Write) -> bool {
    let Write::Put { key, item, .. } = write else { return false };
    key.table == PERSON_KEYS_TABLE.name && !item.contains_key("key")
}

/// Overwrites the deleted and replaced bytes that an SQLite file still contains.
pub(crate) fn overwrite_deleted(file: &Path) -> Result<(), StoreError> {
    let connection = rusqlite::Connection::open(file).map_err(unreadable)?;
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(unreadable)?;
    connection.execute_batch("VACUUM").map_err(unreadable)?;
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(truncate, [], |_| Ok(())).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Invalid(format!("the file with people's keys cannot be read or written: {error}"))
}

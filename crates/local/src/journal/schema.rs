//! The tables of `engine.db`.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::{DirectoryError, Error, private};

/// The table `events` is the archive. Each event is stored there once, and its deliveries refer to
/// it by its `sequence`. If a delivery is in a dead-letter queue or a redrive queue, `queue` is the
/// name of that queue.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        sequence INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        json TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS events_at ON events (at);
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY,
        event INTEGER NOT NULL,
        rule TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        first_at INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        forced INTEGER NOT NULL,
        replay TEXT,
        queue TEXT,
        cause TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS attempts (
        event_id TEXT NOT NULL,
        rule TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (event_id, rule)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS schedules (
        job TEXT PRIMARY KEY,
        last_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 1;
";

/// Opens the file for this process alone, and creates the tables. Like the store, the journal uses
/// WAL with full synchronization: a commit that succeeded survives a loss of power.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    private::create_file(path).map_err(|error| DirectoryError::Files(path.to_owned(), error))?;
    let connection = Connection::open(path).map_err(Error::Journal)?;
    connection.busy_timeout(Duration::from_secs(1)).map_err(Error::Journal)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(Error::Journal)?;
    let prepared = connection
        .pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        .and_then(|()| connection.execute_batch(TABLES));
    prepared.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Error::InUse(path.to_owned())
        }
        _ => Error::Journal(error),
    })?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

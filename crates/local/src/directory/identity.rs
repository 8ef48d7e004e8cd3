//! The identity of the directory that a file belongs to.

use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{DirectoryError, FORMAT};
use crate::private;

/// Each database file of a directory has this table, with one row. The columns `files` and
/// `complete` are used only in the journal's table.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS chorus_directory (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    format INTEGER NOT NULL,
    files TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT";

/// A column that releases before 2026-11-30 neither create nor read.
struct Column {
    name: &'static str,
    /// The statement that adds the column.
    add: &'static str,
}

/// The column for the directory's previous id.
const PREVIOUS: Column = Column {
    name: "previous",
    add: "ALTER TABLE chorus_directory ADD COLUMN previous TEXT NOT NULL DEFAULT ''",
};
/// The column for the [`mark`] that a process has the file open.
const IN_USE: Column = Column {
    name: "in_use",
    add: "ALTER TABLE chorus_directory ADD COLUMN in_use INTEGER NOT NULL DEFAULT 0",
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(super) id: String,
    pub(super) format: i64,
    /// The files of the directory besides the journal.
    pub(super) files: Vec<String>,
    /// Whether all of the files were created, and have this `id`.
    pub(super) complete: bool,
    /// The directory's previous id. While the directory is incomplete, a file may still have it.
    pub(super) previous: String,
}

pub(super) fn connect(path: &Path) -> Result<Connection, DirectoryError> {
    if !path.exists() {
        private::create_file(path)
            .map_err(|error| DirectoryError::Files(path.to_owned(), error))?;
    }
    with_busy_timeout(Connection::open(path))
        .map_err(|error| DirectoryError::of_database(path, error))
}

/// Opens a read-only connection, so that SQLite does not write the write-ahead log of a killed
/// process into the file.
pub(super) fn connect_for_reading(path: &Path) -> Result<Connection, DirectoryError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    with_busy_timeout(connection).map_err(|error| DirectoryError::of_database(path, error))
}

fn with_busy_timeout(connection: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    let connection = connection?;
    connection.busy_timeout(Duration::from_millis(500))?;
    Ok(connection)
}

/// The identity in the file; `None` if the file was written by a program built from commit c92b2c2
/// or earlier.
pub(super) fn read(
    connection: &Connection,
    path: &Path,
) -> Result<Option<Identity>, DirectoryError> {
    let failed = |error| DirectoryError::of_database(path, error);
    if !has_table(connection).map_err(failed)? {
        return Ok(None);
    }
    let previous = if has(connection, &PREVIOUS).map_err(failed)? { "previous" } else { "''" };
    let query = format!("SELECT id, format, files, complete, {previous} FROM chorus_directory");
    let found = connection.query_row(&query, [], |row| {
        let files: String = row.get(2)?;
        Ok(Identity {
            id: row.get(0)?,
            format: row.get(1)?,
            files: files.split_whitespace().map(ToOwned::to_owned).collect(),
            complete: row.get(3)?,
            previous: row.get(4)?,
        })
    });
    let found = found.optional().map_err(failed)?;
    match found {
        Some(Identity { format, .. }) if format > FORMAT => {
            Err(DirectoryError::Newer { file: path.to_owned(), found: format })
        }
        found => Ok(found),
    }
}

fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) FROM sqlite_master WHERE name = 'chorus_directory'";
    connection.query_row(query, [], |row| row.get(0))
}

/// Whether the table has the column. Releases before 2026-11-30 do not create the columns
/// [`PREVIOUS`] and [`IN_USE`].
fn has(connection: &Connection, column: &Column) -> rusqlite::Result<bool> {
    let query = "SELECT count(*) FROM pragma_table_info('chorus_directory') WHERE name = ?1";
    connection.query_row(query, [column.name], |row| row.get(0))
}

fn ensure(connection: &Connection, column: &Column) -> rusqlite::Result<()> {
    if has(connection, column)? { Ok(()) } else { connection.execute_batch(column.add) }
}

/// Whether the file has a write-ahead log. SQLite removes the log when the last connection is
/// closed; if a process is killed, its log stays.
pub(super) fn has_log(path: &Path) -> bool {
    log_of(path).exists()
}

/// The file's write-ahead log, as SQLite names it.
fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Marks in the file whether a process has the file open. While the file is open, its write-ahead
/// log may contain changes that the file lacks. The mark is written into the file itself, so that a
/// missing log is noticed later. A file without an identity gets no mark.
pub(crate) fn mark(connection: &Connection, in_use: bool) -> rusqlite::Result<()> {
    if !has_table(connection)? {
        return Ok(());
    }
    ensure(connection, &IN_USE)?;
    connection.execute("UPDATE chorus_directory SET in_use = ?1", [in_use])?;
    if in_use {
        connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// Marks the file of this connection as closed, and closes the connection. `file` is the file's
/// name in log lines.
pub(crate) fn mark_closed(connection: Connection, file: impl std::fmt::Display) {
    if let Err(error) = mark(&connection, false) {
        tracing::warn!(%error, "{file} could not be closed; its write-ahead log stays");
        // The connection is not closed, because SQLite would remove the log. The next process would
        // then refuse the file, which is marked as in use but has no log.
        std::mem::forget(connection);
    }
}

/// Opens an existing file, in order to [`mark`] it.
pub(crate) fn connect_to_mark(path: &Path) -> rusqlite::Result<Connection> {
    with_busy_timeout(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE))
}

/// Connects to a file that no process has open. A killed process leaves the file marked as in use.
/// Such a file needs its write-ahead log. If the log is missing, this function fails. Otherwise it
/// removes the mark, because SQLite removes the log when this connection is closed.
pub(super) fn connect_with_log(path: &Path) -> Result<Connection, DirectoryError> {
    let failed = |error| DirectoryError::of_database(path, error);
    let logged = has_log(path);
    let connection = connect(path)?;
    if !has_table(&connection).map_err(failed)? || !has(&connection, &IN_USE).map_err(failed)? {
        return Ok(connection);
    }
    let query = "SELECT coalesce(max(in_use), 0) FROM chorus_directory";
    let in_use: bool = connection.query_row(query, [], |row| row.get(0)).map_err(failed)?;
    if in_use && !logged {
        return Err(DirectoryError::LogMissing(log_of(path)));
    }
    if in_use {
        mark(&connection, false).map_err(failed)?;
    }
    Ok(connection)
}

impl Identity {
    pub(super) fn fresh(files: Vec<String>) -> Self {
        // `RandomState` takes the keys of its hashers from the operating system's randomness, so
        // the hashes are random.
        let random = || RandomState::new().hash_one(());
        let id = format!("{:016x}{:016x}", random(), random());
        Self { id, format: FORMAT, files, complete: false, previous: String::new() }
    }

    /// An identity with a new id, for the files of this identity.
    pub(super) fn renewed(&self) -> Self {
        Self { previous: self.id.clone(), ..Self::fresh(self.files.clone()) }
    }

    /// Checks that the file belongs to this directory. While the directory is incomplete, the file
    /// may be missing, have no identity, or have the previous id.
    pub(super) fn check(&self, file: &Path) -> Result<(), DirectoryError> {
        if !file.exists() {
            if !self.complete {
                return Ok(());
            }
            return Err(DirectoryError::Missing(file.to_owned()));
        }
        check_length(file)?;
        match read(&connect(file)?, file)? {
            Some(found) if found.id == self.id => Ok(()),
            Some(found) if !self.complete && found.id == self.previous => Ok(()),
            None if !self.complete => Ok(()),
            _ => Err(DirectoryError::Foreign(file.to_owned())),
        }
    }

    /// Writes the identity into a file, in one transaction.
    pub(super) fn write(
        &self,
        connection: &Connection,
        path: &Path,
        complete: bool,
    ) -> Result<(), DirectoryError> {
        let failed = |error| DirectoryError::of_database(path, error);
        connection.execute_batch(TABLE).map_err(failed)?;
        ensure(connection, &PREVIOUS).map_err(failed)?;
        let replace = "REPLACE INTO chorus_directory (one, id, format, files, complete, previous) \
                       VALUES (1, ?1, ?2, ?3, ?4, ?5)";
        let values = params![self.id, self.format, self.files.join(" "), complete, self.previous];
        connection.execute(replace, values).map_err(failed)?;
        Ok(())
    }
}

/// Checks that the file is as long as its header says. Without this check, a truncated file would
/// be noticed only when a missing page is read. A shorter file is accepted if it has a write-ahead
/// log, which may contain the missing pages.
pub(super) fn check_length(path: &Path) -> Result<(), DirectoryError> {
    let failed = |error| DirectoryError::Files(path.to_owned(), error);
    let mut header = Vec::with_capacity(32);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    file.by_ref().take(32).read_to_end(&mut header).map_err(failed)?;
    let (Some(&[high, low]), Some(&[a, b, c, d])) = (
        header.get(16..18).and_then(|it| it.first_chunk()),
        header.get(28..).and_then(|it| it.first_chunk()),
    ) else {
        return Ok(());
    };
    let page = match u16::from_be_bytes([high, low]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let says = page * u64::from(u32::from_be_bytes([a, b, c, d]));
    let long = file.metadata().map_err(failed)?.len();
    if long >= says || has_log(path) {
        return Ok(());
    }
    let reason = format!("the file must have {says} bytes, but has {long}");
    Err(DirectoryError::Damaged { file: path.to_owned(), reason })
}

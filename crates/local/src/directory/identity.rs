//! The identity of the directory that a file belongs to.

use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{DirectoryError, FORMAT};
use crate::private;

/// The table has one row. Only the journal's row has `files` and `complete` set.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS chorus_directory (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    format INTEGER NOT NULL,
    files TEXT NOT NULL,
    complete INTEGER NOT NULL
) STRICT";

/// Adds the column to the table as releases before 2026-11-30 created it; they ignore it.
const PREVIOUS: &str = "ALTER TABLE chorus_directory ADD COLUMN previous TEXT NOT NULL DEFAULT ''";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(super) id: String,
    pub(super) format: i64,
    /// The files of the directory besides the journal.
    pub(super) files: Vec<String>,
    /// Whether all of the files were created, and have the id.
    pub(super) complete: bool,
    /// The id that the files had until now; a file may still have it while the directory is
    /// incomplete.
    pub(super) previous: String,
}

pub(super) fn connect(path: &Path) -> Result<Connection, DirectoryError> {
    if !path.exists() {
        private::create_file(path)
            .map_err(|error| DirectoryError::Files(path.to_owned(), error))?;
    }
    patient(Connection::open(path)).map_err(|error| DirectoryError::of_database(path, error))
}

/// The connection is read-only, so that the write-ahead log that a killed process left is not
/// written into the file.
pub(super) fn connect_for_reading(path: &Path) -> Result<Connection, DirectoryError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    patient(connection).map_err(|error| DirectoryError::of_database(path, error))
}

fn patient(connection: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    let connection = connection?;
    connection.busy_timeout(Duration::from_millis(500))?;
    Ok(connection)
}

/// The identity in the file; none in files of commit c92b2c2 and earlier.
pub(super) fn read(
    connection: &Connection,
    path: &Path,
) -> Result<Option<Identity>, DirectoryError> {
    let failed = |error| DirectoryError::of_database(path, error);
    let there: bool = connection
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'chorus_directory'",
            [],
            |row| row.get(0),
        )
        .map_err(failed)?;
    if !there {
        return Ok(None);
    }
    let previous = if has_previous(connection).map_err(failed)? { "previous" } else { "''" };
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

/// Whether the table has the column, which releases before 2026-11-30 do not create.
fn has_previous(connection: &Connection) -> rusqlite::Result<bool> {
    let query =
        "SELECT count(*) FROM pragma_table_info('chorus_directory') WHERE name = 'previous'";
    connection.query_row(query, [], |row| row.get(0))
}

impl Identity {
    pub(super) fn fresh(files: Vec<String>) -> Self {
        // Each hasher of the standard library is keyed by the operating system's randomness.
        let random = || RandomState::new().hash_one(());
        let id = format!("{:016x}{:016x}", random(), random());
        Self { id, format: FORMAT, files, complete: false, previous: String::new() }
    }

    /// A new id for the same files.
    pub(super) fn renewed(&self) -> Self {
        Self { previous: self.id.clone(), ..Self::fresh(self.files.clone()) }
    }

    /// Checks that the file belongs to this directory. While the directory is incomplete, the file
    /// may be missing, or have no identity, or the previous one.
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
        if !has_previous(connection).map_err(failed)? {
            connection.execute_batch(PREVIOUS).map_err(failed)?;
        }
        let replace = "REPLACE INTO chorus_directory (one, id, format, files, complete, previous) \
                       VALUES (1, ?1, ?2, ?3, ?4, ?5)";
        let values = params![self.id, self.format, self.files.join(" "), complete, self.previous];
        connection.execute(replace, values).map_err(failed)?;
        Ok(())
    }
}

/// Checks that the file has the length in its header. Otherwise a truncated file would be noticed
/// only when a missing page is read. Pages in a write-ahead log may not be in the file yet.
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
    let wal = path.with_extension("db-wal");
    let page = match u16::from_be_bytes([high, low]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let says = page * u64::from(u32::from_be_bytes([a, b, c, d]));
    let long = file.metadata().map_err(failed)?.len();
    if long >= says || wal.exists() {
        return Ok(());
    }
    let reason = format!("it should have {says} bytes, and has {long}");
    Err(DirectoryError::Damaged { file: path.to_owned(), reason })
}

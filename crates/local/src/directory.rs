//! The directory of an engine, and the check that its files belong together.
//!
//! Each file contains the id of its directory, and the version of the file's format. The engine
//! refuses a directory if a file is missing, damaged, from another directory, or from a newer
//! release. The engine checks the files before it uses them, so that it never replaces lost files
//! with empty files.

mod backup;
mod identity;

use std::path::{Path, PathBuf};

use chorus_kernel::StoreError;
use rusqlite::Connection;

use identity::Identity;

use crate::private;

pub use backup::restore;
pub(crate) use backup::{Snapshot, copy_all, finish};
pub(crate) use identity::{connect_to_mark, mark, mark_closed};

/// The file of the journal, which also contains the directory's id and the list of the directory's
/// other files.
pub(crate) const JOURNAL_FILE: &str = "engine.db";

/// The file with the application's tables.
pub const STORE_FILE: &str = "store.db";

/// The file of a backup that contains the keys with which people's data is encrypted.
pub(crate) const KEYS_FILE: &str = "person-keys.json";

/// The version of the files' format. A newer release may use another version.
const FORMAT: i64 = 1;

/// Why a directory was not opened, backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("{} is in use by another process: stop that process first", .0.display())]
    InUse(PathBuf),
    #[error(
        "{} is missing, but the other files of its directory exist: put the file back, or restore \
         a backup",
        .0.display()
    )]
    Missing(PathBuf),
    #[error(
        "{} belongs to another directory, or is an older or newer copy of this directory's file: put \
         the right file back, or restore a backup",
        .0.display()
    )]
    Foreign(PathBuf),
    #[error(
        "{} is missing, and only this file holds the last changes of a process that was killed: \
         put the file back, or restore a backup",
        .0.display()
    )]
    LogMissing(PathBuf),
    #[error(
        "{} was written by a newer release: it has format {found}, but this release reads format \
         {FORMAT}; use the newer release",
        file.display()
    )]
    Newer { file: PathBuf, found: i64 },
    #[error("{} is damaged: {reason}; restore a backup", file.display())]
    Damaged { file: PathBuf, reason: String },
    /// An engine in memory has no directory.
    #[error("an engine in memory cannot be backed up: it has no directory")]
    InMemory,
    #[error("{} cannot be copied", .0.display())]
    Store(PathBuf, #[source] StoreError),
    #[error("{} is not empty: name a new directory", .0.display())]
    Occupied(PathBuf),
    #[error("{} holds no backup: {JOURNAL_FILE} is missing, or has no id", .0.display())]
    NoBackup(PathBuf),
    /// The directory is a backup that was not restored. A backup has people's encryption keys in a
    /// separate file, so an application that opened the backup could not read names and addresses.
    #[error(
        "{} is a backup: restore it into another directory, and open that directory",
        .0.display()
    )]
    Backup(PathBuf),
    #[error("{} cannot be read or written", .0.display())]
    Files(PathBuf, #[source] std::io::Error),
    #[error("{} cannot be read or written", .0.display())]
    Database(PathBuf, #[source] rusqlite::Error),
}

impl DirectoryError {
    fn of_database(file: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
        let file = file.to_owned();
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::InUse(file),
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Damaged { file, reason: error.to_string() }
            }
            _ => Self::Database(file, error),
        }
    }
}

/// Creates the directory. If it exists, checks that its files belong together, and reads every page
/// of each database. `application_files` names the files that the directory has besides the
/// engine's own. Files from a build of commit c92b2c2 or earlier have no id. Such files get an id
/// if none of them is missing.
///
/// Each call gives the files a new id. So if somebody replaces a file with an earlier copy, the
/// next start refuses the directory. An application that opens files in the directory calls this
/// function first; the engine then only checks the files.
///
/// # Errors
/// See [`DirectoryError`]. After an error, the data in the files is unchanged.
pub fn open_directory(directory: &Path, application_files: &[&str]) -> Result<(), DirectoryError> {
    if directory.join(KEYS_FILE).exists() {
        return Err(DirectoryError::Backup(directory.to_owned()));
    }
    check_logs(directory)?;
    let known = check_directory(directory, application_files)?;
    let journal = identity::connect(&directory.join(JOURNAL_FILE))?;
    backup::check_pages_of(directory, &journal, &known.files)?;
    complete(directory, &journal, known.renewed()).map(drop)
}

/// Checks the files of a directory that no process has open. If the last process was killed while
/// it had a file open, the file's write-ahead log must exist. Call this before anything else
/// connects to the files, because closing a connection removes the log.
pub(crate) fn check_logs(directory: &Path) -> Result<(), DirectoryError> {
    let path = directory.join(JOURNAL_FILE);
    if !path.exists() {
        return Ok(());
    }
    let journal = identity::connect_with_log(&path)?;
    let known = identity::read(&journal, &path)?;
    for file in known.iter().flat_map(|known| &known.files).map(|file| directory.join(file)) {
        if file.exists() {
            identity::connect_with_log(&file)?;
        }
    }
    Ok(())
}

/// Creates or checks the directory for the engine. This function does less than [`open_directory`],
/// because the application may already have its own files open: complete files keep their id, and
/// neither the database pages nor the write-ahead logs are checked.
pub(crate) fn check_directory(
    directory: &Path,
    application_files: &[&str],
) -> Result<Identity, DirectoryError> {
    private::create_directory(directory)
        .map_err(|error| DirectoryError::Files(directory.to_owned(), error))?;
    let own = [STORE_FILE].into_iter().chain(application_files.iter().copied());
    let expected: Vec<String> = own.map(ToOwned::to_owned).collect();
    let path = directory.join(JOURNAL_FILE);
    if !path.exists() {
        if let Some(left) = expected.iter().map(|file| directory.join(file)).find(|it| it.exists())
        {
            tracing::debug!(left = %left.display(), "found a file of the engine, but no journal");
            return Err(DirectoryError::Missing(path));
        }
        let journal = identity::connect(&path)?;
        return complete(directory, &journal, Identity::fresh(expected));
    }
    identity::check_length(&path)?;
    let journal = identity::connect(&path)?;
    let Some(mut known) = identity::read(&journal, &path)? else {
        check_first_release(directory, &journal, &expected)?;
        return complete(directory, &journal, Identity::fresh(expected));
    };
    for file in &known.files {
        known.check(&directory.join(file))?;
    }
    let more = expected.into_iter().filter(|file| !known.files.contains(file)).collect::<Vec<_>>();
    if known.complete && more.is_empty() {
        return Ok(known);
    }
    known.files.extend(more);
    complete(directory, &journal, known)
}

/// Checks a directory whose files have no id: each file must exist. A missing file is an error,
/// because a new, empty file would hide that data is lost.
fn check_first_release(
    directory: &Path,
    journal: &Connection,
    files: &[String],
) -> Result<(), DirectoryError> {
    let path = directory.join(JOURNAL_FILE);
    let version: i64 = journal
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| DirectoryError::of_database(&path, error))?;
    if version > FORMAT {
        return Err(DirectoryError::Newer { file: path, found: version });
    }
    for file in files {
        let path = directory.join(file);
        if !path.exists() {
            return Err(DirectoryError::Missing(path));
        }
        identity::check_length(&path)?;
        if identity::read(&identity::connect(&path)?, &path)?.is_some() {
            return Err(DirectoryError::Foreign(path));
        }
    }
    Ok(())
}

/// Writes the directory's identity (its id and the format) into each file. The journal gets the
/// identity first, marked as incomplete, and again at the end, marked as complete. If a process
/// dies before the end, the next process continues.
fn complete(
    directory: &Path,
    journal: &Connection,
    identity: Identity,
) -> Result<Identity, DirectoryError> {
    let path = directory.join(JOURNAL_FILE);
    identity.write(journal, &path, false)?;
    for file in &identity.files {
        let path = directory.join(file);
        identity.write(&identity::connect(&path)?, &path, true)?;
    }
    identity.write(journal, &path, true)?;
    Ok(Identity { complete: true, ..identity })
}

/// Whether the directory holds files of an engine, even if some are missing.
#[must_use]
pub fn holds_engine(directory: &Path) -> bool {
    [JOURNAL_FILE, STORE_FILE].iter().any(|file| directory.join(file).exists())
}

/// Whether a process has this directory open. This function changes no file. If there is no
/// write-ahead log, no process has the directory open. The function then does not connect to the
/// journal: a connection would create an empty log, and so hide that the log of a killed process
/// is missing.
#[must_use]
pub fn is_in_use(directory: &Path) -> bool {
    let path = directory.join(JOURNAL_FILE);
    let read = || identity::read(&identity::connect_for_reading(&path)?, &path);
    identity::has_log(&path) && path.exists() && matches!(read(), Err(DirectoryError::InUse(_)))
}

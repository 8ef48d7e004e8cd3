//! Backs up a directory while the engine is running, and restores a backup.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::identity::{self, Identity};
use super::{DirectoryError, JOURNAL_FILE, KEYS_FILE, STORE_FILE};
use crate::private;
use crate::store::{DynoxideStore, RestoredKeys};

/// Writes a consistent copy of one file to the given path.
pub(crate) type Snapshot = Box<dyn FnOnce(&Path) -> Result<(), DirectoryError> + Send>;

/// Copies the journal, and then `files` in their order. The journal's writer calls this between two
/// of its transactions.
///
/// During the copy, the bus accepts no event. So an engine that starts from the copies finds a
/// state that a crash could also have left. The copied journal may have a delivery that the copied
/// store has already handled; the delivery is then a duplicate. If the copied store has a record
/// that is marked as published, the copied journal has the record's events. The file of the
/// simulated partners comes last, so it may contain calls of which the copied store has no record.
/// After a restore, the partners get these calls again, with the same idempotency keys.
pub(crate) fn copy_all(
    journal: &Connection,
    files: Vec<(&'static str, Snapshot)>,
    to: &Path,
) -> Result<PathBuf, DirectoryError> {
    let partial = new_partial_directory(to)?;
    or_removed(copy_into(&partial, journal, files), &partial)?;
    Ok(partial)
}

fn copy_into(
    partial: &Path,
    journal: &Connection,
    files: Vec<(&'static str, Snapshot)>,
) -> Result<(), DirectoryError> {
    let path = partial.join(JOURNAL_FILE);
    private::create_file(&path).map_err(|error| DirectoryError::Files(path.clone(), error))?;
    let target = path.to_string_lossy().into_owned();
    journal
        .execute("VACUUM INTO ?1", [target])
        .map_err(|error| DirectoryError::of_database(&path, error))?;
    for (file, snapshot) in files {
        snapshot(&partial.join(file))?;
    }
    Ok(())
}

/// Removes the temporary directory if `result`, the outcome of filling it, is an error.
fn or_removed<T>(result: Result<T, DirectoryError>, partial: &Path) -> Result<T, DirectoryError> {
    result.inspect_err(|_| {
        if let Err(error) = std::fs::remove_dir_all(partial) {
            tracing::warn!("the incomplete copy {} cannot be removed: {error}", partial.display());
        }
    })
}

/// Checks the copies in `partial`, gives them a new id, and renames the directory to `to`. Because
/// of the new id, files of two backups cannot be mixed.
pub(crate) fn finish(partial: &Path, to: &Path) -> Result<(), DirectoryError> {
    or_removed(give_id(partial), partial)?;
    put_in_place(partial, to)
}

fn give_id(partial: &Path) -> Result<(), DirectoryError> {
    let checked = check_all(partial)?;
    let journal = identity::connect(&partial.join(JOURNAL_FILE))?;
    super::complete(partial, &journal, Identity::fresh(checked.files)).map(drop)
}

/// Restores a backup into a new directory. The new directory gets its own id, so that its files
/// cannot be mixed with files of the original directory. People's encryption keys are restored if
/// the backup is less than a day old.
///
/// # Errors
/// If `from` is not a backup; if one of its files is missing, damaged, from another directory, or
/// from a newer release; if a process has `from` open; or if `to` is not empty.
pub fn restore(from: &Path, to: &Path) -> Result<RestoredKeys, DirectoryError> {
    let journal = from.join(JOURNAL_FILE);
    if !journal.exists() {
        return Err(DirectoryError::NoBackup(from.to_owned()));
    }
    super::check_logs(from)?;
    let found = identity::read(&identity::connect(&journal)?, &journal)?;
    let found = found.ok_or_else(|| DirectoryError::NoBackup(from.to_owned()))?;
    let partial = new_partial_directory(to)?;
    let keys = or_removed(restore_into(&partial, from, &found), &partial)?;
    put_in_place(&partial, to)?;
    Ok(keys)
}

fn restore_into(
    partial: &Path,
    from: &Path,
    found: &Identity,
) -> Result<RestoredKeys, DirectoryError> {
    // The journal comes first, because `was_left` recognizes an interrupted restore by the
    // journal's list of files.
    for file in [JOURNAL_FILE].into_iter().chain(found.files.iter().map(String::as_str)) {
        let source = from.join(file);
        if !source.exists() {
            return Err(DirectoryError::Missing(source));
        }
        for suffix in ["", "-wal"] {
            let source = from.join(format!("{file}{suffix}"));
            if source.exists() {
                let copy = partial.join(format!("{file}{suffix}"));
                let copied = std::fs::copy(&source, &copy).map(|_| ());
                copied
                    .and_then(|()| private::create_file(&copy))
                    .map_err(|error| DirectoryError::Files(source, error))?;
            }
        }
    }
    let checked = check_all(partial)?;
    let (keys, store) = (from.join(KEYS_FILE), partial.join(STORE_FILE));
    let keys = DynoxideStore::return_keys(&store, &keys, Timestamp::now())
        .map_err(|error| DirectoryError::Store(keys.clone(), error))?;
    let journal = identity::connect(&partial.join(JOURNAL_FILE))?;
    super::complete(partial, &journal, Identity::fresh(checked.files))?;
    Ok(keys)
}

/// Reads every page of every file, and checks that the files belong together.
fn check_all(directory: &Path) -> Result<Identity, DirectoryError> {
    let path = directory.join(JOURNAL_FILE);
    let journal = identity::connect(&path)?;
    let known = identity::read(&journal, &path)?
        .ok_or_else(|| DirectoryError::NoBackup(directory.to_owned()))?;
    for file in &known.files {
        known.check(&directory.join(file))?;
    }
    check_pages_of(directory, &journal, &known.files)?;
    Ok(known)
}

/// Reads every page of the journal and of `files`, and fails if one of them is damaged.
pub(super) fn check_pages_of(
    directory: &Path,
    journal: &Connection,
    files: &[String],
) -> Result<(), DirectoryError> {
    check_pages(journal, &directory.join(JOURNAL_FILE))?;
    for file in files {
        let path = directory.join(file);
        check_pages(&identity::connect(&path)?, &path)?;
    }
    Ok(())
}

fn check_pages(connection: &Connection, path: &Path) -> Result<(), DirectoryError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| DirectoryError::of_database(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(DirectoryError::Damaged { file: path.to_owned(), reason: verdict })
}

/// Creates an empty temporary directory next to `to`, and returns its path. The caller renames the
/// directory to `to` once all files are in it.
fn new_partial_directory(to: &Path) -> Result<PathBuf, DirectoryError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| DirectoryError::Files(path, error)
    };
    if to.exists() && std::fs::read_dir(to).map_err(failed(to))?.next().is_some() {
        return Err(DirectoryError::Occupied(to.to_owned()));
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = to.with_file_name(name);
    if partial.exists() {
        // Remove the directory only if it is empty, or if an interrupted backup or restore left it.
        // Otherwise it may be an unrelated directory that happens to have this name.
        let empty = std::fs::read_dir(&partial).map_err(failed(&partial))?.next().is_none();
        if !empty && !was_left(&partial) {
            return Err(DirectoryError::Occupied(partial));
        }
        std::fs::remove_dir_all(&partial).map_err(failed(&partial))?;
    }
    private::create_directory(&partial).map_err(failed(&partial))?;
    Ok(partial)
}

/// Whether an interrupted backup or restore left this directory: there is a journal, but not every
/// file that the journal lists, and no process has the directory open.
fn was_left(partial: &Path) -> bool {
    let path = partial.join(JOURNAL_FILE);
    if !path.exists() || super::is_in_use(partial) {
        return false;
    }
    let known = identity::connect_for_reading(&path).and_then(|it| identity::read(&it, &path));
    match known {
        Ok(Some(known)) => known.files.iter().any(|file| !partial.join(file).exists()),
        // The journal's copy is incomplete. The journal is copied first, so an interrupted backup
        // or restore has not made a store yet.
        Ok(None) | Err(_) => !partial.join(STORE_FILE).exists(),
    }
}

/// Makes the files durable, and renames their directory to `to`.
fn put_in_place(partial: &Path, to: &Path) -> Result<(), DirectoryError> {
    let sync = |path: &Path| std::fs::File::open(path).and_then(|file| file.sync_all());
    let place = || -> std::io::Result<()> {
        for file in std::fs::read_dir(partial)? {
            sync(&file?.path())?;
        }
        sync(partial)?;
        if to.exists() {
            std::fs::remove_dir(to)?;
        }
        std::fs::rename(partial, to)?;
        sync(to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    };
    place().map_err(|error| DirectoryError::Files(to.to_owned(), error))
}

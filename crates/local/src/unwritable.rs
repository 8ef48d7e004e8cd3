//! Files that cannot be written because their disk is full, or fails. The engine logs a warning
//! when the failures begin, and reports the files to operators.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::ErrorCode;

use crate::records::lock;

/// The minimum time between two warnings about one file. A second warning also requires that a
/// write has succeeded since the first.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// A file that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    pub file: PathBuf,
    /// When the disk first refused a write. No write has succeeded since.
    pub since: Timestamp,
    /// SQLite's error message.
    pub reason: String,
}

/// Records whether the disk refused the last write to one file.
#[derive(Debug)]
pub(crate) struct Writes {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    refused: Option<Unwritable>,
    logged: Option<Instant>,
}

impl Writes {
    pub(crate) fn to(file: &Path) -> Self {
        Self { file: file.to_owned(), state: Mutex::default() }
    }

    /// The file, if its last write was refused.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        lock(&self.state).refused.clone()
    }

    /// Records the result of a write. Returns whether the disk refused the write: `is_of_disk` says
    /// whether an error comes from the disk.
    pub(crate) fn note<T, E: std::fmt::Display>(
        &self,
        written: &Result<T, E>,
        is_of_disk: fn(&E) -> bool,
    ) -> bool {
        match written {
            Ok(_) => self.succeeded(),
            Err(error) if is_of_disk(error) => {
                self.refused(&error.to_string());
                return true;
            }
            Err(_) => {}
        }
        false
    }

    fn succeeded(&self) {
        let mut state = lock(&self.state);
        if state.refused.take().is_some() {
            tracing::info!("{} can be written again", self.file.display());
        }
    }

    fn refused(&self, reason: &str) {
        let mut state = lock(&self.state);
        if state.refused.is_none() {
            let (file, since) = (self.file.clone(), Timestamp::now());
            state.refused = Some(Unwritable { file, since, reason: reason.to_owned() });
            if state.logged.is_none_or(|logged| logged.elapsed() >= LOGGED_EVERY) {
                state.logged = Some(Instant::now());
                tracing::warn!(
                    file = %self.file.display(),
                    "{} cannot be written: {reason}. Requests that change something are refused; waiting \
                     deliveries are retried automatically",
                    self.file.display(),
                );
            }
        }
    }
}

/// Whether the error comes from the disk, and not from SQLite itself.
pub(crate) fn is_of_disk(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code.is_some_and(|code| {
        matches!(code, ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_file_is_unwritable_from_the_first_refusal_until_a_write_succeeds() {
        let (writes, full) = (Writes::to(Path::new("a.db")), Connection::open_in_memory().unwrap());
        full.execute_batch("CREATE TABLE t (v); PRAGMA max_page_count = 3").unwrap();
        let fill = || full.execute("INSERT INTO t VALUES (zeroblob(100000))", []);
        assert!(writes.note(&fill(), is_of_disk));
        let refused = writes.unwritable().unwrap();
        assert_eq!(refused.reason, "database or disk is full");
        assert!(writes.note(&fill(), is_of_disk));
        assert_eq!(writes.unwritable(), Some(refused.clone()), "it is the same one still");
        let other = full.execute("INSERT INTO missing VALUES (1)", []);
        assert!(!writes.note(&other, is_of_disk));
        assert_eq!(writes.unwritable(), Some(refused), "another error shows nothing");
        full.execute_batch("PRAGMA max_page_count = 1000").unwrap();
        assert!(!writes.note(&fill(), is_of_disk));
        assert_eq!(writes.unwritable(), None);
    }
}

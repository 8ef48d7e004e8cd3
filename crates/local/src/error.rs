//! The errors of the engine itself.

use std::path::PathBuf;

use chorus_kernel::StoreError;

use crate::DirectoryError;

/// Why the embedded engine did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the directory open.
    #[error("{} is in use by another process: stop that process first", .0.display())]
    InUse(PathBuf),
    /// The files of the directory do not belong together, or cannot be read.
    #[error(transparent)]
    Directory(DirectoryError),
    #[error("the engine's journal, engine.db, cannot be read or written")]
    Journal(#[source] rusqlite::Error),
    /// An entry of the journal is not valid JSON. The file is damaged, because every release writes
    /// valid JSON.
    #[error("the engine's journal, engine.db, has an entry that is not valid JSON")]
    Unreadable(#[source] serde_json::Error),
    /// The journal is closed: the engine was shut down.
    #[error("the engine was shut down")]
    Closed,
    #[error("the engine cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error("the engine's store cannot be opened")]
    Store(#[source] StoreError),
    /// A rule's pattern is not valid for EventBridge.
    #[error("the pattern of the rule {0} is invalid")]
    Pattern(String, #[source] event_pattern::PatternError),
    #[error("the state machine {0} is invalid: {1}")]
    Machine(&'static str, String),
    /// A state machine's definition has a placeholder for which there is no value.
    #[error(
        "the definition of the state machine {machine} has the placeholder ${{{name}}}, for which \
         there is no value"
    )]
    Substitution { machine: &'static str, name: String },
    #[error("the HTTP client for partners cannot be created: {0}")]
    Http(String),
    #[error("there is no rule called {0}")]
    UnknownRule(String),
    /// The engine did not become idle in time.
    #[error(
        "the engine did not become idle within {seconds} s: {pending} deliveries were still \
         pending, and {in_flight} were in flight"
    )]
    Busy {
        pending: usize,
        in_flight: usize,
        /// How long the caller waited.
        seconds: u64,
    },
}

impl From<DirectoryError> for Error {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::InUse(path) => Self::InUse(path),
            other => Self::Directory(other),
        }
    }
}

//! What can go wrong with the engine itself.

use std::path::PathBuf;

use chorus_kernel::StoreError;

use crate::DirectoryError;

/// Why the embedded engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the directory.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The files of the directory do not belong together, or cannot be read.
    #[error(transparent)]
    Directory(DirectoryError),
    #[error("the engine's journal failed")]
    Journal(#[source] rusqlite::Error),
    /// The journal holds what no version of ours wrote.
    #[error("the engine's journal cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The journal is closed: the engine was shut down.
    #[error("the engine was shut down")]
    Closed,
    /// The journal's thread cannot be started.
    #[error("a thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[source] StoreError),
    /// A rule's pattern is none that EventBridge takes.
    #[error("the pattern of the rule {0} is wrong")]
    Pattern(String, #[source] event_pattern::PatternError),
    /// A state machine's definition is wrong.
    #[error("the state machine {0} is wrong: {1}")]
    Machine(&'static str, String),
    /// A state machine's definition asks its surroundings for what they do not know.
    #[error("the state machine {machine} has ${{{name}}}, which nothing fills in")]
    Substitution { machine: &'static str, name: String },
    /// The HTTP client for partners cannot be made.
    #[error("the HTTP client for partners cannot be made: {0}")]
    Http(String),
    /// There is no rule of this name.
    #[error("there is no rule called {0}")]
    UnknownRule(String),
    /// The engine had not come to rest in time.
    #[error("{pending} deliveries were still pending and {in_flight} in flight after {seconds} s")]
    Busy {
        pending: usize,
        in_flight: usize,
        /// How long it was waited for.
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

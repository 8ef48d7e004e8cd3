//! Who did what to the shop's messages: a line for each redrive, replay and rebuild.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file in a shop's directory.
const FILE: &str = "audit.jsonl";

/// Something that an operator did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// What: `redrive`, `replay`, `rebuild`.
    pub what: String,
    /// What was asked.
    pub asked: Value,
    /// What came of it.
    pub outcome: Value,
}

/// Where deeds are kept: a file that only grows, or the memory of a shop without a directory.
#[derive(Debug)]
pub(crate) enum Audit {
    File(PathBuf),
    Memory(Mutex<Vec<Deed>>),
}

impl Audit {
    pub(crate) fn of(data: Option<&Path>) -> Self {
        data.map_or_else(|| Self::Memory(Mutex::default()), |data| Self::File(data.join(FILE)))
    }

    /// Keeps what was done.
    pub(crate) fn keep(&self, deed: Deed) -> std::io::Result<()> {
        tracing::info!(what = deed.what, asked = %deed.asked, outcome = %deed.outcome, "an operator acted");
        match self {
            Self::Memory(deeds) => {
                deeds.lock().unwrap_or_else(PoisonError::into_inner).push(deed);
                Ok(())
            }
            Self::File(path) => {
                let mut line = serde_json::to_vec(&deed)?;
                line.push(b'\n');
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                file.write_all(&line)?;
                file.sync_data()
            }
        }
    }

    /// Everything that was done, oldest first.
    pub(crate) fn deeds(&self) -> std::io::Result<Vec<Deed>> {
        match self {
            Self::Memory(deeds) => Ok(deeds.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => {
                    Ok(text.lines().filter_map(|it| serde_json::from_str(it).ok()).collect())
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(error),
            },
        }
    }
}

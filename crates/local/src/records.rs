//! The archive of events, and the failed attempts to deliver them. An engine with a directory keeps
//! both in the journal; an engine in memory keeps a limited number of each.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::directory::{DirectoryError, Snapshot, copy_all};

use crate::engine::{Accepted, Change};
use crate::journal::{self, AttemptNote, Journal};
use crate::unwritable::Unwritable;
use crate::{Error, wire};

/// The maximum number of failed deliveries whose attempts are kept in memory.
const MOST_NOTES: usize = 10_000;

/// Where the archive and the failed attempts to deliver events are kept.
#[derive(Debug)]
pub(crate) enum Records {
    Journal(Journal),
    Memory(Mutex<Memory>),
}

/// The most recent events, and a limited number of failed attempts, in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    events: VecDeque<Arc<Accepted>>,
    most_events: usize,
    notes: BTreeMap<(String, Arc<str>), AttemptNote>,
}

impl Records {
    pub(crate) fn memory(most_events: usize) -> Self {
        Self::Memory(Mutex::new(Memory { most_events, ..Memory::default() }))
    }

    pub(crate) fn change(&self, changes: Vec<Change>) {
        match self {
            Self::Journal(journal) => journal.change(changes),
            Self::Memory(memory) => {
                let mut memory = lock(memory);
                changes.into_iter().for_each(|change| memory.note(change));
            }
        }
    }

    /// A page of the archive in the order of acceptance: events from `from` (included) to `to`
    /// (excluded) with a sequence number greater than `after`.
    pub(crate) async fn archive(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Accepted>, Error> {
        match self {
            Self::Journal(journal) => {
                let page =
                    move |connection: &_| journal::archive(connection, from, to, after, limit);
                let rows = journal.read(page).await?;
                let read = |(sequence, at, json): (_, _, String)| wire::read(sequence, at, &json);
                rows.into_iter().map(read).collect::<Result<_, _>>().map_err(Error::Unreadable)
            }
            Self::Memory(memory) => {
                let memory = lock(memory);
                let within = |event: &&Arc<Accepted>| {
                    event.sequence > after && event.at >= from && event.at < to
                };
                let found = memory.events.iter().filter(within).take(limit);
                Ok(found.map(|event| (**event).clone()).collect())
            }
        }
    }

    /// The failed attempts to deliver one event: one note for each rule whose delivery failed.
    pub(crate) async fn attempts(&self, event_id: &str) -> Result<Vec<AttemptNote>, Error> {
        match self {
            Self::Journal(journal) => {
                let event_id = event_id.to_owned();
                journal.read(move |connection| journal::attempts(connection, &event_id)).await
            }
            Self::Memory(memory) => {
                let notes = lock(memory);
                let of_event = notes.notes.iter().filter(|((event, _), _)| event == event_id);
                Ok(of_event.map(|(_, note)| note.clone()).collect())
            }
        }
    }

    /// Deletes events that are older than `limit`. A journal also deletes older failed attempts,
    /// but keeps the events that a delivery still needs. Returns how many events were deleted.
    pub(crate) async fn prune(&self, limit: Timestamp) -> Result<usize, Error> {
        match self {
            Self::Journal(journal) => {
                journal.read(move |connection| journal::prune(connection, limit)).await
            }
            Self::Memory(memory) => {
                let mut memory = lock(memory);
                let before = memory.events.len();
                memory.events.retain(|event| event.at >= limit);
                Ok(before - memory.events.len())
            }
        }
    }

    /// The journal's file, if its disk refused the last write.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        match self {
            Self::Journal(journal) => journal.unwritable(),
            Self::Memory(_) => None,
        }
    }

    /// Copies the journal, and then `files`. The journal commits nothing during the copy.
    pub(crate) async fn copy_all(
        &self,
        files: Vec<(&'static str, Snapshot)>,
        to: &Path,
    ) -> Result<Result<PathBuf, DirectoryError>, Error> {
        match self {
            Self::Journal(journal) => {
                let to = to.to_owned();
                journal.read(move |connection| Ok(copy_all(connection, files, &to))).await
            }
            Self::Memory(_) => Ok(Err(DirectoryError::InMemory)),
        }
    }

    /// Waits until everything that was sent to the journal is on disk.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        match self {
            Self::Journal(journal) => journal.read(|_| Ok(())).await,
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Memory {
    pub(crate) fn keep(&mut self, event: Arc<Accepted>) {
        self.events.push_back(event);
        while self.events.len() > self.most_events {
            self.events.pop_front();
        }
    }

    fn note(&mut self, change: Change) {
        let Change::Failed { event_id, rule, fault, at } = change else { return };
        let key = (event_id, rule);
        let failures = 1 + self.notes.get(&key).map_or(0, |note| note.failures);
        if failures == 1 && self.notes.len() >= MOST_NOTES {
            self.notes.pop_first();
        }
        let (rule, code, message) = (key.1.to_string(), fault.code, fault.message);
        self.notes.insert(key, AttemptNote { rule, failures, code, message, at });
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

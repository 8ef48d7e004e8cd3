//! The journal: accepted events and pending deliveries, in `engine.db`. One thread writes the
//! journal. The thread puts all waiting commands into one SQLite transaction, so that many events
//! share one fsync.

mod read;
mod schema;
mod write;

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

pub use read::AttemptNote;
pub(crate) use read::{Restored, archive, attempts, prune};

use crate::Error;
use crate::directory::{mark, mark_closed};
use crate::engine::{Accepted, Change, Delivery, Topology};
use crate::unwritable::{Unwritable, Writes, is_of_disk};

/// How many commands one transaction may have. The limit bounds how long the first command waits
/// for the others.
const LARGEST_GROUP: usize = 4_096;

/// The longest time for which changes without a waiting caller are collected into one transaction.
/// Some of the changes end deliveries. If the process is killed before the transaction, these
/// deliveries are made again.
const SETTLED_COMMIT_DELAY: Duration = Duration::from_millis(25);

/// A read of the journal, which the writer thread runs between two transactions.
type Reading = Box<dyn FnOnce(&Connection) + Send>;

/// A function that the writer thread calls with deliveries that have become durable, and with their
/// events.
pub(crate) type OnDurable = Box<dyn Fn(Vec<Arc<Accepted>>, Vec<Delivery>) + Send>;

enum Command {
    Accept {
        events: Vec<Arc<Accepted>>,
        deliveries: Vec<Delivery>,
        done: oneshot::Sender<Result<(), String>>,
    },
    Change(Vec<Change>),
    Read(Reading),
}

impl Command {
    const fn has_waiter(&self) -> bool {
        !matches!(self, Self::Change(_))
    }
}

/// A handle to the thread that writes the journal. Dropping the handle waits until the thread has
/// finished the commands that were sent, and stops the thread.
pub(crate) struct Journal {
    commands: Mutex<Option<Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Whether the disk accepted the last write.
    writes: Arc<Writes>,
}

impl Journal {
    /// Opens or creates the journal in the file `path`, and reads the state that an earlier process
    /// left.
    pub(crate) fn open(path: &Path, topology: &Topology) -> Result<(Opened, Restored), Error> {
        let connection = schema::open(path)?;
        let restored = read::restore(&connection, topology)?;
        let (rules, writes) = (write::rule_names(topology), Arc::new(Writes::to(path)));
        Ok((Opened { connection, rules, writes }, restored))
    }

    /// Sends events and their deliveries to the writer thread, and returns once they are durable.
    /// Dropping the future does not cancel the write.
    pub(crate) async fn accept(
        &self,
        events: Vec<Arc<Accepted>>,
        deliveries: Vec<Delivery>,
    ) -> Result<(), String> {
        let (done, durable) = oneshot::channel();
        self.send(Command::Accept { events, deliveries, done });
        durable.await.unwrap_or_else(|_| Err("the journal is closed".to_owned()))
    }

    /// Sends changes to the writer thread, which makes them durable in their order. Returns at
    /// once, before the changes are durable.
    pub(crate) fn change(&self, changes: Vec<Change>) {
        self.send(Command::Change(changes));
    }

    /// Runs `reading` after the writer thread has written everything that was sent to it before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        reading: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Read(Box::new(move |connection| {
            if answer.send(reading(connection)).is_err() {
                tracing::debug!("the caller of a journal read no longer waits for the result");
            }
        })));
        answered.await.map_err(|_| Error::Closed)?.map_err(Error::Journal)
    }

    /// Returns the journal's file if its disk refused the last write.
    pub(crate) fn unwritable(&self) -> Option<Unwritable> {
        self.writes.unwritable()
    }

    /// Finishes the commands that were sent, and closes the file.
    pub(crate) fn close(&self) {
        lock(&self.commands).take();
        // If the writer thread drops the last reference to the bus, this function runs on the
        // writer thread, which cannot join itself.
        let own = std::thread::current().id();
        if let Some(writer) = lock(&self.writer).take().filter(|writer| writer.thread().id() != own)
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer thread panicked: its last changes may be lost");
        }
    }

    fn send(&self, command: Command) {
        let sent = lock(&self.commands).as_ref().map(|commands| commands.send(command));
        if !matches!(sent, Some(Ok(()))) {
            tracing::debug!("a command was not written, because the journal is closed");
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes every delivery in the journal at `path`, including dead letters, and returns how many
/// deliveries there were. Archived events stay.
pub(crate) fn empty(path: &Path) -> Result<usize, Error> {
    let connection = schema::open(path)?;
    connection.execute("DELETE FROM deliveries", []).map_err(Error::Journal)
}

/// A journal whose writer thread has not been started yet.
pub(crate) struct Opened {
    connection: Connection,
    rules: write::RuleNames,
    writes: Arc<Writes>,
}

impl Opened {
    /// Starts the writer thread. After each transaction, the thread first calls `on_durable`, and
    /// then reports the outcome to the callers that wait for the transaction.
    pub(crate) fn start(mut self, on_durable: OnDurable) -> Result<Journal, Error> {
        mark(&self.connection, true).map_err(Error::Journal)?;
        let (commands, received) = channel();
        let writes = Arc::clone(&self.writes);
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let writer = thread.spawn(move || {
            self.run(&received, &on_durable);
            mark_closed(self.connection, "the journal");
        });
        let writer = writer.map_err(Error::Thread)?;
        let (commands, writer) = (Mutex::new(Some(commands)), Mutex::new(Some(writer)));
        Ok(Journal { commands, writer, writes })
    }

    fn run(&mut self, received: &Receiver<Command>, on_durable: &OnDurable) {
        while let Ok(first) = received.recv() {
            let group = gather(first, received);
            let outcome = self.commit(&group);
            for command in group {
                match command {
                    Command::Accept { events, deliveries, done } => {
                        if outcome.is_ok() {
                            on_durable(events, deliveries);
                        }
                        if done.send(outcome.clone()).is_err() {
                            tracing::debug!("the publisher no longer waits for the result");
                        }
                    }
                    Command::Read(reading) => reading(&self.connection),
                    Command::Change(_) => {}
                }
            }
        }
    }

    /// Writes a group of commands in one transaction. If the disk refuses several writes in a row,
    /// only the first refusal is logged.
    fn commit(&mut self, group: &[Command]) -> Result<(), String> {
        if group.iter().all(|command| matches!(command, Command::Read(_))) {
            return Ok(());
        }
        let written = write::commit(&mut self.connection, &self.rules, group);
        let of_disk = self.writes.note(&written, is_of_disk);
        written.map_err(|error| {
            if !of_disk {
                tracing::error!(%error, commands = group.len(), "the journal could not be written");
            }
            error.to_string()
        })
    }
}

/// Collects the commands of the next transaction: `first`, and all commands that are waiting. As
/// long as no caller waits for one of these commands, commands that arrive within
/// [`SETTLED_COMMIT_DELAY`] are added.
fn gather(first: Command, received: &Receiver<Command>) -> Vec<Command> {
    let mut hurry = first.has_waiter();
    let mut group = vec![first];
    let until = Instant::now() + SETTLED_COMMIT_DELAY;
    while group.len() < LARGEST_GROUP {
        let pause = if hurry { Duration::ZERO } else { until.duration_since(Instant::now()) };
        let Ok(next) = received.recv_timeout(pause) else { break };
        hurry |= next.has_waiter();
        group.push(next);
    }
    group
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::engine::Policies;
    use crate::wire;
    use jiff::Timestamp;
    use serde_json::json;

    #[tokio::test]
    async fn a_full_disk_is_reported_until_there_is_space() {
        let directory = tempfile::tempdir().unwrap();
        let topology = Topology::of(Vec::new(), &Policies::default());
        let (opened, _) = Journal::open(&directory.path().join("engine.db"), &topology).unwrap();
        let journal = opened.start(Box::new(|_, _| {})).unwrap();
        let event = |sequence| {
            let json = json!({
                "id": uuid::Uuid::nil(), "source": "com.test", "detail-type": "OrderCreated",
                "detail": { "metadata": {}, "data": "x".repeat(100_000) },
            });
            Arc::new(wire::read(sequence, Timestamp::UNIX_EPOCH, &json.to_string()).unwrap())
        };
        let most_pages = async |pages: u32| {
            let set = move |it: &Connection| it.pragma_update(None, "max_page_count", pages);
            journal.read(set).await.unwrap();
        };
        most_pages(1).await;
        for sequence in 1..=3 {
            let refused = journal.accept(vec![event(sequence)], Vec::new()).await;
            assert_eq!(refused, Err("database or disk is full".to_owned()));
        }
        assert_eq!(journal.unwritable().unwrap().reason, "database or disk is full");
        most_pages(1_000_000).await;
        journal.accept(vec![event(4)], Vec::new()).await.unwrap();
        assert_eq!(journal.unwritable(), None);
    }
}

//! The journal: accepted events and pending deliveries, in `engine.db`. One thread writes. All
//! commands that are waiting when it is free go into one SQLite transaction, so that many events
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
use crate::engine::{Accepted, Change, Delivery, Topology};

/// The most commands of one transaction: it limits how long the first of them waits.
const LARGEST_GROUP: usize = 4_096;

/// The longest time for which changes without a waiting caller are collected into one transaction.
/// Deliveries that were settled in that time are made again if the process is killed.
const LINGER: Duration = Duration::from_millis(25);

/// A read, which runs between two transactions.
type Reading = Box<dyn FnOnce(&Connection) + Send>;

/// Is called with the deliveries that have become durable, and their events.
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

/// A handle to the writer thread. Dropping it lets the writer finish the commands that were sent,
/// and stops it.
pub(crate) struct Journal {
    commands: Mutex<Option<Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens or creates the journal in the file `path`, and reads what an earlier process left.
    pub(crate) fn open(path: &Path, topology: &Topology) -> Result<(Opened, Restored), Error> {
        let connection = schema::open(path)?;
        let restored = read::restore(&connection, topology)?;
        Ok((Opened { connection, rules: write::rule_names(topology) }, restored))
    }

    /// Makes events and their deliveries durable; they are when this returns. Dropping the future
    /// does not cancel that.
    pub(crate) async fn accept(
        &self,
        events: Vec<Arc<Accepted>>,
        deliveries: Vec<Delivery>,
    ) -> Result<(), String> {
        let (done, durable) = oneshot::channel();
        self.send(Command::Accept { events, deliveries, done });
        durable.await.unwrap_or_else(|_| Err("the journal is closed".to_owned()))
    }

    /// Makes changes durable, in their order; returns before they are.
    pub(crate) fn change(&self, changes: Vec<Change>) {
        self.send(Command::Change(changes));
    }

    /// Reads, after everything that was sent before has been written.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        reading: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Read(Box::new(move |connection| {
            if answer.send(reading(connection)).is_err() {
                tracing::debug!("the caller of a journal read has gone");
            }
        })));
        answered.await.map_err(|_| Error::Closed)?.map_err(Error::Journal)
    }

    /// Finishes the commands that were sent, and closes the file.
    pub(crate) fn close(&self) {
        lock(&self.commands).take();
        // The writer itself may drop the last reference to the bus; it cannot join its own thread.
        let own = std::thread::current().id();
        if let Some(writer) = lock(&self.writer).take().filter(|writer| writer.thread().id() != own)
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer had panicked");
        }
    }

    fn send(&self, command: Command) {
        let sent = lock(&self.commands).as_ref().map(|commands| commands.send(command));
        if !matches!(sent, Some(Ok(()))) {
            tracing::debug!("the journal is closed");
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

/// A journal whose writer has not been started yet.
pub(crate) struct Opened {
    connection: Connection,
    rules: write::RuleNames,
}

impl Opened {
    /// Starts the writer. `on_durable` is called after each transaction, before its callers are
    /// answered.
    pub(crate) fn start(self, on_durable: OnDurable) -> Result<Journal, Error> {
        let (commands, received) = channel();
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let writer = thread.spawn(move || {
            let Self { mut connection, rules } = self;
            run(&mut connection, &rules, &received, &on_durable);
        });
        let writer = writer.map_err(Error::Thread)?;
        Ok(Journal { commands: Mutex::new(Some(commands)), writer: Mutex::new(Some(writer)) })
    }
}

/// The commands for the next transaction: all that are waiting. While none of them has a waiting
/// caller, commands that arrive within [`LINGER`] are added.
fn gather(first: Command, received: &Receiver<Command>) -> Vec<Command> {
    let mut hurry = first.has_waiter();
    let mut group = vec![first];
    let until = Instant::now() + LINGER;
    while group.len() < LARGEST_GROUP {
        let pause = if hurry { Duration::ZERO } else { until.duration_since(Instant::now()) };
        let Ok(next) = received.recv_timeout(pause) else { break };
        hurry |= next.has_waiter();
        group.push(next);
    }
    group
}

fn run(
    connection: &mut Connection,
    rules: &write::RuleNames,
    received: &Receiver<Command>,
    on_durable: &OnDurable,
) {
    while let Ok(first) = received.recv() {
        let group = gather(first, received);
        let outcome = write::commit(connection, rules, &group).map_err(|error| {
            tracing::error!(%error, commands = group.len(), "the journal could not be written");
            error.to_string()
        });
        for command in group {
            match command {
                Command::Accept { events, deliveries, done } => {
                    if outcome.is_ok() {
                        on_durable(events, deliveries);
                    }
                    if done.send(outcome.clone()).is_err() {
                        tracing::debug!("the publisher no longer waits; its events are on the bus");
                    }
                }
                Command::Read(reading) => reading(connection),
                Command::Change(_) => {}
            }
        }
    }
}

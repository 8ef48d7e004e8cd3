//! Reads the journal: pending deliveries, the archive, and failed attempts.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::write::column;
use crate::Error;
use crate::engine::{Accepted, Cause, Delivery, DeliveryId, Topology};
use crate::wire;

/// How many times the delivery of an event to the target of a rule has failed, and why it failed
/// the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptNote {
    pub rule: String,
    pub failures: u32,
    pub code: String,
    pub message: String,
    pub at: Timestamp,
}

/// A delivery of a rule that no longer exists. The delivery stays in the journal, but the event is
/// not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Orphan {
    pub(crate) id: DeliveryId,
    pub(crate) rule: String,
}

/// The engine's state as an earlier process left it in the journal.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// The deliveries in the order of their ids. A delivery in a dead-letter queue or a redrive
    /// queue has the index of that queue.
    pub(crate) deliveries: Vec<(Delivery, Option<usize>)>,
    pub(crate) orphans: Vec<Orphan>,
    pub(crate) last_sequence: u64,
    pub(crate) last_delivery: DeliveryId,
    /// When each job last ran, by the job's name. For a job that never ran, the time at which an
    /// earlier process added the job's schedule. The next run is one interval later.
    pub(crate) schedules: HashMap<String, Timestamp>,
}

pub(super) fn restore(connection: &Connection, topology: &Topology) -> Result<Restored, Error> {
    let mut restored = Restored::default();
    let one = |query: &str| connection.query_row(query, [], |row| row.get::<_, u64>(0));
    restored.last_sequence =
        one("SELECT coalesce(max(sequence), 0) FROM events").map_err(Error::Journal)?;
    restored.last_delivery =
        one("SELECT coalesce(max(id), 0) FROM deliveries").map_err(Error::Journal)?;
    restored.schedules = schedules(connection).map_err(Error::Journal)?;
    let query = "SELECT d.id, d.rule, d.attempts, d.first_at, d.due_at, d.replay, \
                 d.queue, d.cause, e.sequence, e.at, e.json \
                 FROM deliveries d JOIN events e ON e.sequence = d.event ORDER BY d.event, d.id";
    let mut statement = connection.prepare(query).map_err(Error::Journal)?;
    let mut rows = statement.query([]).map_err(Error::Journal)?;
    let mut last: Option<Arc<Accepted>> = None;
    while let Some(row) = rows.next().map_err(Error::Journal)? {
        let sequence: u64 = row.get(8).map_err(Error::Journal)?;
        let event = match last.filter(|event| event.sequence == sequence) {
            Some(event) => event,
            None => Arc::new(stored_event(row, 8)?),
        };
        last = Some(Arc::clone(&event));
        match delivery(row, topology, event)? {
            Ok(found) => restored.deliveries.push(found),
            Err(orphan) => restored.orphans.push(orphan),
        }
    }
    restored.deliveries.sort_by_key(|(delivery, _)| delivery.id);
    Ok(restored)
}

/// A stored delivery with the index of its queue, or an orphan if its rule no longer exists.
type Found = Result<(Delivery, Option<usize>), Orphan>;

fn delivery(row: &Row<'_>, topology: &Topology, event: Arc<Accepted>) -> Result<Found, Error> {
    let stored = || -> rusqlite::Result<_> {
        let names: (String, Option<String>) = (row.get(1)?, row.get(6)?);
        let more: (Option<String>, Option<String>) = (row.get(5)?, row.get(7)?);
        Ok((row.get::<_, DeliveryId>(0)?, names, more))
    };
    let (id, (rule, queue), (replay, cause)) = stored().map_err(Error::Journal)?;
    let Some(route) = topology.route(&rule) else { return Ok(Err(Orphan { id, rule })) };
    // An earlier release may have named the queue differently. A delivery in an unknown queue goes
    // to the dead-letter queue that the rule has now.
    let present_queue = topology.routes[route].dead_letters;
    let place = queue.map(|queue| topology.queue_named(&queue).unwrap_or(present_queue));
    let cause: Option<Cause> =
        cause.map(|cause| serde_json::from_str(&cause)).transpose().map_err(Error::Unreadable)?;
    let event = match replay {
        Some(name) => Arc::new(wire::replayed(&event, &Arc::from(name))),
        None => event,
    };
    let delivery = Delivery {
        id,
        route,
        event,
        attempts: row.get(2).map_err(Error::Journal)?,
        first_at: instant(row, 3)?,
        due_at: instant(row, 4)?,
        cause: cause.map(Arc::new),
    };
    Ok(Ok((delivery, place)))
}

fn stored_event(row: &Row<'_>, first: usize) -> Result<Accepted, Error> {
    let sequence = row.get(first).map_err(Error::Journal)?;
    let json: String = row.get(first + 2).map_err(Error::Journal)?;
    wire::read(sequence, instant(row, first + 1)?, &json).map_err(Error::Unreadable)
}

fn instant(row: &Row<'_>, index: usize) -> Result<Timestamp, Error> {
    row.get(index).map(from_column).map_err(Error::Journal)
}

fn from_column(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn schedules(connection: &Connection) -> rusqlite::Result<HashMap<String, Timestamp>> {
    let mut statement = connection.prepare("SELECT job, last_at FROM schedules")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, from_column(row.get(1)?))))?;
    rows.collect()
}

/// A page of the archive: events that the bus accepted from `from` (included) to `to` (excluded),
/// with a sequence number greater than `after`.
pub(crate) fn archive(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<(u64, Timestamp, String)>> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, at, json FROM events \
         WHERE at >= ?1 AND at < ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![column(from), column(to), after, limit], |row| {
        Ok((row.get(0)?, from_column(row.get(1)?), row.get(2)?))
    })?;
    rows.collect()
}

/// The failed attempts of the deliveries of one event, by rule.
pub(crate) fn attempts(
    connection: &Connection,
    event_id: &str,
) -> rusqlite::Result<Vec<AttemptNote>> {
    let mut statement = connection.prepare_cached(
        "SELECT rule, attempts, code, message, at FROM attempts WHERE event_id = ?1 ORDER BY rule",
    )?;
    let rows = statement.query_map([event_id], |row| {
        Ok(AttemptNote {
            rule: row.get(0)?,
            failures: row.get(1)?,
            code: row.get(2)?,
            message: row.get(3)?,
            at: from_column(row.get(4)?),
        })
    })?;
    rows.collect()
}

/// Deletes events and failed attempts that are older than `limit`, except events that a delivery
/// still needs. Returns how many events were deleted.
pub(crate) fn prune(connection: &Connection, limit: Timestamp) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM attempts WHERE at < ?1", [column(limit)])?;
    connection.execute(
        "DELETE FROM events WHERE at < ?1 AND sequence NOT IN (SELECT event FROM deliveries)",
        [column(limit)],
    )
}

//! Writes a group of the journal's commands in one transaction.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Command;
use crate::engine::{Accepted, Cause, Change, Delivery, DeliveryError, Topology};

/// The name of each route's rule, by the index of the route.
pub(super) type RuleNames = Vec<String>;

pub(super) fn rule_names(topology: &Topology) -> RuleNames {
    topology.routes.iter().map(|route| route.rule.name.clone()).collect()
}

/// An instant as a column's value: nanoseconds since the Unix epoch. The value is exact from 1678
/// to 2262.
pub(super) fn column(at: Timestamp) -> i64 {
    let end = if at < Timestamp::UNIX_EPOCH { i64::MIN } else { i64::MAX };
    i64::try_from(at.as_nanosecond()).unwrap_or(end)
}

pub(super) fn commit(
    connection: &mut Connection,
    rules: &RuleNames,
    group: &[Command],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for command in group {
        match command {
            Command::Accept { events, deliveries, .. } => {
                insert_events(&transaction, events)?;
                insert_deliveries(&transaction, rules, deliveries)?;
            }
            Command::Change(changes) => {
                for change in changes {
                    apply(&transaction, change)?;
                }
            }
            Command::Read(_) => {}
        }
    }
    transaction.commit()
}

fn insert_events(transaction: &Transaction<'_>, events: &[Arc<Accepted>]) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO events (sequence, at, json) VALUES (?1, ?2, ?3)")?;
    for event in events {
        insert.execute(params![event.sequence, column(event.at), &*event.json])?;
    }
    Ok(())
}

fn insert_deliveries(
    transaction: &Transaction<'_>,
    rules: &RuleNames,
    deliveries: &[Delivery],
) -> rusqlite::Result<()> {
    // This release writes the column `forced`, but does not read the column. An earlier release
    // needs the column to deduplicate the messages of a queue.
    let mut insert = transaction.prepare_cached(
        "INSERT INTO deliveries (id, event, rule, attempts, first_at, due_at, forced, replay) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for delivery in deliveries {
        insert.execute(params![
            delivery.id,
            delivery.event.sequence,
            rules[delivery.route],
            delivery.attempts,
            column(delivery.first_at),
            column(delivery.due_at),
            false,
            delivery.event.replay.as_deref(),
        ])?;
    }
    Ok(())
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Settled(id) => {
            transaction.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([id])?;
        }
        Change::Retried { id, attempts, due_at } => {
            let update = "UPDATE deliveries SET attempts = ?2, due_at = ?3 WHERE id = ?1";
            let values = params![id, attempts, column(*due_at)];
            transaction.prepare_cached(update)?.execute(values)?;
        }
        Change::LeftToRedrive { id, queue, at } => {
            let update = "UPDATE deliveries SET queue = ?2, attempts = 0, first_at = ?3, \
                          due_at = ?3 WHERE id = ?1";
            transaction.prepare_cached(update)?.execute(params![id, &**queue, column(*at)])?;
        }
        Change::DeadLettered { id, queue, rule, cause } => {
            move_to_dead_letters(transaction, *id, queue, rule, cause)?;
        }
        Change::Redriven { id, due_at } => {
            let update = "UPDATE deliveries SET queue = NULL, cause = NULL, attempts = 0, \
                          forced = 1, first_at = ?2, due_at = ?2 WHERE id = ?1";
            transaction.prepare_cached(update)?.execute(params![id, column(*due_at)])?;
        }
        Change::Failed { event_id, rule, fault, at } => {
            note(transaction, event_id, rule, fault, *at)?;
        }
        Change::ScheduleCountsFrom { job, from } => {
            let upsert = "INSERT INTO schedules (job, last_at) VALUES (?1, ?2) \
                          ON CONFLICT (job) DO UPDATE SET last_at = ?2";
            transaction.prepare_cached(upsert)?.execute(params![job, column(*from)])?;
        }
    }
    Ok(())
}

fn move_to_dead_letters(
    transaction: &Transaction<'_>,
    id: u64,
    queue: &str,
    rule: &str,
    cause: &Cause,
) -> rusqlite::Result<()> {
    let update = "UPDATE deliveries SET queue = ?2, rule = ?3, cause = ?4, attempts = 0, \
                  first_at = ?5, due_at = ?5 WHERE id = ?1";
    let why = serde_json::to_string(cause)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let values = params![id, queue, rule, why, column(cause.at)];
    transaction.prepare_cached(update)?.execute(values)?;
    Ok(())
}

fn note(
    transaction: &Transaction<'_>,
    event_id: &str,
    rule: &str,
    fault: &DeliveryError,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let upsert = "INSERT INTO attempts (event_id, rule, attempts, code, message, at) \
                  VALUES (?1, ?2, 1, ?3, ?4, ?5) \
                  ON CONFLICT (event_id, rule) DO UPDATE SET \
                  attempts = attempts + 1, code = ?3, message = ?4, at = ?5";
    let values = params![event_id, rule, fault.code, fault.message, column(at)];
    transaction.prepare_cached(upsert)?.execute(values)?;
    Ok(())
}

//! An operator's operations: list queues, redrive, replay, read the archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_kernel::PARTNER_UNAVAILABLE;
use chorus_table::policy::REDRIVE;
use jiff::Timestamp;

use crate::engine::{
    Accepted, DeadLetter, Pending, QueueState, Redrive, Selection, UnansweredCall, later,
};
use crate::journal::AttemptNote;
use crate::{Error, Local, wire};

/// How many archived events are read at a time.
const PAGE: usize = 500;

/// Selects the archived events to replay, and the targets that get them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The name of the replay, which the replayed events carry.
    pub name: String,
    /// Replay only events that the bus accepted at this time or later.
    pub from: Timestamp,
    /// Replay only events that the bus accepted before this time.
    pub to: Timestamp,
    /// The only rule whose target gets the events. If `rule` is none, the targets of all matching
    /// rules get the events.
    pub rule: Option<String>,
    /// A dry run only reports what would be replayed.
    pub dry_run: bool,
}

/// The result of a replay. For a dry run: the result that the replay would have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    pub events: usize,
    /// The number of deliveries, by rule.
    pub deliveries: BTreeMap<String, usize>,
}

impl Local {
    #[must_use]
    pub fn queues(&self) -> Vec<QueueState> {
        self.bus.with(|engine| engine.queues())
    }

    /// For each redrive queue (see [`crate::Route::redrive`]) that is not empty: how many events
    /// wait in the queue for a retry, and since when the oldest of them has waited.
    #[must_use]
    pub fn redrives(&self) -> Vec<Redrive> {
        self.bus.with(|engine| engine.redrives())
    }

    /// For each partner, the oldest call that failed at least `attempts` times and will be
    /// repeated. Partners without such a call are omitted.
    #[must_use]
    pub fn unanswered(&self, attempts: u32) -> Vec<UnansweredCall> {
        self.bus.with(|engine| engine.unanswered(attempts))
    }

    /// The selected dead letters, oldest first.
    #[must_use]
    pub fn dead_letters(&self, selection: &Selection) -> Vec<DeadLetter> {
        self.bus.with(|engine| engine.dead_letters(selection))
    }

    /// Sends the selected dead letters to their original targets, and to no others, under the same
    /// idempotency keys. Returns the dead letters that were sent. For a dry run, use
    /// [`Local::dead_letters`].
    ///
    /// # Errors
    /// If the change cannot be made durable.
    pub async fn redrive(&self, selection: &Selection) -> Result<Vec<DeadLetter>, Error> {
        let now = self.bus.now();
        let went = self.bus.with(|engine| engine.redrive(selection, now));
        self.bus.records().flush().await?;
        tracing::info!(letters = went.len(), ?selection, "sent dead letters to their targets");
        Ok(went)
    }

    /// Deletes the selected dead letters, and returns them.
    ///
    /// # Errors
    /// If the change cannot be made durable.
    pub async fn purge(&self, selection: &Selection) -> Result<Vec<DeadLetter>, Error> {
        let went = self.bus.with(|engine| engine.purge(selection));
        self.bus.records().flush().await?;
        tracing::info!(letters = went.len(), ?selection, "deleted dead letters");
        Ok(went)
    }

    /// A page of the archive in the order of acceptance: events from `from` (included) to `to`
    /// (excluded) with a sequence number greater than `after` (0 for the first page).
    ///
    /// # Errors
    /// If the archive cannot be read.
    pub async fn archive(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: u64,
    ) -> Result<Vec<Accepted>, Error> {
        self.bus.records().archive(from, to, after, PAGE).await
    }

    /// For the event with this `event-id`: the deliveries that failed and will be retried. `notes`
    /// are the event's failed attempts, from [`Local::attempts`]. They show which deliveries wait
    /// for an unavailable partner, and are therefore retried for longer than their queue's policy
    /// says.
    #[must_use]
    pub fn pending(&self, event_id: &str, notes: &[AttemptNote]) -> Vec<Pending> {
        let waits = |rule: &str| {
            notes.iter().any(|note| note.rule == rule && note.code == PARTNER_UNAVAILABLE)
        };
        let mut pending = self.bus.with(|engine| engine.pending(event_id));
        for delivery in pending.iter_mut().filter(|it| waits(&it.rule)) {
            delivery.until = delivery.until.max(later(delivery.since, REDRIVE.retry.max_age));
        }
        pending
    }

    /// For each rule, the failed attempts to deliver the event with this `event-id`.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn attempts(&self, event_id: &str) -> Result<Vec<AttemptNote>, Error> {
        self.bus.records().attempts(event_id).await
    }

    /// Delivers archived events again, marked as a replay. Consumers with the replay policy
    /// `Suppressed` ignore the events. A consumer that has handled an event before finds its
    /// idempotency record of the event, and treats the replayed event as a duplicate.
    ///
    /// # Errors
    /// If there is no such rule, or the archive cannot be read.
    pub async fn replay(&self, replay: &Replay) -> Result<Replayed, Error> {
        let topology = self.bus.topology();
        let only = match &replay.rule {
            Some(rule) => {
                Some(topology.route(rule).ok_or_else(|| Error::UnknownRule(rule.clone()))?)
            }
            None => None,
        };
        let name: Arc<str> = Arc::from(replay.name.as_str());
        let mut replayed = Replayed::default();
        let mut after = 0;
        loop {
            let page = self.archive(replay.from, replay.to, after).await?;
            let Some(last) = page.last() else {
                tracing::info!(?replay, events = replayed.events, "replayed the archive");
                return Ok(replayed);
            };
            after = last.sequence;
            for event in &page {
                replayed.events += 1;
                let mut routes = self.bus.matching(&event.json);
                routes.retain(|route| only.is_none_or(|only| only == *route));
                for route in &routes {
                    let rule = topology.routes[*route].rule.name.clone();
                    *replayed.deliveries.entry(rule).or_default() += 1;
                }
                if !replay.dry_run {
                    self.deliver_again(event, &name, &routes).await?;
                }
            }
        }
    }

    async fn deliver_again(
        &self,
        event: &Accepted,
        name: &Arc<str>,
        routes: &[usize],
    ) -> Result<(), Error> {
        let event = Arc::new(wire::replayed(event, name));
        let now = self.bus.now();
        let drafted = self.bus.with(|engine| engine.draft(&event, routes, now));
        self.bus.commit(Vec::new(), drafted).await.map_err(|_| Error::Closed)
    }
}

//! What an operator does: look at queues, redrive, replay, read the archive.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::engine::{Accepted, DeadLetter, Pending, QueueState, Redrive, Selection};
use crate::journal::AttemptNote;
use crate::{Error, Local, wire};

/// How many archived events are read at once.
const PAGE: usize = 500;

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The name that the replayed events carry.
    pub name: String,
    /// From when on the bus had taken them.
    pub from: Timestamp,
    /// Until when, this instant not included.
    pub to: Timestamp,
    /// Only to the target of this rule; without, to all that match.
    pub rule: Option<String>,
    /// A dry run: only reports what would happen.
    pub dry_run: bool,
}

/// What was, or would be, replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    pub events: usize,
    /// Deliveries made, by rule.
    pub deliveries: BTreeMap<String, usize>,
}

impl Local {
    #[must_use]
    pub fn queues(&self) -> Vec<QueueState> {
        self.bus.with(|engine| engine.queues())
    }

    /// The events that functions failed on as often as the bus tries, and get again, by queue.
    #[must_use]
    pub fn redrives(&self) -> Vec<Redrive> {
        self.bus.with(|engine| engine.redrives())
    }

    /// The dead letters that are meant, oldest first.
    #[must_use]
    pub fn dead_letters(&self, selection: &Selection) -> Vec<DeadLetter> {
        self.bus.with(|engine| engine.dead_letters(selection))
    }

    /// Sends dead letters to their original targets, and to no other; their idempotency keys are
    /// kept. Answers those that went: a dry run is [`Local::dead_letters`].
    ///
    /// # Errors
    /// Where that cannot be made durable.
    pub async fn redrive(&self, selection: &Selection) -> Result<Vec<DeadLetter>, Error> {
        let now = self.bus.now();
        let went = self.bus.with(|engine| engine.redrive(selection, now));
        self.bus.records().flush().await?;
        tracing::info!(letters = went.len(), ?selection, "sent dead letters to their targets");
        Ok(went)
    }

    /// Throws dead letters away. Answers those that went.
    ///
    /// # Errors
    /// Where that cannot be made durable.
    pub async fn purge(&self, selection: &Selection) -> Result<Vec<DeadLetter>, Error> {
        let went = self.bus.with(|engine| engine.purge(selection));
        self.bus.records().flush().await?;
        tracing::info!(letters = went.len(), ?selection, "threw dead letters away");
        Ok(went)
    }

    /// A page of the archive in the order of acceptance: events from `from` up to, and without,
    /// `to`, after the event of the sequence number `after` (0 to begin).
    ///
    /// # Errors
    /// Where the archive cannot be read.
    pub async fn archive(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: u64,
    ) -> Result<Vec<Accepted>, Error> {
        self.bus.records().archive((from, to), after, PAGE).await
    }

    /// The deliveries of the event with this `event-id` that failed and are tried again.
    #[must_use]
    pub fn pending(&self, event_id: &str) -> Vec<Pending> {
        self.bus.with(|engine| engine.pending(event_id))
    }

    /// What failed of the deliveries of the event with this `event-id`, by rule.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub async fn attempts(&self, event_id: &str) -> Result<Vec<AttemptNote>, Error> {
        self.bus.records().attempts(event_id).await
    }

    /// Redelivers archived events, marked as a replay: consumers with the replay policy
    /// `Suppressed` ignore them, and idempotency records absorb what was seen.
    ///
    /// # Errors
    /// Where there is no such rule, or the archive cannot be read.
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

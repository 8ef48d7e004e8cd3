//! Accepts events: checks them, adds EventBridge's envelope, matches each event once against all
//! rules, makes the deliveries durable, and enqueues them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chorus_kernel::{Failure, Publisher, Rejected};
use chorus_table::Entry;

use super::Bus;
use crate::engine::{Accepted, Delivery};
use crate::records::{Records, lock};
use crate::wire::{self, ACCOUNT, MAX_ENTRY_BYTES, Unacceptable};

/// The maximum number of entries in one PutEvents request.
const MAX_ENTRIES: usize = 10;

impl Bus {
    fn wrap(&self, account: &str, entries: &[Entry]) -> (Vec<Accepted>, Vec<Rejected>) {
        let at = self.clock.now();
        let ids: Vec<_> = self.with(|engine| entries.iter().map(|_| engine.new_id()).collect());
        let (mut accepted, mut rejected) = (Vec::with_capacity(entries.len()), Vec::new());
        for (index, (entry, id)) in entries.iter().zip(ids).enumerate() {
            match wire::wrap(entry, account, id, at) {
                Ok(event) => accepted.push(event),
                Err(Unacceptable { code, message }) => {
                    rejected.push(Rejected { index, code: code.to_owned(), message });
                }
            }
        }
        (accepted, rejected)
    }

    /// Gives each new event its sequence number, and makes the deliveries of the events.
    fn draft(&self, accepted: Vec<Accepted>) -> (Vec<Arc<Accepted>>, Vec<Delivery>) {
        let matched: Vec<_> = accepted.iter().map(|event| self.matching(&event.json)).collect();
        let mut engine = lock(&self.engine);
        let (mut events, mut deliveries) = (Vec::with_capacity(accepted.len()), Vec::new());
        for (mut event, routes) in accepted.into_iter().zip(matched) {
            event.sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            let event = Arc::new(event);
            deliveries.extend(engine.draft(&event, &routes, event.at));
            events.push(event);
        }
        (events, deliveries)
    }

    /// The indexes of the routes whose rules the event matches.
    #[must_use]
    pub fn matching(&self, json: &str) -> Vec<usize> {
        self.matcher.matches(json).unwrap_or_else(|error| {
            tracing::error!(%error, "an event cannot be matched against the rules: no target gets it");
            Vec::new()
        })
    }

    /// Makes the events and deliveries durable, and then enqueues the deliveries. An engine in
    /// memory enqueues the deliveries at once.
    pub(crate) async fn commit(
        &self,
        events: Vec<Arc<Accepted>>,
        deliveries: Vec<Delivery>,
    ) -> Result<(), Failure> {
        match &self.records {
            Records::Journal(journal) => {
                let written = journal.accept(events, deliveries).await;
                written.map_err(|error| Failure::later("InternalFailure", error))
            }
            Records::Memory(memory) => {
                events.iter().for_each(|event| lock(memory).keep(Arc::clone(event)));
                self.enqueue(events, deliveries);
                Ok(())
            }
        }
    }

    /// Publishes up to 10 entries as events of the AWS account `account`, such as a partner's
    /// account.
    ///
    /// # Errors
    /// If the request has no entries or is too large, or if the journal cannot be written.
    pub async fn put_events_of(
        &self,
        account: &str,
        entries: &[Entry],
    ) -> Result<Vec<Rejected>, Failure> {
        let bytes: usize = entries.iter().map(Entry::size).sum();
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            let message =
                format!("a request must have 1 to {MAX_ENTRIES} entries, not {}", entries.len());
            return Err(Failure::Terminal { code: "ValidationException", message });
        }
        if entries.len() > 1 && bytes > MAX_ENTRY_BYTES {
            let message =
                format!("a request must have at most {MAX_ENTRY_BYTES} bytes, not {bytes}");
            return Err(Failure::Terminal { code: "ValidationException", message });
        }
        let (accepted, rejected) = self.wrap(account, entries);
        if !accepted.is_empty() {
            let (events, deliveries) = self.draft(accepted);
            self.commit(events, deliveries).await?;
        }
        Ok(rejected)
    }
}

#[async_trait]
impl Publisher for Bus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        self.put_events_of(ACCOUNT, entries).await
    }
}

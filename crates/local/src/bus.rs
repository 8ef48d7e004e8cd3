//! The bus: takes events in, matches each once against all rules, and keeps what is pending.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use chorus_events::Entry;
use chorus_kernel::{Clock, Failure, Publisher, Rejected};
use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use crate::engine::{
    Accepted, Delivery, Engine, Load, Observation, Observer, Ticket, Topology, Verdict, Work,
};
use crate::matcher::RuleMatcher;
use crate::records::{Records, lock};
use crate::wire::{self, MAX_ENTRY_BYTES, Unacceptable};

/// The most entries of one request.
const MAX_ENTRIES: usize = 10;

/// How many observations a slow watcher may be behind before it misses some.
const FEED_CAPACITY: usize = 16_384;

/// The bus of one process. All of its methods may be called from any thread.
pub struct Bus {
    engine: Mutex<Engine>,
    topology: Topology,
    matcher: RuleMatcher,
    clock: Arc<dyn Clock>,
    records: Records,
    sequence: AtomicU64,
    feed: broadcast::Sender<Observation>,
    observer: Option<Arc<dyn Observer>>,
    /// There may be something due that was not before.
    woken: Notify,
    /// Nothing is pending or in flight.
    rested: Notify,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("load", &self.load()).finish_non_exhaustive()
    }
}

/// What a bus is made of.
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) last_sequence: u64,
}

impl Bus {
    /// A bus over `parts`, whose records are made by `records`; it is given the bus to enqueue on
    /// what became durable.
    pub(crate) fn new<E>(
        parts: Parts,
        records: impl FnOnce(Weak<Self>) -> Result<Records, E>,
    ) -> Result<Arc<Self>, E> {
        let Parts { engine, clock, observer, last_sequence } = parts;
        let topology = engine.topology().clone();
        let mut matcher = RuleMatcher::default();
        for (index, route) in topology.routes.iter().enumerate() {
            matcher.add(index, &route.rule.pattern);
        }
        let mut failed = None;
        let bus = Arc::new_cyclic(|bus| {
            let records = records(Weak::clone(bus)).unwrap_or_else(|error| {
                failed = Some(error);
                Records::memory(0)
            });
            Self {
                engine: Mutex::new(engine),
                topology,
                matcher,
                clock,
                records,
                sequence: AtomicU64::new(last_sequence),
                feed: broadcast::channel(FEED_CAPACITY).0,
                observer,
                woken: Notify::new(),
                rested: Notify::new(),
            }
        });
        failed.map_or(Ok(bus), Err)
    }

    /// What is connected to what.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Watches from now on. A watcher that falls far behind misses some, and is told so.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observation> {
        self.feed.subscribe()
    }

    /// How much there is to do.
    #[must_use]
    pub fn load(&self) -> Load {
        lock(&self.engine).load()
    }

    /// Whether nothing is pending or in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        lock(&self.engine).is_idle()
    }

    /// When there is something to do next; schedules included.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        lock(&self.engine).next_due()
    }

    /// When there is a delivery to make next; schedules do not count.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Timestamp> {
        lock(&self.engine).next_delivery()
    }

    /// Takes at most `max` things that are due. Every delivery among them has to be settled,
    /// every job finished.
    pub fn take_due(&self, max: usize) -> Vec<Work> {
        let now = self.clock.now();
        self.with(|engine| engine.take_due(now, max))
    }

    /// Says how an attempt went; false where the ticket was stale.
    pub fn settle(&self, ticket: Ticket, verdict: Verdict) -> bool {
        let now = self.clock.now();
        self.with(|engine| engine.settle(now, ticket, verdict))
    }

    /// Says how several attempts went.
    pub fn settle_all(&self, verdicts: Vec<(Ticket, Verdict)>) {
        let now = self.clock.now();
        self.with(|engine| {
            for (ticket, verdict) in verdicts {
                engine.settle(now, ticket, verdict);
            }
        });
    }

    /// Says that a schedule's job is over.
    pub fn finish(&self, job: &str) {
        self.with(|engine| engine.finish(job));
    }

    /// Does something with the engine, and tells everybody what changed.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> T {
        let mut engine = lock(&self.engine);
        let due_before = engine.next_due();
        let result = act(&mut engine);
        let changes = engine.drain_changes();
        if !changes.is_empty() {
            self.records.change(changes);
        }
        for observation in engine.drain_observations() {
            self.tell(observation);
        }
        let (due, idle) = (engine.next_due(), engine.is_idle());
        drop(engine);
        let sooner = match (due, due_before) {
            (Some(due), Some(before)) => due < before,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if sooner {
            self.woken.notify_one();
        }
        if idle {
            self.rested.notify_waiters();
        }
        result
    }

    /// Deliveries that are durable are pending from now on.
    pub(crate) fn enqueue(&self, events: Vec<Arc<Accepted>>, deliveries: Vec<Delivery>) {
        self.with(|engine| {
            for event in events {
                engine.observe(Observation::Accepted(event));
            }
            engine.enqueue(deliveries);
        });
    }

    pub(crate) const fn records(&self) -> &Records {
        &self.records
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns when something may be due that was not before.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Returns once nothing is pending or in flight.
    pub async fn rested(&self) {
        loop {
            let rested = self.rested.notified();
            if self.is_idle() {
                return;
            }
            rested.await;
        }
    }

    fn tell(&self, observation: Observation) {
        if let Some(observer) = &self.observer {
            observer.observe(&observation);
        }
        if self.feed.receiver_count() > 0 && self.feed.send(observation).is_err() {
            tracing::debug!("the last watcher has just gone");
        }
    }

    fn wrap(&self, entries: &[Entry]) -> (Vec<Accepted>, Vec<Rejected>) {
        let at = self.clock.now();
        let ids: Vec<_> = self.with(|engine| entries.iter().map(|_| engine.new_id()).collect());
        let (mut accepted, mut rejected) = (Vec::with_capacity(entries.len()), Vec::new());
        for (index, (entry, id)) in entries.iter().zip(ids).enumerate() {
            match wire::wrap(entry, id, at) {
                Ok(event) => accepted.push(event),
                Err(Unacceptable { code, message }) => {
                    rejected.push(Rejected { index, code: code.to_owned(), message });
                }
            }
        }
        (accepted, rejected)
    }

    /// Makes the deliveries of new events.
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

    /// The routes that an event matches.
    pub(crate) fn matching(&self, json: &str) -> Vec<usize> {
        self.matcher.matches(json).unwrap_or_else(|error| {
            tracing::error!(%error, "an event that was taken cannot be matched");
            Vec::new()
        })
    }

    /// Writes down and enqueues; in memory, the same without the writing.
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
}

#[async_trait]
impl Publisher for Bus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let bytes: usize = entries.iter().map(Entry::size).sum();
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            let message =
                format!("a request holds 1 to {MAX_ENTRIES} entries, not {}", entries.len());
            return Err(Failure::Terminal { code: "ValidationException", message });
        }
        if entries.len() > 1 && bytes > MAX_ENTRY_BYTES {
            let message = format!("a request holds {MAX_ENTRY_BYTES} bytes, not {bytes}");
            return Err(Failure::Terminal { code: "ValidationException", message });
        }
        let (accepted, rejected) = self.wrap(entries);
        if !accepted.is_empty() {
            let (events, deliveries) = self.draft(accepted);
            self.commit(events, deliveries).await?;
        }
        Ok(rejected)
    }
}

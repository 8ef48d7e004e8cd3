//! The bus: accepts events, matches each of them once against all rules, and keeps the deliveries
//! that are pending.

pub(crate) mod log;
mod publish;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};

use chorus_kernel::Clock;
use event_pattern::{Matcher, Pattern};
use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use crate::Error;
use crate::engine::{
    Accepted, Alarm, AttemptResult, Delivery, Disorder, Engine, Load, Observation, Observer,
    Ticket, Topology, Work,
};
use crate::records::{Records, lock};

/// The bus of one process. All of its methods may be called from any thread.
pub struct Bus {
    engine: Mutex<Engine>,
    topology: Topology,
    matcher: Matcher<usize>,
    clock: Arc<dyn Clock>,
    records: Records,
    sequence: AtomicU64,
    feed: broadcast::Sender<Observation>,
    observer: Option<Arc<dyn Observer>>,
    /// Notifies the runner when a change makes the next work due earlier, so that the runner does
    /// not sleep too long.
    woken: Notify,
    /// Notifies waiting callers when no delivery or execution is pending or in flight any more.
    became_idle: Notify,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("load", &self.load()).finish_non_exhaustive()
    }
}

pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) last_sequence: u64,
    pub(crate) feed_capacity: usize,
}

impl Bus {
    /// Creates a bus from these `parts`. `records` is called with a reference to the bus, and
    /// returns the bus's [`Records`], which enqueue each delivery once the delivery is durable.
    pub(crate) fn new(
        parts: Parts,
        records: impl FnOnce(Weak<Self>) -> Result<Records, Error>,
    ) -> Result<Arc<Self>, Error> {
        let Parts { engine, clock, observer, last_sequence, feed_capacity } = parts;
        let topology = engine.topology().clone();
        let matcher = matcher(&topology)?;
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
                feed: broadcast::channel(feed_capacity.max(1)).0,
                observer,
                woken: Notify::new(),
                became_idle: Notify::new(),
            }
        });
        failed.map_or(Ok(bus), Err)
    }

    /// The rules with their targets, and the queues.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Subscribes to the engine's [`Observation`]s from now on. A subscriber that falls far behind
    /// misses observations, and its receiver reports how many.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Observation> {
        self.feed.subscribe()
    }

    /// How many deliveries and executions are pending, in flight or dead.
    #[must_use]
    pub fn load(&self) -> Load {
        lock(&self.engine).load()
    }

    /// Whether no delivery or execution is pending or in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        lock(&self.engine).is_idle()
    }

    /// Sets how many copies of each new delivery are made, and how long each copy may be delayed.
    /// Tests use this.
    pub fn set_disorder(&self, disorder: Disorder) {
        self.with(|engine| engine.set_disorder(disorder));
    }

    /// The time at which the next work is due. Jobs of schedules count as work.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        lock(&self.engine).next_due()
    }

    /// The time at which the next work is due. Jobs of schedules, and executions that wait for a
    /// callback, do not count as work.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Timestamp> {
        lock(&self.engine).next_delivery()
    }

    /// The time at which the next work is due. Jobs of schedules do not count as work.
    #[must_use]
    pub fn next_unscheduled(&self) -> Option<Timestamp> {
        lock(&self.engine).next_unscheduled()
    }

    /// Takes at most `max` pieces of work that are due. The caller has to pass the result of every
    /// delivery to [`Self::settle`], and the name of every finished job to [`Self::finish`].
    pub fn take_due(&self, max: usize) -> Vec<Work> {
        let now = self.clock.now();
        self.with(|engine| engine.take_due(now, max))
    }

    /// Records the result of an attempt. Returns false, and records nothing, if the ticket is
    /// stale: after this attempt began, the message was received again.
    pub fn settle(&self, ticket: Ticket, result: AttemptResult) -> bool {
        let now = self.clock.now();
        self.with(|engine| engine.settle(now, ticket, result))
    }

    pub fn settle_all(&self, results: Vec<(Ticket, AttemptResult)>) {
        let now = self.clock.now();
        self.with(|engine| {
            for (ticket, result) in results {
                engine.settle(now, ticket, result);
            }
        });
    }

    /// Marks a schedule's job as finished, successful or not, so that it may be started again.
    pub fn finish(&self, job: &str) {
        self.with(|engine| engine.finish(job));
    }

    /// Sets the alarm of a state machine's execution to the present time, so that the runner
    /// advances the execution next.
    pub fn wake(&self, execution: &str) {
        let now = self.clock.now();
        self.with(|engine| engine.wake(&Arc::from(execution), now));
    }

    /// Removes the alarm of an execution, after the execution has ended.
    pub fn end(&self, execution: &str) {
        self.with(|engine| engine.end(execution));
    }

    /// Records that the runner has advanced a state machine's execution, and sets the execution's
    /// next alarm.
    pub fn end_turn(&self, execution: &Arc<str>, next: Option<Alarm>) {
        let now = self.clock.now();
        self.with(|engine| engine.end_turn(execution, next, now));
    }

    /// Thirty-two pseudorandom bytes, derived from the engine's seed.
    pub(crate) fn entropy(&self) -> [u8; 32] {
        let ids = self.with(|engine| [engine.new_id(), engine.new_id()]);
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(ids[0].as_bytes());
        bytes[16..].copy_from_slice(ids[1].as_bytes());
        bytes
    }

    /// Runs `act` on the engine, then records the engine's changes, and sends its observations to
    /// the observer and the subscribers.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> T {
        let mut engine = lock(&self.engine);
        let due_before = engine.next_due();
        let result = act(&mut engine);
        let changes = engine.drain_changes();
        if !changes.is_empty() {
            self.records.change(changes);
        }
        for observation in engine.drain_observations() {
            self.notify(observation);
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
            self.became_idle.notify_waiters();
        }
        result
    }

    /// Enqueues deliveries that have become durable, and reports their events as accepted.
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

    /// Waits until a change makes the next work due earlier.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Waits until no delivery or execution is pending or in flight.
    pub async fn until_idle(&self) {
        loop {
            let idle = self.became_idle.notified();
            if self.is_idle() {
                return;
            }
            idle.await;
        }
    }

    fn notify(&self, observation: Observation) {
        if let Observation::DeadLettered { step, queue, cause } = &observation {
            log::dead_letter(step, queue, cause);
        }
        if let Some(observer) = &self.observer {
            observer.observe(&observation);
        }
        if self.feed.receiver_count() > 0 && self.feed.send(observation).is_err() {
            tracing::debug!(
                "an observation was not sent: the last subscriber has just unsubscribed"
            );
        }
    }
}

fn matcher(topology: &Topology) -> Result<Matcher<usize>, Error> {
    let mut matcher = Matcher::new();
    for (index, route) in topology.routes.iter().enumerate() {
        let pattern = Pattern::parse(route.rule.pattern.to_string());
        let wrong = |error| Error::Pattern(route.rule.name.clone(), error);
        matcher.add(index, &pattern.map_err(wrong)?);
    }
    Ok(matcher)
}

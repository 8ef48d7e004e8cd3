//! The core of the embedded engine: it keeps the pending work, and hands out the work that is due.
//! The engine is synchronous and deterministic: it uses no async runtime, no file and no network,
//! and the caller passes in time and randomness. The same calls in the same order have the same
//! outcome.

mod alarms;
mod change;
mod delivery;
mod limiter;
mod operate;
mod queue;
mod retry;
mod schedule;
mod settle;
mod take;
mod topology;
mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use alarms::Alarm;
pub use change::{Change, Observation, Observer, Step};
pub use delivery::{
    Accepted, AttemptResult, Cause, Delivery, DeliveryError, DeliveryId, Exhausted, Taken, Ticket,
    Work,
};
pub use operate::{DeadLetter, Pending, QueueState, Redrive, Selection, UnansweredCall};
pub use schedule::Schedule;
pub use topology::{Consumer, Policies, QueueSpec, Route, Target, Topology};

use alarms::Alarms;
use limiter::Limiter;
use queue::Queue;
pub(crate) use retry::later;
use schedule::Recurring;
use take::Source;
use turns::Turns;

use crate::random::Random;

/// Deliberate disorder, for tests: deliveries are repeated, and delayed at random.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disorder {
    /// The least number of times that each delivery is made; 0 is treated as 1.
    pub fewest_copies: u32,
    /// The greatest number of times that each delivery is made.
    pub most_copies: u32,
    /// The upper bound of the random delay that each copy gets. Because of these delays, copies and
    /// events overtake each other.
    pub delay: Duration,
}

/// How many deliveries and executions there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Deliveries that wait on the bus, or in a queue that has a consumer, and executions that will
    /// continue by themselves, without a callback.
    pub pending: usize,
    /// Deliveries that were taken and whose result is not recorded yet, and executions that are
    /// being advanced.
    pub in_flight: usize,
    /// Dead letters that wait for an operator.
    pub dead: usize,
}

impl Load {
    /// Whether no delivery or execution is pending or in flight.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.pending == 0 && self.in_flight == 0
    }
}

/// A delivery that was taken from the bus itself, not from a queue.
#[derive(Debug)]
struct HandedOut {
    delivery: Delivery,
    receipt: u64,
    since: Timestamp,
}

/// The calls to one route's partner.
#[derive(Debug)]
struct Calls {
    turns: Turns,
    limiter: Limiter,
}

#[derive(Debug)]
pub struct Engine {
    topology: Topology,
    /// The name of each route's rule, by the route's index.
    rule_names: Vec<Arc<str>>,
    queue_names: Vec<Arc<str>>,
    /// All deliveries that wait on the bus. The next three fields list their ids by kind of target.
    waiting: HashMap<DeliveryId, Delivery>,
    /// The deliveries to queues, in the order in which they are due.
    to_queues: BTreeSet<(Timestamp, DeliveryId)>,
    /// The deliveries to functions.
    invocations: Turns,
    /// The calls to partners, by the index of their route.
    calls: BTreeMap<usize, Calls>,
    handed_out: HashMap<DeliveryId, HandedOut>,
    queues: Vec<Queue>,
    /// The sources of work, which take turns.
    sources: Vec<Source>,
    /// The index of the source whose turn is next.
    turn: usize,
    schedules: Vec<Recurring>,
    alarms: Alarms,
    next_id: DeliveryId,
    receipts: u64,
    random: Random,
    disorder: Disorder,
    changes: Vec<Change>,
    observations: Vec<Observation>,
}

impl Engine {
    #[must_use]
    pub fn new(topology: Topology, random: Random) -> Self {
        let rule_names =
            topology.routes.iter().map(|route| Arc::from(route.rule.name.as_str())).collect();
        let queue_names =
            topology.queues.iter().map(|queue| Arc::from(queue.name.as_str())).collect();
        let queues = topology.queues.iter().cloned().map(Queue::new).collect();
        let calls: BTreeMap<usize, Calls> = topology.calls().collect();
        let consumed = topology.queues.iter().enumerate();
        let consumed = consumed.filter(|(_, queue)| queue.consumer.is_some());
        let mut sources = vec![Source::Invocations];
        sources.extend(consumed.map(|(queue, _)| Source::Queue(queue)));
        sources.extend(calls.keys().map(|route| Source::Calls(*route)));
        sources.push(Source::Alarms);
        Self {
            topology,
            rule_names,
            queue_names,
            waiting: HashMap::new(),
            to_queues: BTreeSet::new(),
            invocations: Turns::default(),
            calls,
            handed_out: HashMap::new(),
            queues,
            sources,
            turn: 0,
            schedules: Vec::new(),
            alarms: Alarms::default(),
            next_id: 1,
            receipts: 0,
            random,
            disorder: Disorder::default(),
            changes: Vec::new(),
            observations: Vec::new(),
        }
    }

    /// The rules with their targets, and the queues.
    #[must_use]
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Sets how many copies of each new delivery are made, and how long a copy may be delayed.
    pub const fn set_disorder(&mut self, disorder: Disorder) {
        self.disorder = disorder;
    }

    /// A new id for an event.
    pub(crate) const fn new_id(&mut self) -> uuid::Uuid {
        self.random.uuid()
    }

    /// Makes the deliveries of an event to the targets of `routes`, without enqueueing them.
    pub fn draft(
        &mut self,
        event: &Arc<Accepted>,
        routes: &[usize],
        now: Timestamp,
    ) -> Vec<Delivery> {
        let mut drafted = Vec::with_capacity(routes.len());
        for route in routes {
            for _ in 0..self.random_copies() {
                let due_at = self.random_instant(now);
                drafted.push(Delivery {
                    id: self.next_id,
                    route: *route,
                    event: Arc::clone(event),
                    attempts: 0,
                    first_at: now,
                    due_at,
                    cause: None,
                });
                self.next_id += 1;
            }
        }
        drafted
    }

    fn random_copies(&mut self) -> u32 {
        let fewest = self.disorder.fewest_copies.max(1);
        let more = self.disorder.most_copies.saturating_sub(fewest);
        if more == 0 {
            return fewest;
        }
        fewest + u32::try_from(self.random.below(u64::from(more) + 1)).unwrap_or(0)
    }

    fn random_instant(&mut self, now: Timestamp) -> Timestamp {
        match u64::try_from(self.disorder.delay.as_nanos()) {
            Ok(delay @ 1..) => later(now, Duration::from_nanos(self.random.below(delay))),
            _ => now,
        }
    }

    pub fn enqueue(&mut self, drafted: Vec<Delivery>) {
        for delivery in drafted {
            self.wait(delivery);
        }
    }

    /// Restores a delivery that an earlier process stored: puts it into the dead-letter queue
    /// `dead_in` or, if that is `None`, lets it wait on the bus.
    pub fn restore(&mut self, delivery: Delivery, dead_in: Option<usize>) {
        self.next_id = self.next_id.max(delivery.id + 1);
        match dead_in {
            Some(queue) => self.queues[queue].put(delivery),
            None => self.wait(delivery),
        }
    }

    /// Ensures that the ids of new deliveries are greater than `last`, the highest id of a stored
    /// delivery.
    pub(crate) const fn skip_ids(&mut self, last: DeliveryId) {
        if self.next_id <= last {
            self.next_id = last + 1;
        }
    }

    /// Adds a recurring schedule. Its job is due one interval after `last`, or after `now` if
    /// `last` is `None`. `last` is when the job last ran or, if the job never ran, when an earlier
    /// process added the schedule. So an hourly job runs even if no process lasts for an hour.
    pub fn schedule(&mut self, schedule: Schedule, last: Option<Timestamp>, now: Timestamp) {
        if last.is_none_or(|last| last > now) {
            self.changes.push(Change::ScheduleCountsFrom { job: schedule.job, from: now });
        }
        self.schedules.push(Recurring::new(schedule, last, now));
    }

    /// Sets the alarm of a state machine's execution to `now`, so that the execution is advanced
    /// next.
    pub(crate) fn wake(&mut self, execution: &Arc<str>, now: Timestamp) {
        self.alarms.wake(execution, now);
    }

    /// Removes the alarm of an execution, after the execution has ended.
    pub(crate) fn end(&mut self, execution: &str) {
        self.alarms.end(execution);
    }

    /// Marks an execution of a state machine as no longer being advanced, and sets its next alarm.
    pub(crate) fn end_turn(&mut self, execution: &Arc<str>, next: Option<Alarm>, now: Timestamp) {
        self.alarms.end_turn(execution, next, now);
    }

    fn wait(&mut self, delivery: Delivery) {
        let (at, id, tenant) = (delivery.due_at, delivery.id, delivery.event.tenant.as_ref());
        match (self.topology.routes[delivery.route].target, self.calls.get_mut(&delivery.route)) {
            (Target::Queue(_), _) => _ = self.to_queues.insert((at, id)),
            (_, Some(calls)) => calls.turns.add(at, id, tenant),
            _ => self.invocations.add(at, id, tenant),
        }
        self.waiting.insert(id, delivery);
    }

    /// How many deliveries and executions there are. Schedules do not count, because they recur.
    #[must_use]
    pub fn load(&self) -> Load {
        let mut load = Load {
            pending: self.waiting.len() + self.alarms.pending(),
            in_flight: self.handed_out.len() + self.alarms.in_flight(),
            dead: 0,
        };
        for queue in &self.queues {
            if queue.spec.consumer.is_some() {
                let in_flight = queue.in_flight();
                load.pending += queue.len() - in_flight;
                load.in_flight += in_flight;
            } else {
                load.dead += queue.len();
            }
        }
        load
    }

    /// Whether no delivery or execution is pending or in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let consumed = |queue: &&Queue| queue.spec.consumer.is_some();
        self.waiting.is_empty()
            && self.handed_out.is_empty()
            && self.alarms.pending() + self.alarms.in_flight() == 0
            && self.queues.iter().filter(consumed).all(|queue| queue.len() == 0)
    }

    /// The changes since the last call, in order.
    pub fn drain_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The observations since the last call, in order.
    pub fn drain_observations(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.observations)
    }

    /// Adds an observation of something that happened outside of the engine.
    pub(crate) fn observe(&mut self, observation: Observation) {
        self.observations.push(observation);
    }

    fn step(&self, delivery: &Delivery, attempt: u32) -> Step {
        Step {
            id: delivery.id,
            rule: Arc::clone(&self.rule_names[delivery.route]),
            event: Arc::clone(&delivery.event),
            attempt,
        }
    }
}

//! Takes the work that is due. Jobs of schedules come first. Then invocations of functions, queues,
//! calls to partners and executions of state machines take turns.

use chorus_table::policy::QUEUE;
use jiff::Timestamp;

use super::queue::Received;
use super::retry::later;
use super::{
    Change, Consumer, Delivery, DeliveryError, Engine, HandedOut, Observation, Taken, Target,
    Ticket, Work,
};

/// A source from which the engine takes work. The sources take turns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Invocations of functions by the bus.
    Invocations,
    /// The queue with this index. Only queues with a consumer are sources.
    Queue(usize),
    /// The calls to the partner of the route with this index.
    Calls(usize),
    /// Executions of state machines. The alarms say when each execution is due.
    Alarms,
}

impl Engine {
    /// When the next work is due, including jobs of schedules.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let schedules = self.schedules.iter().filter_map(super::Recurring::due_at);
        self.next_unscheduled().into_iter().chain(schedules).min()
    }

    /// When the next work is due, without jobs of schedules and without executions that wait for a
    /// callback.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Timestamp> {
        let sent = self.to_queues.first().map(|(at, _)| *at);
        let others = self.sources.iter().filter_map(|source| match source {
            Source::Alarms => self.alarms.next_active(),
            source => self.due_at(*source),
        });
        others.chain(sent).min()
    }

    /// When the next work is due, without jobs of schedules.
    #[must_use]
    pub fn next_unscheduled(&self) -> Option<Timestamp> {
        self.next_delivery().into_iter().chain(self.alarms.next()).min()
    }

    fn due_at(&self, source: Source) -> Option<Timestamp> {
        match source {
            Source::Invocations => self.invocations.next_at(),
            Source::Queue(queue) => self.queues[queue].next_at(),
            Source::Calls(route) => {
                let calls = self.calls.get(&route)?;
                Some(calls.turns.next_at()?.max(calls.limiter.free_at()))
            }
            Source::Alarms => self.alarms.next(),
        }
    }

    /// Takes at most `max` pieces of work that are due at `now`. The caller has to pass the result
    /// of every delivery to [`Self::settle`], and the name of every finished job to
    /// [`Self::finish`].
    ///
    /// The bus, the queues, the partners and the state machines take turns. The tenants take turns,
    /// too: in the bus, in each queue, and in the calls to each partner.
    pub fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<Work> {
        self.schedules.iter_mut().for_each(|schedule| schedule.bound(now));
        let mut taken = Vec::new();
        while taken.len() < max {
            self.fill_queues(now);
            let due = |job: &super::Recurring| job.due_at().is_some_and(|at| at <= now);
            if let Some(schedule) = self.schedules.iter().position(due) {
                taken.push(self.fire(schedule, now));
                continue;
            }
            let Some(source) = self.next_source(now) else { break };
            taken.extend(self.take_from(source, now));
        }
        taken
    }

    /// Among the sources that have due work, returns the source whose turn it is; none if no source
    /// has due work.
    fn next_source(&mut self, now: Timestamp) -> Option<Source> {
        let order = (self.turn..self.sources.len()).chain(0..self.turn);
        for place in order {
            let source = self.sources[place];
            if self.due_at(source).is_some_and(|at| at <= now) {
                self.turn = (place + 1) % self.sources.len();
                return Some(source);
            }
        }
        self.turn = 0;
        None
    }

    fn take_from(&mut self, source: Source, now: Timestamp) -> Option<Work> {
        match source {
            Source::Invocations => {
                let id = self.invocations.take(now)?;
                let delivery = self.waiting.remove(&id)?;
                Some(Work::Invoke(self.hand_out(delivery, now)))
            }
            Source::Queue(queue) => self.take_batch(queue, now),
            Source::Calls(route) => self.take_call(route, now),
            Source::Alarms => self.alarms.take(now).map(Work::Wake),
        }
    }

    /// Moves due deliveries from the bus into their queues.
    fn fill_queues(&mut self, now: Timestamp) {
        while let Some((_, id)) = self.to_queues.first().copied().filter(|(at, _)| *at <= now) {
            self.to_queues.pop_first();
            let Some(mut delivery) = self.waiting.remove(&id) else { continue };
            let Target::Queue(queue) = self.topology.routes[delivery.route].target else {
                continue;
            };
            if delivery.attempts == 0 {
                delivery.first_at = now;
            }
            self.queues[queue].put(delivery);
        }
    }

    /// Takes the next call of the route. If the call is older than the route's retry policy allows,
    /// gives the call up and returns none.
    fn take_call(&mut self, route: usize, now: Timestamp) -> Option<Work> {
        let calls = self.calls.get_mut(&route)?;
        let id = calls.turns.take(now)?;
        let delivery = self.waiting.remove(&id)?;
        if now > later(delivery.first_at, self.topology.routes[route].retry.max_age) {
            self.expire(delivery, now);
            return None;
        }
        calls.limiter.take(now);
        Some(Work::Call(self.hand_out(delivery, now)))
    }

    fn hand_out(&mut self, delivery: Delivery, now: Timestamp) -> Taken {
        self.receipts += 1;
        let attempt = delivery.attempts + 1;
        let ticket = Ticket { id: delivery.id, receipt: self.receipts, queue: None };
        self.observations.push(Observation::Started(self.step(&delivery, attempt)));
        let (route, event) = (delivery.route, delivery.event.clone());
        let taken = Taken { ticket, attempt, route, event, overdue: false };
        let handed_out = HandedOut { delivery, receipt: self.receipts, since: now };
        self.handed_out.insert(handed_out.delivery.id, handed_out);
        taken
    }

    fn take_batch(&mut self, queue: usize, now: Timestamp) -> Option<Work> {
        let consumer = self.topology.queues[queue].consumer?;
        let mut batch = Vec::new();
        for received in self.queues[queue].receive(now, QUEUE.batch) {
            batch.extend(self.take_message(queue, consumer, received, now));
        }
        (!batch.is_empty()).then_some(Work::Batch(batch))
    }

    fn take_message(
        &mut self,
        queue: usize,
        consumer: Consumer,
        received: Received,
        now: Timestamp,
    ) -> Option<Taken> {
        let Received { delivery, receipt, attempt } = received;
        let ticket = Ticket { id: delivery.id, receipt, queue: Some(queue) };
        let route = match consumer {
            Consumer::ItsOwnRoute => delivery.route,
            Consumer::Route(route) => route,
        };
        if attempt > self.topology.queues[queue].retry.max_attempts {
            let fault = DeliveryError::retryable(
                "VisibilityExpired",
                "the consumer did not settle the message within the visibility timeout",
            );
            self.settle(now, ticket, super::AttemptResult::Failed(fault));
            return None;
        }
        let mut step = self.step(&delivery, attempt);
        step.rule = self.rule_names[route].clone();
        self.observations.push(Observation::Started(step));
        // A message is overdue only after its first attempt, so that the row's own action tries
        // every message at least once.
        let patience = self.topology.queues[queue].retry.max_age;
        let overdue = attempt > 1 && now >= later(delivery.first_at, patience);
        Some(Taken { ticket, attempt, route, event: delivery.event, overdue })
    }

    fn fire(&mut self, schedule: usize, now: Timestamp) -> Work {
        let job = self.schedules[schedule].schedule.job;
        self.schedules[schedule].fire(now);
        self.changes.push(Change::ScheduleCountsFrom { job, from: now });
        self.observations.push(Observation::Fired(job));
        Work::Job(job)
    }
}

//! Takes the work that is due, earliest first: deliveries, queues' messages, schedules, executions'
//! alarms.

use chorus_table::policy::QUEUE;
use jiff::Timestamp;

use super::queue::Received;
use super::retry::later;
use super::{
    Change, Consumer, Delivery, DeliveryError, Engine, HandedOut, Observation, Taken, Target,
    Ticket, Work,
};

/// The source of the earliest work.
#[derive(Clone, Copy)]
enum Earliest {
    Bus,
    Queue(usize),
    Schedule(usize),
    Alarm,
}

impl Engine {
    /// When the next work is due; schedules included.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.earliest().map(|(at, _)| at)
    }

    /// When the next work is due, without schedules and without executions that wait for an answer
    /// from outside.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Timestamp> {
        let bus = self.due.first().map(|(at, _)| *at);
        let machines = self.alarms.next_active();
        let queues = self.consumed.iter().filter_map(|queue| self.queues[*queue].next_at());
        queues.chain(bus).chain(machines).min()
    }

    /// When the next work is due, without schedules.
    #[must_use]
    pub fn next_unscheduled(&self) -> Option<Timestamp> {
        self.next_delivery().into_iter().chain(self.alarms.next()).min()
    }

    fn earliest(&self) -> Option<(Timestamp, Earliest)> {
        let bus = self.due.first().map(|(at, _)| (*at, Earliest::Bus));
        let queues = self.consumed.iter();
        let queues = queues
            .filter_map(|queue| Some((self.queues[*queue].next_at()?, Earliest::Queue(*queue))));
        let schedules = self.schedules.iter().enumerate();
        let schedules =
            schedules.filter_map(|(index, job)| Some((job.due_at()?, Earliest::Schedule(index))));
        let alarm = self.alarms.next().map(|at| (at, Earliest::Alarm));
        bus.into_iter().chain(queues).chain(schedules).chain(alarm).min_by_key(|(at, _)| *at)
    }

    /// Takes at most `max` pieces of work that are due at `now`. The caller has to settle every
    /// delivery among them, and call `finish` for every job.
    pub fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<Work> {
        self.schedules.iter_mut().for_each(|schedule| schedule.bound(now));
        let mut taken = Vec::new();
        while taken.len() < max {
            match self.earliest().filter(|(at, _)| *at <= now) {
                Some((_, Earliest::Bus)) => taken.extend(self.take_delivery(now)),
                Some((_, Earliest::Queue(queue))) => taken.extend(self.take_batch(queue, now)),
                Some((_, Earliest::Schedule(schedule))) => taken.push(self.fire(schedule, now)),
                Some((_, Earliest::Alarm)) => taken.extend(self.alarms.take(now).map(Work::Wake)),
                None => break,
            }
        }
        taken
    }

    fn take_delivery(&mut self, now: Timestamp) -> Option<Work> {
        let (_, id) = self.due.pop_first()?;
        let mut delivery = self.waiting.remove(&id)?;
        match self.topology.routes[delivery.route].target {
            Target::Queue(queue) => {
                if delivery.attempts == 0 {
                    delivery.first_at = now;
                }
                self.queues[queue].put(delivery);
                None
            }
            Target::Function => Some(Work::Invoke(self.hand_out(delivery, now))),
            Target::Partner => {
                if !delivery.granted {
                    delivery.granted = true;
                    delivery.due_at = self.limiters[delivery.route].grant(now);
                }
                let policy = self.topology.routes[delivery.route].retry;
                if delivery.due_at > later(delivery.first_at, policy.max_age) {
                    self.expire(delivery, now);
                    return None;
                }
                if delivery.due_at > now {
                    self.wait(delivery);
                    return None;
                }
                delivery.granted = false;
                Some(Work::Call(self.hand_out(delivery, now)))
            }
        }
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
            batch.extend(self.take_message((queue, consumer), received, now));
        }
        (!batch.is_empty()).then_some(Work::Batch(batch))
    }

    fn take_message(
        &mut self,
        (queue, consumer): (usize, Consumer),
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
            let fault = DeliveryError::passing(
                "VisibilityExpired",
                "its consumer did not settle it before the visibility timeout",
            );
            self.settle(now, ticket, super::AttemptResult::Failed(fault));
            return None;
        }
        let mut step = self.step(&delivery, attempt);
        step.rule = self.rule_names[route].clone();
        self.observations.push(Observation::Started(step));
        // A message that was never tried is tried, however old it is.
        let patience = self.topology.queues[queue].retry.max_age;
        let overdue = attempt > 1 && now >= later(delivery.first_at, patience);
        Some(Taken { ticket, attempt, route, event: delivery.event, overdue })
    }

    fn fire(&mut self, schedule: usize, now: Timestamp) -> Work {
        let job = self.schedules[schedule].schedule.job;
        self.schedules[schedule].fire(now);
        self.changes.push(Change::Fired { job, at: now });
        self.observations.push(Observation::Fired(job));
        Work::Job(job)
    }
}

//! The results of attempts: a success ends the delivery. After a failure, the delivery is retried
//! or becomes a dead letter.

use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Outcome, PARTNER_UNAVAILABLE};
use chorus_table::policy::{RetryPolicy, waiting};
use jiff::Timestamp;

use super::{
    AttemptResult, Cause, Change, Consumer, Delivery, DeliveryError, Engine, HandedOut,
    Observation, Step, Ticket, retry,
};

/// An attempt that has ended.
struct Attempted {
    delivery: Delivery,
    /// The route whose target handled the delivery. If the delivery came from a dead-letter queue
    /// that another row of the design table consumes, `route` is the route of the consuming row,
    /// and not `delivery.route`.
    route: usize,
    queue: Option<usize>,
    took: Duration,
}

impl Engine {
    /// Records the result of an attempt. Changes nothing and returns false if the ticket is stale:
    /// the visibility timeout passed, and the message was received again.
    pub fn settle(&mut self, now: Timestamp, ticket: Ticket, result: AttemptResult) -> bool {
        let Some(attempted) = self.claim(now, ticket) else { return false };
        match result {
            AttemptResult::Done(outcome) => self.done(&attempted, outcome),
            AttemptResult::Failed(fault) => self.failed(now, attempted, fault),
        }
        true
    }

    /// Marks a schedule's job as finished, successful or not, so that it may be started again.
    pub fn finish(&mut self, job: &str) {
        for recurring in &mut self.schedules {
            if recurring.schedule.job == job {
                recurring.running = false;
            }
        }
    }

    fn claim(&mut self, now: Timestamp, ticket: Ticket) -> Option<Attempted> {
        let Some(queue) = ticket.queue else {
            if self.handed_out.get(&ticket.id)?.receipt != ticket.receipt {
                return None;
            }
            let HandedOut { mut delivery, since, .. } = self.handed_out.remove(&ticket.id)?;
            delivery.attempts += 1;
            let took = elapsed(since, now);
            let route = delivery.route;
            return Some(Attempted { delivery, route, queue: None, took });
        };
        let (delivery, since) = self.queues[queue].claim(ticket.id, ticket.receipt)?;
        let route = match self.topology.queues[queue].consumer {
            Some(Consumer::Route(route)) => route,
            _ => delivery.route,
        };
        Some(Attempted { delivery, route, queue: Some(queue), took: elapsed(since, now) })
    }

    fn done(&mut self, attempted: &Attempted, outcome: Option<Outcome>) {
        let step = self.step_of(attempted);
        self.changes.push(Change::Settled(step.id));
        self.observations.push(Observation::Succeeded { step, outcome, took: attempted.took });
    }

    fn failed(&mut self, now: Timestamp, mut attempted: Attempted, fault: DeliveryError) {
        let step = self.step_of(&attempted);
        let (attempts, took) = (attempted.delivery.attempts, attempted.took);
        self.changes.push(Change::Failed {
            event_id: step.event.event_id.clone(),
            rule: Arc::clone(&step.rule),
            fault: fault.clone(),
            at: now,
        });
        let first_at = attempted.delivery.first_at;
        let route = &self.topology.routes[attempted.route];
        let policy = match attempted.queue {
            // If a row has a `gives_up_to`, the queue retries the message without an age limit,
            // until the action that `gives_up_to` names has handled the message.
            Some(queue) if route.row().gives_up_to.is_some() => {
                RetryPolicy { max_age: Duration::MAX, ..self.topology.queues[queue].retry }
            }
            Some(queue) if fault.code == PARTNER_UNAVAILABLE => {
                waiting(self.topology.queues[queue].retry, elapsed(first_at, now))
            }
            Some(queue) => self.topology.queues[queue].retry,
            None => route.retry,
        };
        let exhausted = match retry::next(&policy, attempts, first_at, now, &mut self.random) {
            Ok(due_at) if fault.retryable => {
                let again_at = Some(due_at);
                self.changes.push(Change::Retried { id: step.id, attempts, due_at });
                self.observations.push(Observation::Failed { step, fault, took, again_at });
                attempted.delivery.due_at = due_at;
                self.put_back(attempted.delivery, attempted.queue);
                return;
            }
            Err(_) if fault.retryable && attempted.queue.is_none() && route.redrive.is_some() => {
                self.leave_to_redrive(now, attempted, step, fault);
                return;
            }
            Ok(_) => None,
            Err(exhausted) => fault.retryable.then_some(exhausted),
        };
        let seen =
            Observation::Failed { step: step.clone(), fault: fault.clone(), took, again_at: None };
        self.observations.push(seen);
        let retries = attempts.saturating_sub(1);
        let cause = Arc::new(Cause { fault, retries, exhausted, at: now });
        self.move_to_dead_letters(attempted, step, cause);
    }

    /// Moves a delivery to the redrive queue, after the function failed in all attempts of the bus.
    /// The function receives the delivery again from that queue.
    fn leave_to_redrive(
        &mut self,
        now: Timestamp,
        Attempted { mut delivery, route, took, .. }: Attempted,
        step: Step,
        fault: DeliveryError,
    ) {
        let Some(queue) = self.topology.routes[route].redrive else { return };
        delivery.attempts = 0;
        (delivery.first_at, delivery.due_at) = (now, now);
        let name = Arc::clone(&self.queue_names[queue]);
        self.changes.push(Change::LeftToRedrive { id: step.id, queue: name, at: now });
        self.observations.push(Observation::Failed { step, fault, took, again_at: Some(now) });
        self.queues[queue].put(delivery);
    }

    /// Gives up a call that the partner's rate limit has delayed beyond the call's maximum age.
    pub(super) fn expire(&mut self, delivery: Delivery, now: Timestamp) {
        let (route, retries) = (delivery.route, delivery.attempts.saturating_sub(1));
        let attempted = Attempted { delivery, route, queue: None, took: Duration::ZERO };
        let step = self.step_of(&attempted);
        let fault = DeliveryError::retryable(
            "RateLimited",
            "the partner's rate limit delayed the call beyond its maximum age",
        );
        let exhausted = Some(super::Exhausted::MaximumEventAgeInSeconds);
        let cause = Arc::new(Cause { fault, retries, exhausted, at: now });
        self.move_to_dead_letters(attempted, step, cause);
    }

    /// Moves the delivery to the route's dead-letter queue.
    fn move_to_dead_letters(&mut self, attempted: Attempted, step: Step, cause: Arc<Cause>) {
        let Attempted { mut delivery, route, .. } = attempted;
        let queue = self.topology.routes[route].dead_letters;
        delivery.route = route;
        delivery.cause = Some(Arc::clone(&cause));
        // If the dead-letter queue has a consumer, the consumer's attempts are counted from 0.
        delivery.attempts = 0;
        (delivery.first_at, delivery.due_at) = (cause.at, cause.at);
        let name = Arc::clone(&self.queue_names[queue]);
        self.changes.push(Change::DeadLettered {
            id: step.id,
            queue: Arc::clone(&name),
            rule: Arc::clone(&step.rule),
            cause: Arc::clone(&cause),
        });
        self.observations.push(Observation::DeadLettered { step, queue: name, cause });
        self.queues[queue].put(delivery);
    }

    fn put_back(&mut self, delivery: Delivery, queue: Option<usize>) {
        match queue {
            Some(queue) => self.queues[queue].put(delivery),
            None => self.wait(delivery),
        }
    }

    fn step_of(&self, attempted: &Attempted) -> Step {
        let mut step = self.step(&attempted.delivery, attempted.delivery.attempts);
        step.rule = Arc::clone(&self.rule_names[attempted.route]);
        step
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

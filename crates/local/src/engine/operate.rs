//! What an operator does with queues: peek, redrive, purge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;
use super::{Cause, Change, Delivery, DeliveryId, Engine, Observation};

/// A queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    pub name: Arc<str>,
    /// Whether dead letters end here: nobody consumes it.
    pub dead_end: bool,
    /// Messages, those in flight included.
    pub depth: usize,
    /// Messages that a consumer has.
    pub in_flight: usize,
    /// Since when the oldest one lies here.
    pub oldest: Option<Timestamp>,
}

/// A dead letter, as EventBridge leaves it in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeliveryId,
    pub queue: Arc<str>,
    /// The rule whose target did not take it.
    pub rule: Arc<str>,
    pub cause: Arc<Cause>,
    /// The event: the message's body.
    pub event: Arc<super::Accepted>,
    /// The message's attributes: RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE, RETRY_ATTEMPTS
    /// and, where a limit was met, EXHAUSTED_RETRY_CONDITION.
    pub attributes: BTreeMap<&'static str, String>,
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub queue: Option<String>,
    /// Only with this error code.
    pub code: Option<String>,
    pub ids: Option<Vec<DeliveryId>>,
    /// At most so many, oldest first.
    pub limit: Option<usize>,
    /// So many in a second at most, where they are sent back.
    pub per_second: Option<u32>,
}

/// A delivery that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub rule: Arc<str>,
    /// Since when it is tried.
    pub since: Timestamp,
    /// When it is tried next.
    pub next: Timestamp,
    /// When it is given up at the latest.
    pub until: Timestamp,
}

/// Events that a function failed on, and gets again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    pub queue: Arc<str>,
    pub events: usize,
    /// Since when the oldest of them waits.
    pub since: Timestamp,
}

impl Engine {
    /// The deliveries of an event that failed and are tried again.
    #[must_use]
    pub fn pending(&self, event_id: &str) -> Vec<Pending> {
        let of_event = |delivery: &&Delivery| delivery.event.event_id == event_id;
        let queued = self.queues.iter().enumerate();
        let queued = queued.filter(|(_, queue)| queue.spec.consumer.is_some());
        let queued = queued.flat_map(|(index, queue)| {
            // What waits to be redriven has failed, however often its queue has handed it out.
            let failed = move |it: &&Delivery| it.attempts > 0 || self.is_redriven(it, index);
            let deliveries = queue.deliveries().filter(of_event).filter(failed);
            deliveries.map(|delivery| (delivery, queue.spec.retry.max_age))
        });
        let on_the_bus = self.waiting.values().filter(of_event).filter(|it| it.attempts > 0);
        let on_the_bus = on_the_bus
            .map(|delivery| (delivery, self.topology.routes[delivery.route].retry.max_age));
        let failed = queued.chain(on_the_bus);
        let pending = failed.map(|(delivery, max_age)| Pending {
            rule: Arc::clone(&self.rule_names[delivery.route]),
            since: delivery.first_at,
            next: delivery.due_at,
            until: later(delivery.first_at, max_age),
        });
        pending.collect()
    }

    /// The events that functions failed on as often as the bus tries, and get again: for each queue of
    /// them how many, and since when at the longest.
    #[must_use]
    pub fn redrives(&self) -> Vec<Redrive> {
        let mut redrives: BTreeMap<usize, Redrive> = BTreeMap::new();
        for (queue, delivery) in self.redriven() {
            let redrive = redrives.entry(queue).or_insert_with(|| Redrive {
                queue: Arc::clone(&self.queue_names[queue]),
                events: 0,
                since: delivery.first_at,
            });
            redrive.events += 1;
            redrive.since = redrive.since.min(delivery.first_at);
        }
        redrives.into_values().collect()
    }

    fn redriven(&self) -> impl Iterator<Item = (usize, &Delivery)> {
        self.queues.iter().enumerate().flat_map(move |(index, queue)| {
            let redriven = queue.deliveries().filter(move |it| self.is_redriven(it, index));
            redriven.map(move |delivery| (index, delivery))
        })
    }

    /// Whether a delivery in this queue waits to be tried again by the function that failed on it.
    fn is_redriven(&self, delivery: &Delivery, queue: usize) -> bool {
        self.topology.routes[delivery.route].redrive == Some(queue)
    }

    /// Every queue, in the order of the table.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueState> {
        let state = |(queue, name): (&super::Queue, &Arc<str>)| QueueState {
            name: Arc::clone(name),
            dead_end: queue.spec.consumer.is_none(),
            depth: queue.len(),
            in_flight: queue.in_flight(),
            oldest: queue.deliveries().map(|delivery| delivery.first_at).min(),
        };
        self.queues.iter().zip(&self.queue_names).map(state).collect()
    }

    /// The dead letters that are meant, oldest first.
    #[must_use]
    pub fn dead_letters(&self, selection: &Selection) -> Vec<DeadLetter> {
        let mut found = Vec::new();
        for (queue, name) in self.queues.iter().zip(&self.queue_names) {
            if selection.queue.as_ref().is_some_and(|wanted| **wanted != **name) {
                continue;
            }
            let letters =
                queue.deliveries().filter_map(|delivery| self.dead_letter(name, delivery));
            found.extend(letters.filter(|letter| selection.means(letter)));
        }
        found.sort_by_key(|letter| (letter.cause.at, letter.id));
        found.truncate(selection.limit.unwrap_or(usize::MAX));
        found
    }

    /// Sends dead letters to their original targets, and to no other; the events are the same to
    /// the byte, so is their idempotency key. Answers those that went.
    pub fn redrive(&mut self, selection: &Selection, now: Timestamp) -> Vec<DeadLetter> {
        let mut went = Vec::new();
        for letter in self.dead_letters(selection) {
            let Some(mut delivery) = self.take_out(&letter) else { continue };
            let place = u32::try_from(went.len()).unwrap_or(u32::MAX);
            let pause = selection.per_second.map_or(Duration::ZERO, |rate| {
                Duration::from_secs(1).saturating_mul(place) / rate.max(1)
            });
            let due_at = later(now, pause);
            (delivery.first_at, delivery.due_at) = (due_at, due_at);
            (delivery.cause, delivery.attempts) = (None, 0);
            self.changes.push(Change::Revived { id: letter.id, due_at });
            self.observations.push(Observation::Redriven(self.step(&delivery, 0)));
            self.wait(delivery);
            went.push(letter);
        }
        went
    }

    /// Throws dead letters away. Answers those that went.
    pub fn purge(&mut self, selection: &Selection) -> Vec<DeadLetter> {
        let mut letters = self.dead_letters(selection);
        letters.retain(|letter| self.take_out(letter).is_some());
        for letter in &letters {
            self.changes.push(Change::Settled(letter.id));
        }
        letters
    }

    fn take_out(&mut self, letter: &DeadLetter) -> Option<Delivery> {
        let queue = self.topology.queue_named(&letter.queue)?;
        self.queues[queue].remove(letter.id)
    }

    fn dead_letter(&self, queue: &Arc<str>, delivery: &Delivery) -> Option<DeadLetter> {
        let cause = delivery.cause.as_ref()?;
        let route = &self.topology.routes[delivery.route];
        let mut attributes = BTreeMap::from([
            ("RULE_ARN", route.rule_arn()),
            ("TARGET_ARN", route.target_arn()),
            ("ERROR_CODE", cause.fault.code.clone()),
            ("ERROR_MESSAGE", cause.fault.message.clone()),
            ("RETRY_ATTEMPTS", cause.retries.to_string()),
        ]);
        if let Some(exhausted) = cause.exhausted {
            attributes.insert("EXHAUSTED_RETRY_CONDITION", exhausted.name().to_owned());
        }
        Some(DeadLetter {
            id: delivery.id,
            queue: Arc::clone(queue),
            rule: Arc::clone(&self.rule_names[delivery.route]),
            cause: Arc::clone(cause),
            event: Arc::clone(&delivery.event),
            attributes,
        })
    }
}

impl Selection {
    fn means(&self, letter: &DeadLetter) -> bool {
        self.code.as_ref().is_none_or(|code| *code == letter.cause.fault.code)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id))
    }
}

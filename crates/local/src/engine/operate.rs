//! An operator's view of the queues, and the operations on dead letters: redrive and purge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;
use super::{Cause, Change, Delivery, DeliveryId, Engine, Observation};

/// The state of a queue at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    pub name: Arc<str>,
    /// Whether the queue has no consumer, so that its messages wait for an operator.
    pub has_no_consumer: bool,
    /// How many messages the queue has, those in flight included.
    pub depth: usize,
    /// How many messages the consumer has received, but not settled yet.
    pub in_flight: usize,
    /// Since when the oldest message has been in the queue.
    pub oldest: Option<Timestamp>,
}

/// A dead letter in the form in which EventBridge puts it into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: DeliveryId,
    pub queue: Arc<str>,
    /// The rule whose target did not accept the event.
    pub rule: Arc<str>,
    pub cause: Arc<Cause>,
    /// The event, which is the body of the queue's message.
    pub event: Arc<super::Accepted>,
    /// The attributes of the queue's message: RULE_ARN, TARGET_ARN, ERROR_CODE, ERROR_MESSAGE,
    /// RETRY_ATTEMPTS and, if a limit was reached, EXHAUSTED_RETRY_CONDITION.
    pub attributes: BTreeMap<&'static str, String>,
}

/// Selects dead letters. A field that is absent does not restrict the selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub queue: Option<String>,
    /// Select only dead letters with this error code.
    pub code: Option<String>,
    pub ids: Option<Vec<DeliveryId>>,
    /// How many dead letters to select at most. The oldest dead letters are selected.
    pub limit: Option<usize>,
    /// How many dead letters a redrive sends per second at most.
    pub per_second: Option<u32>,
}

/// A delivery that failed and will be retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub rule: Arc<str>,
    /// The time from which the retry policy counts the delivery's age.
    pub since: Timestamp,
    /// When the delivery is tried next.
    pub next: Timestamp,
    /// When the delivery reaches its maximum age. The delivery then becomes a dead letter, or is
    /// handled by the action that its row names in `gives_up_to`.
    pub until: Timestamp,
}

/// The events in one redrive queue. The function failed on these events in all attempts of the bus,
/// and gets them again from the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    pub queue: Arc<str>,
    pub events: usize,
    /// Since when the oldest of the events has been in the queue.
    pub since: Timestamp,
}

/// A call that will be repeated, because several attempts failed: the partner did not respond, or
/// responded with 429 or 5xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredCall {
    pub partner: &'static str,
    /// The event that the call is about.
    pub event_id: String,
    pub pending: Pending,
}

impl Engine {
    /// For each partner, the oldest call that failed at least `attempts` times and will be
    /// repeated. Partners without such a call are omitted.
    #[must_use]
    pub fn unanswered(&self, attempts: u32) -> Vec<UnansweredCall> {
        let mut oldest: BTreeMap<&'static str, &Delivery> = BTreeMap::new();
        for delivery in self.waiting.values().filter(|it| it.attempts >= attempts) {
            let Some(partner) = self.topology.routes[delivery.route].rule.row.partner() else {
                continue;
            };
            let known = oldest.entry(partner.name).or_insert(delivery);
            if delivery.first_at < known.first_at {
                *known = delivery;
            }
        }
        let call = |(partner, delivery): (&'static str, &Delivery)| UnansweredCall {
            partner,
            event_id: delivery.event.event_id.clone(),
            pending: self.retried(delivery, self.topology.routes[delivery.route].retry.max_age),
        };
        oldest.into_iter().map(call).collect()
    }

    fn retried(&self, delivery: &Delivery, max_age: Duration) -> Pending {
        Pending {
            rule: Arc::clone(&self.rule_names[delivery.route]),
            since: delivery.first_at,
            next: delivery.due_at,
            until: later(delivery.first_at, max_age),
        }
    }

    /// The deliveries of one event that failed and will be retried.
    #[must_use]
    pub fn pending(&self, event_id: &str) -> Vec<Pending> {
        let of_event = |delivery: &&Delivery| delivery.event.event_id == event_id;
        let queued = self.queues.iter().enumerate();
        let queued = queued.filter(|(_, queue)| queue.spec.consumer.is_some());
        let queued = queued.flat_map(|(index, queue)| {
            // A delivery in a redrive queue has failed in all attempts of the bus. Its `attempts`
            // count only the attempts from the queue, and may still be 0.
            let failed = move |it: &&Delivery| it.attempts > 0 || self.is_redriven(it, index);
            let deliveries = queue.deliveries().filter(of_event).filter(failed);
            deliveries.map(|delivery| (delivery, queue.spec.retry.max_age))
        });
        let on_the_bus = self.waiting.values().filter(of_event).filter(|it| it.attempts > 0);
        let on_the_bus = on_the_bus
            .map(|delivery| (delivery, self.topology.routes[delivery.route].retry.max_age));
        let failed = queued.chain(on_the_bus);
        failed.map(|(delivery, max_age)| self.retried(delivery, max_age)).collect()
    }

    /// For each redrive queue that is not empty: the number of events that wait in the queue for a
    /// retry, and since when the oldest of these events has waited there.
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

    /// Whether `queue` is the redrive queue of the delivery's route.
    fn is_redriven(&self, delivery: &Delivery, queue: usize) -> bool {
        self.topology.routes[delivery.route].redrive == Some(queue)
    }

    /// The state of every queue, in the order of the topology.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueState> {
        let state = |(queue, name): (&super::Queue, &Arc<str>)| QueueState {
            name: Arc::clone(name),
            has_no_consumer: queue.spec.consumer.is_none(),
            depth: queue.len(),
            in_flight: queue.in_flight(),
            oldest: queue.deliveries().map(|delivery| delivery.first_at).min(),
        };
        self.queues.iter().zip(&self.queue_names).map(state).collect()
    }

    /// The selected dead letters, oldest first.
    #[must_use]
    pub fn dead_letters(&self, selection: &Selection) -> Vec<DeadLetter> {
        let mut found = Vec::new();
        for (queue, name) in self.queues.iter().zip(&self.queue_names) {
            if selection.queue.as_ref().is_some_and(|wanted| **wanted != **name) {
                continue;
            }
            let letters =
                queue.deliveries().filter_map(|delivery| self.dead_letter(name, delivery));
            found.extend(letters.filter(|letter| selection.matches(letter)));
        }
        found.sort_by_key(|letter| (letter.cause.at, letter.id));
        found.truncate(selection.limit.unwrap_or(usize::MAX));
        found
    }

    /// Sends the selected dead letters to their original targets, and to no others. The events, and
    /// so their idempotency keys, stay unchanged. Returns the dead letters that were sent.
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
            self.changes.push(Change::Redriven { id: letter.id, due_at });
            self.observations.push(Observation::Redriven(self.step(&delivery, 0)));
            self.wait(delivery);
            went.push(letter);
        }
        went
    }

    /// Deletes the selected dead letters, and returns them.
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
    fn matches(&self, letter: &DeadLetter) -> bool {
        self.code.as_ref().is_none_or(|code| *code == letter.cause.fault.code)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id))
    }
}

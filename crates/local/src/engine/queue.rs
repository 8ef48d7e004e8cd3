//! A queue as SQS has it: visibility, batches, receive counts, and groups that stay in order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;
use super::{Delivery, DeliveryId, QueueSpec};

/// For how long a FIFO queue remembers what it took.
const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(300);

/// Messages of one lane are handed out in order, one batch at a time. A FIFO queue has a lane for
/// each group; in a standard queue, every message has its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Lane {
    Group(Arc<str>),
    Own(DeliveryId),
}

#[derive(Debug)]
struct Message {
    delivery: Delivery,
    lane: Lane,
    visible_at: Timestamp,
    /// Which receiving of it may settle it; 0 while it is not in flight.
    receipt: u64,
    received_at: Timestamp,
    received: u32,
}

#[derive(Debug, Default)]
struct Waiting {
    order: BTreeSet<DeliveryId>,
    in_flight: BTreeSet<DeliveryId>,
    /// The lane's place in `ready`.
    at: Option<(Timestamp, DeliveryId)>,
}

/// What a queue hands to its consumer.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) delivery: Delivery,
    pub(crate) receipt: u64,
    pub(crate) attempt: u32,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) spec: QueueSpec,
    messages: BTreeMap<DeliveryId, Message>,
    lanes: HashMap<Lane, Waiting>,
    ready: BTreeMap<(Timestamp, DeliveryId), Lane>,
    seen: HashSet<(usize, Arc<str>)>,
    seen_order: VecDeque<(Timestamp, (usize, Arc<str>))>,
    receipts: u64,
}

impl Queue {
    pub(crate) fn new(spec: QueueSpec) -> Self {
        Self {
            spec,
            messages: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeMap::new(),
            seen: HashSet::new(),
            seen_order: VecDeque::new(),
            receipts: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.messages.values().filter(|message| message.receipt > 0).count()
    }

    pub(crate) fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.messages.values().map(|message| &message.delivery)
    }

    /// Takes a message in. False where a FIFO queue has seen its event within five minutes.
    pub(crate) fn send(&mut self, delivery: Delivery, now: Timestamp) -> bool {
        if self.spec.fifo && !self.is_new(&delivery, now) {
            return false;
        }
        self.put(delivery);
        true
    }

    /// Puts a message at its place in its lane, visible once it is due.
    pub(crate) fn put(&mut self, delivery: Delivery) {
        let id = delivery.id;
        let lane = if self.spec.fifo {
            Lane::Group(Arc::from(delivery.event.correlation_id.as_str()))
        } else {
            Lane::Own(id)
        };
        self.lanes.entry(lane.clone()).or_default().order.insert(id);
        let (visible_at, received) = (delivery.due_at, delivery.attempts);
        let message = Message {
            delivery,
            lane: lane.clone(),
            visible_at,
            receipt: 0,
            received_at: visible_at,
            received,
        };
        self.messages.insert(id, message);
        self.place(&lane);
    }

    fn is_new(&mut self, delivery: &Delivery, now: Timestamp) -> bool {
        while self.seen_order.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.seen_order.pop_front() {
                self.seen.remove(&key);
            }
        }
        // A replay says that it is one: another message, which must not stand for its original.
        if delivery.event.replay.is_some() {
            return true;
        }
        let key = (delivery.route, Arc::from(delivery.event.event_id.as_str()));
        if self.seen.contains(&key) {
            return delivery.forced;
        }
        self.seen.insert(key.clone());
        self.seen_order.push_back((later(now, DEDUPLICATION_WINDOW), key));
        true
    }

    /// When there is something to receive.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.spec.consumer?;
        self.ready.first_key_value().map(|((at, _), _)| *at)
    }

    /// Hands out at most `max` messages, which stay invisible until they are settled or the
    /// visibility timeout has passed.
    pub(crate) fn receive(&mut self, now: Timestamp, max: usize) -> Vec<Received> {
        let mut batch = Vec::new();
        while batch.len() < max {
            let Some(entry) = self.ready.first_entry().filter(|entry| entry.key().0 <= now) else {
                break;
            };
            let lane = entry.remove();
            let ids = self.available(&lane, now, max - batch.len());
            for id in ids {
                batch.extend(self.hand_out(id, now));
            }
            self.place(&lane);
        }
        batch
    }

    /// The first messages of a lane, as far as all of them are visible.
    fn available(&mut self, lane: &Lane, now: Timestamp, max: usize) -> Vec<DeliveryId> {
        let Some(waiting) = self.lanes.get_mut(lane) else { return Vec::new() };
        waiting.at = None;
        // The visibility of what was in flight has run out: it is received again.
        waiting.in_flight.clear();
        let visible = |id: &&DeliveryId| {
            self.messages.get(id).is_some_and(|message| message.visible_at <= now)
        };
        waiting.order.iter().take_while(visible).take(max).copied().collect()
    }

    fn hand_out(&mut self, id: DeliveryId, now: Timestamp) -> Option<Received> {
        self.receipts += 1;
        let message = self.messages.get_mut(&id)?;
        message.receipt = self.receipts;
        message.received += 1;
        message.received_at = now;
        message.visible_at = later(now, self.spec.visibility);
        if let Some(waiting) = self.lanes.get_mut(&message.lane) {
            waiting.in_flight.insert(id);
        }
        let delivery = message.delivery.clone();
        Some(Received { delivery, receipt: message.receipt, attempt: message.received })
    }

    /// Takes a message out that `receipt` claims; none where its visibility has run out and it
    /// was received again. Its attempts are how often it was received;
    /// with it comes when it was last received.
    pub(crate) fn claim(&mut self, id: DeliveryId, receipt: u64) -> Option<(Delivery, Timestamp)> {
        if self.messages.get(&id)?.receipt != receipt {
            return None;
        }
        let mut message = self.messages.remove(&id)?;
        self.leave(id, &message.lane);
        message.delivery.attempts = message.received;
        Some((message.delivery, message.received_at))
    }

    /// Takes a message out that is not in flight.
    pub(crate) fn remove(&mut self, id: DeliveryId) -> Option<Delivery> {
        if self.messages.get(&id)?.receipt > 0 {
            return None;
        }
        let message = self.messages.remove(&id)?;
        self.leave(id, &message.lane);
        Some(message.delivery)
    }

    fn leave(&mut self, id: DeliveryId, lane: &Lane) {
        if let Some(waiting) = self.lanes.get_mut(lane) {
            waiting.order.remove(&id);
            waiting.in_flight.remove(&id);
        }
        self.place(lane);
    }

    /// Sets when a lane is ready: when its batch in flight becomes visible again, else when its
    /// first message is.
    fn place(&mut self, lane: &Lane) {
        let Some(waiting) = self.lanes.get_mut(lane) else { return };
        if let Some(at) = waiting.at.take() {
            self.ready.remove(&at);
        }
        let Some(head) = waiting.order.first().copied() else {
            self.lanes.remove(lane);
            return;
        };
        let visible_at = |id: &DeliveryId| self.messages.get(id).map(|message| message.visible_at);
        let at =
            waiting.in_flight.iter().filter_map(visible_at).max().or_else(|| visible_at(&head));
        let at = (at.unwrap_or(Timestamp::MAX), head);
        waiting.at = Some(at);
        self.ready.insert(at, lane.clone());
    }
}

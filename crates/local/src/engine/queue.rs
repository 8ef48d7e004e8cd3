//! A queue like an SQS standard queue with fair queueing. It has a visibility timeout, batches and
//! receive counts. The order of messages is not guaranteed, and the tenants take turns.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::retry::later;
use super::turns::Turns;
use super::{Delivery, DeliveryId, QueueSpec};

#[derive(Debug)]
struct Message {
    delivery: Delivery,
    visible_at: Timestamp,
    /// The number of the last receipt, with which the consumer may settle the message; 0 until a
    /// consumer receives the message.
    receipt: u64,
    received_at: Timestamp,
    received: u32,
}

/// A message that a consumer has received.
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
    /// When each message becomes visible. If several tenants have visible messages, the tenants
    /// take turns.
    visible: Turns,
    receipts: u64,
}

impl Queue {
    pub(crate) fn new(spec: QueueSpec) -> Self {
        Self { spec, messages: BTreeMap::new(), visible: Turns::default(), receipts: 0 }
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

    /// Adds a message, which becomes visible when it is due.
    pub(crate) fn put(&mut self, delivery: Delivery) {
        let (id, visible_at, received) = (delivery.id, delivery.due_at, delivery.attempts);
        self.visible.add(visible_at, id, delivery.event.tenant.as_ref());
        let message =
            Message { delivery, visible_at, receipt: 0, received_at: visible_at, received };
        self.messages.insert(id, message);
    }

    /// When the next message can be received; none if the queue has no consumer.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.spec.consumer?;
        self.visible.next_at()
    }

    /// Receives at most `max` messages, which stay invisible until they are settled or the
    /// visibility timeout has passed.
    pub(crate) fn receive(&mut self, now: Timestamp, max: usize) -> Vec<Received> {
        let due: Vec<DeliveryId> =
            std::iter::from_fn(|| self.visible.take(now)).take(max).collect();
        due.into_iter().filter_map(|id| self.hand_out(id, now)).collect()
    }

    fn hand_out(&mut self, id: DeliveryId, now: Timestamp) -> Option<Received> {
        self.receipts += 1;
        let message = self.messages.get_mut(&id)?;
        message.receipt = self.receipts;
        message.received += 1;
        message.received_at = now;
        message.visible_at = later(now, self.spec.visibility);
        self.visible.add(message.visible_at, id, message.delivery.event.tenant.as_ref());
        let delivery = message.delivery.clone();
        Some(Received { delivery, receipt: message.receipt, attempt: message.received })
    }

    /// Removes the message `id`, and returns it with the time at which it was last received. Sets
    /// the delivery's `attempts` to the message's receive count. Returns none if `receipt` is out
    /// of date: the visibility timeout passed, and the message was received again.
    pub(crate) fn claim(&mut self, id: DeliveryId, receipt: u64) -> Option<(Delivery, Timestamp)> {
        if self.messages.get(&id)?.receipt != receipt {
            return None;
        }
        let mut message = self.take(id)?;
        message.delivery.attempts = message.received;
        Some((message.delivery, message.received_at))
    }

    /// Removes the message `id`, and returns its delivery. Does nothing if a consumer has received
    /// the message, because the consumer may still settle the message.
    pub(crate) fn remove(&mut self, id: DeliveryId) -> Option<Delivery> {
        if self.messages.get(&id)?.receipt > 0 {
            return None;
        }
        self.take(id).map(|message| message.delivery)
    }

    fn take(&mut self, id: DeliveryId) -> Option<Message> {
        let message = self.messages.remove(&id)?;
        self.visible.remove(message.visible_at, id);
        Some(message)
    }
}

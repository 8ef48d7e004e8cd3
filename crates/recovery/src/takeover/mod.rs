//! A region takes over what another one left: its tables, without some of the items that were
//! written in the last seconds, and its archive, without some of the last events. Each item and
//! each event arrived, or not, by itself.
//!
//! A message whose record did not arrive is handled again, and one whose record did arrive is not.
//! Both are right only if the stored state fits the events. So the state of each order is computed
//! from the events in the archive and in the records: state that no event explains is deleted or
//! set back, and state that lacks the effect of an event gets it. The payment provider knows what
//! was charged, and the carrier knows which parcels left. After that, events are published again:
//! those of open orders, the latest ones, and those that a consumer is not known to have handled.
//!
//! No region may act while a [`Plan`] is made and applied. If that is interrupted, make and apply a
//! plan again.

mod carry_out;
mod delivery;
mod inventory;
mod known;
mod order;
mod payment;

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_events::table::TABLE;
use chorus_events::table::rows::{CancelDelivery, CancelPayment, UnreserveOrReturnItem};
use chorus_inventory::Reservation;
use chorus_kernel::{
    Entity, Failure, Found, Item, Key, Signal, Store, StoreError, Write, at_home, entity_key, load,
    machine_starts, record_key, recorded_events, signal_at_home, stream_key, text, torn,
};
use chorus_payment::{IntentState, ListedIntent, Payment, Refund};
use chorus_table::{Entry, Replay, Row, Via};
use jiff::Timestamp;
use serde::Serialize;

use crate::restored::tables_of;
use known::{KnownEvents, OrderEvents, Progress};

pub use carry_out::{ParcelCarrier, Repaired, Resumed, Standby, Takeover};
pub use inventory::{Recounted, count_again};

/// What a takeover is planned from: what arrived in the region that takes over, and what the
/// partners know.
pub struct TakeoverInput<'a> {
    pub store: &'a dyn Store,
    /// All items of [`chorus_kernel::IDEMPOTENCY_TABLE`].
    pub records: Vec<Item>,
    /// All items of Order's table.
    pub orders: Vec<Item>,
    /// All items of Inventory's table.
    pub inventory: Vec<Item>,
    /// The events that arrived in this region's archive.
    pub archived: Vec<Entry>,
    /// The payment provider's intents.
    pub intents: Vec<ListedIntent>,
    /// The orders of the carrier's parcels.
    pub parcels: BTreeSet<OrderId>,
    /// The region that takes over.
    pub region: String,
    /// Events from this moment on are published again, even if every consumer is known to have
    /// handled them.
    pub since: Timestamp,
}

impl std::fmt::Debug for TakeoverInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TakeoverInput").field("region", &self.region).finish_non_exhaustive()
    }
}

/// What a takeover does.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The orders that are known.
    #[serde(skip)]
    pub orders: BTreeSet<OrderId>,
    /// The orders that have not ended.
    pub open: BTreeSet<OrderId>,
    /// The orders that a partner knows and this region does not: their charges are refunded, and
    /// their parcels recalled.
    pub lost: BTreeSet<OrderId>,
    /// The orders that the other region had begun to cancel, or whose stock is gone: each is
    /// canceled by a command.
    pub cancels: BTreeSet<OrderId>,
    /// How many items are changed, records included.
    pub changed: usize,
    /// How many records are deleted, because an item of theirs did not arrive.
    pub torn: usize,
    /// The parcels to recall.
    pub recalls: BTreeSet<OrderId>,
    #[serde(skip)]
    pub writes: Vec<Write>,
    #[serde(skip)]
    pub refunds: Vec<Refund>,
    /// The events to publish, with this region as their home, oldest first.
    #[serde(skip)]
    pub events: Vec<Entry>,
    /// The state machines to start anew.
    #[serde(skip)]
    pub machines: Vec<Signal>,
}

impl Plan {
    /// Plans the takeover from what arrived in this region, and from what the partners know.
    ///
    /// # Errors
    /// If the store fails, or something stored cannot be read.
    pub async fn of(input: &TakeoverInput<'_>) -> Result<Self, Failure> {
        let events = KnownEvents::of(&input.archived, &input.records)?;
        let mut plan = Self::default();
        plan.forget_torn(input).await?;
        for order_id in order::ids(&input.orders, &events) {
            let order_events = events.about(&order_id);
            if !plan.repair(input, &order_id, &order_events).await? {
                plan.forget_state(input, &order_id).await?;
                plan.lost.insert(order_id);
            }
        }
        plan.reach_partners(input);
        plan.unreserve_lost(input)?;
        plan.forget_lost(input)?;
        plan.publish(input, &events)?;
        plan.restart(input)?;
        plan.changed = plan.writes.len();
        Ok(plan)
    }

    /// Makes the state of one order fit its events; returns false if there is no such order.
    async fn repair(
        &mut self,
        input: &TakeoverInput<'_>,
        order_id: &OrderId,
        order_events: &OrderEvents<'_>,
    ) -> Result<bool, Failure> {
        let has_parcel = input.parcels.contains(order_id);
        let Some(repaired) = order::repair(input.store, order_id, order_events).await? else {
            return Ok(false);
        };
        self.orders.insert(order_id.clone());
        let mut changes = repaired.writes;
        if repaired.was_canceled {
            self.cancels.insert(order_id.clone());
        }
        let intents: Vec<&ListedIntent> =
            input.intents.iter().filter(|it| it.order_id == *order_id).collect();
        let is = |state| intents.iter().any(|it| it.state == state);
        // An amount whose authorization has lapsed counts as held, too: the attempt to capture it
        // finds that it has lapsed.
        let held = is(IntentState::Held)
            || is(IntentState::Canceled)
                && !is(IntentState::Confirmed)
                && !is(IntentState::Refunded);
        let known = Progress::of(order_events, has_parcel, held);
        changes.extend(inventory::repair(input.store, &repaired.placed, known).await?);
        let (delivery, has_ended) =
            delivery::repair(input.store, &repaired.placed, (order_events, known)).await?;
        changes.extend(delivery);
        let paid =
            payment::repair(input.store, &repaired.placed, (order_events, &intents, known)).await?;
        changes.extend(paid.writes);
        self.refunds.extend(paid.refunds);
        if repaired.is_open {
            self.open.insert(order_id.clone());
            if paid.was_canceled {
                self.cancels.insert(order_id.clone());
            }
        }
        // If the effects of a row that undoes its part of a canceled order are missing, the record
        // of the row's earlier decision is deleted, so that the row decides again.
        if let Some(canceled) = order_events.canceled_by() {
            let released = inventory::is_released(input.store, &changes, order_id).await?;
            let again = [
                (UnreserveOrReturnItem::ACTION, !released),
                (CancelDelivery::ACTION, !has_ended),
                (CancelPayment::ACTION, !paid.is_canceled),
            ];
            let again = again.into_iter().filter(|(_, again)| *again);
            let key = |action| record_key(action, &canceled);
            changes.extend(again.map(|(action, _)| Write::Delete { key: key(action) }));
        }
        self.writes.extend(changes);
        Ok(true)
    }

    /// Deletes the later events and the payment of an order whose first event did not arrive.
    async fn forget_state(
        &mut self,
        input: &TakeoverInput<'_>,
        order_id: &OrderId,
    ) -> Result<(), Failure> {
        let stream = chorus_order::TABLE.name;
        let stored = chorus_kernel::stream(input.store, stream, order_id.as_str(), 1).await?;
        let events = stored.iter().map(|it| stream_key(stream, order_id.as_str(), it.version));
        let payment: Found<Payment> = load(input.store, order_id.clone()).await?;
        let payment = payment.map(|_| entity_key::<Payment>(order_id));
        self.writes.extend(events.chain(payment).map(|key| Write::Delete { key }));
        Ok(())
    }

    /// Deletes the records of transactions of which an item did not arrive, so that their messages
    /// are handled again.
    async fn forget_torn(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        let functions = chorus_services::described();
        for item in &input.records {
            let action = text(item, "sk").unwrap_or_default();
            let tables = tables_of(action, &functions);
            if let Ok(Some(torn)) = torn(input.store, &tables, item).await {
                self.torn += 1;
                self.writes.push(Write::Delete { key: torn.record });
            }
        }
        Ok(())
    }

    /// Refunds what was charged for orders that are unknown here, and recalls their parcels.
    fn reach_partners(&mut self, input: &TakeoverInput<'_>) {
        let lost = input.intents.iter().filter(|it| !self.orders.contains(&it.order_id));
        let lost: Vec<&ListedIntent> = lost.filter(|it| !it.is_over()).collect();
        let recalls: BTreeSet<OrderId> = input.parcels.difference(&self.orders).cloned().collect();
        self.lost.extend(lost.iter().map(|it| it.order_id.clone()));
        self.lost.extend(recalls.iter().cloned());
        self.refunds.extend(lost.into_iter().map(ListedIntent::refund));
        self.recalls = recalls;
    }

    /// Deletes the reservations of orders that are unknown here.
    fn unreserve_lost(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        for item in &input.inventory {
            if text(item, "sk") != Some(Reservation::KIND) {
                continue;
            }
            let reservation: Reservation = serde_dynamo::from_item(item.clone())
                .map_err(|error| Failure::corrupt("order", &error))?;
            let id = &reservation.order_id;
            if !self.orders.contains(id) {
                self.writes.push(Write::Delete { key: entity_key::<Reservation>(id) });
                self.lost.insert(id.clone());
            }
        }
        Ok(())
    }

    /// Deletes the records of orders that are unknown here: nothing consumes the events in them, and
    /// the sweeper must not start the state machines, which would go on with the order.
    fn forget_lost(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        for item in &input.records {
            let starts = machine_starts(item)?;
            let started = starts.iter().filter_map(started_for);
            let started: Vec<OrderId> = started.filter(|id| !self.orders.contains(id)).collect();
            let of_lost =
                |entry: &Entry| known::order_in(entry).is_some_and(|id| self.lost.contains(&id));
            let forgets = !started.is_empty() || recorded_events(item)?.iter().any(of_lost);
            self.lost.extend(started);
            if forgets && let (Some(action), Some(key)) = (text(item, "sk"), text(item, "pk")) {
                let key = record_key(action, key);
                self.writes.push(Write::Delete { key });
            }
        }
        Ok(())
    }

    /// Collects the events to publish: those of orders that have not ended, those that occurred at
    /// [`TakeoverInput::since`] or later, and those that a consumer is not known to have handled.
    fn publish(&mut self, input: &TakeoverInput<'_>, events: &KnownEvents) -> Result<(), Failure> {
        let deleted = self.writes.iter().filter(|it| matches!(it, Write::Delete { .. }));
        let deleted: BTreeSet<&Key> = deleted.map(Write::key).collect();
        let recorded: BTreeSet<(&str, &str)> = input
            .records
            .iter()
            .filter_map(|item| Some((text(item, "sk")?, text(item, "pk")?)))
            .filter(|(action, key)| !deleted.contains(&record_key(action, key)))
            .collect();
        let mut due = Vec::new();
        for event in events.all() {
            let order = event.order.as_ref();
            if order.is_some_and(|id| self.lost.contains(id)) {
                continue;
            }
            let is_open = order.is_some_and(|id| self.open.contains(id));
            let kind = event.entry.detail_type.as_str();
            let handled = consumers(kind).all(|action| recorded.contains(&(action, &*event.key)));
            if is_open || !handled || event.at >= input.since {
                due.push((event.at, at_home(&event.entry, &input.region)?));
            }
        }
        due.sort_by_key(|(at, _)| *at);
        self.events = due.into_iter().map(|(_, entry)| entry).collect();
        Ok(())
    }

    /// Collects the state machines of orders that have not ended.
    fn restart(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        for item in &input.records {
            for start in machine_starts(item)? {
                if started_for(&start).is_some_and(|id| self.open.contains(&id)) {
                    self.machines.push(signal_at_home(&start, &input.region));
                }
            }
        }
        Ok(())
    }

    /// Writes the changes. The stock is counted again after that.
    ///
    /// # Errors
    /// If the store fails: then make the plan again.
    pub async fn apply(&self, store: &dyn Store) -> Result<(), StoreError> {
        for write in &self.writes {
            store.write(std::slice::from_ref(write)).await?;
        }
        Ok(())
    }
}

/// Returns the order for which the signal starts a state machine.
fn started_for(start: &Signal) -> Option<OrderId> {
    let Signal::Start { input, .. } = start else { return None };
    input.pointer("/detail/metadata/correlation-id")?.as_str()?.parse().ok()
}

/// The actions that leave a record when they handle an event of this type.
fn consumers(kind: &str) -> impl Iterator<Item = &'static str> {
    let rows = TABLE.rows.iter().filter(|row| {
        let leaves_record = matches!(row.via, Via::Function | Via::Queue);
        leaves_record && row.replay != Replay::Folds
    });
    let kind = kind.to_owned();
    let rows = rows.filter(move |row| row.on.iter().any(|event| event.detail_type == kind));
    rows.map(|row| row.action)
}

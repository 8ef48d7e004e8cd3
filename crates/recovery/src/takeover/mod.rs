//! A region takes over from a region that failed. Items that the failed region wrote in its last
//! seconds, and its last events, may be missing in the region that takes over. Items and events are
//! replicated one by one, so one may be missing although later ones arrived.
//!
//! A message is handled again if its idempotency record did not arrive, and ignored if its record
//! arrived. This is correct only if the stored state fits the events. So the state of each order is
//! computed from the events in the archive and in the records. State that no event explains is
//! deleted or set back; state that lacks the effect of an event gets that effect. The charges are
//! read from the payment provider, and the parcels from the carrier. The records of messages that
//! had no effect are deleted, because the event that made an action ignore its message may be lost.
//! After that, three kinds of events are published again: the events of open orders, the latest
//! events, and the events that a consumer may not have handled.
//!
//! No region may be active while a [`Plan`] is made and applied. If planning or applying is
//! interrupted, make a new plan and apply it.

mod carry_out;
mod delivery;
mod inventory;
mod known;
mod notification;
mod order;
mod payment;
mod unmatched;

use std::collections::{BTreeMap, BTreeSet};

use chorus_delivery::Delivery;
use chorus_events::OrderId;
use chorus_events::table::TABLE;
use chorus_events::table::rows::{CancelDelivery, CancelPayment, UnreserveOrReturnItem};
use chorus_inventory::Reservation;
use chorus_kernel::{
    Entity, Failure, Found, IDEMPOTENCY_TABLE, Item, Key, Signal, Store, Write, at_home,
    entity_key, ignored_at, load, machine_starts, record_key, recorded_events, signal_at_home,
    stream_key, text, torn,
};
use chorus_payment::{IntentState, ListedIntent, Payment, Refund};
use chorus_table::{Entry, Replay, Row, Via};
use jiff::Timestamp;
use serde::Serialize;

use crate::restored::tables_of;
use known::{KnownEvents, OrderEvents, Progress};

pub use carry_out::{ParcelCarrier, Repaired, Resumed, Standby, Takeover};
pub use inventory::{Recounted, count_again};
pub use unmatched::{ActiveItems, Unmatched};

/// How many items [`Plan::apply`] writes before it checks again that its plan is the latest one.
const WRITES_BETWEEN_CHECKS: usize = 10;

/// The data from which a takeover is planned: the items and events that arrived in the region that
/// takes over, and the partners' lists of charges and parcels.
pub struct TakeoverInput<'a> {
    pub store: &'a dyn Store,
    /// All items of [`chorus_kernel::IDEMPOTENCY_TABLE`].
    pub records: Vec<Item>,
    /// All items of Order's table.
    pub orders: Vec<Item>,
    /// All items of Inventory's table.
    pub inventory: Vec<Item>,
    /// The items of Delivery's table.
    pub deliveries: Vec<Item>,
    /// The events that arrived in this region's archive.
    pub archived: Vec<Entry>,
    /// The payment intents that the payment provider lists.
    pub intents: Vec<ListedIntent>,
    /// The orders whose parcels the carrier has accepted.
    pub parcels: BTreeSet<OrderId>,
    /// The region that takes over.
    pub region: String,
    /// Events from this moment on are published again, even if every consumer is known to have
    /// handled them.
    pub since: Timestamp,
    /// Events before this moment are not published again: their consumers' idempotency records may
    /// have expired, so that nobody knows who handled them.
    pub recorded_since: Timestamp,
}

impl std::fmt::Debug for TakeoverInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TakeoverInput").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The changes that a takeover makes.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The orders that are known in this region.
    #[serde(skip)]
    pub orders: BTreeSet<OrderId>,
    /// The orders that have not ended.
    pub open: BTreeSet<OrderId>,
    /// The orders whose first event did not arrive in this region. Their charges are refunded, and
    /// their parcels are recalled.
    pub lost: BTreeSet<OrderId>,
    /// The orders that the failed region had begun to cancel. Each is canceled by a command.
    pub cancels: BTreeSet<OrderId>,
    /// The number of items to change, including idempotency records.
    pub changed: usize,
    /// The number of idempotency records to delete, because another item of their transaction did
    /// not arrive.
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
    /// The signals that start state machines again.
    #[serde(skip)]
    pub machines: Vec<Signal>,
}

impl Plan {
    /// Plans the takeover from the data that arrived in this region, and from the partners' lists.
    ///
    /// # Errors
    /// If the store fails, or a stored item cannot be read.
    pub async fn of(input: &TakeoverInput<'_>) -> Result<Self, Failure> {
        let mut plan = Self::default();
        plan.forget_torn(input).await?;
        plan.forget_ignored(input)?;
        let deleted = plan.writes.iter().map(|write| write.key().clone()).collect();
        let events = KnownEvents::of(&input.archived, &input.records, &deleted)?;
        let mut intents: BTreeMap<&OrderId, Vec<&ListedIntent>> = BTreeMap::new();
        for intent in &input.intents {
            intents.entry(&intent.order_id).or_default().push(intent);
        }
        for order_id in order::ids(&input.orders, &events) {
            let order_events = events.about(&order_id);
            let intents = intents.get(&order_id).map_or(&[][..], Vec::as_slice);
            if !plan.repair(input, &order_id, &order_events, intents).await? {
                plan.forget_state(input, &order_id).await?;
                plan.lost.insert(order_id);
            }
        }
        plan.reach_partners(input);
        plan.forget_unknown(input)?;
        plan.forget_lost(input)?;
        plan.publish(input, &events)?;
        plan.restart(input)?;
        plan.changed = plan.writes.len();
        Ok(plan)
    }

    /// Makes the state of one order fit its events. Returns false if the order's first event did
    /// not arrive.
    async fn repair(
        &mut self,
        input: &TakeoverInput<'_>,
        order_id: &OrderId,
        order_events: &OrderEvents<'_>,
        intents: &[&ListedIntent],
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
        let is = |state| intents.iter().any(|it| it.state == state);
        // An amount whose authorization has lapsed counts as held, too: the provider reports the
        // lapse when the capture is requested.
        let held = is(IntentState::Held)
            || is(IntentState::Canceled)
                && !is(IntentState::Confirmed)
                && !is(IntentState::Refunded);
        let known = Progress::of(order_events, has_parcel, held, repaired.was_canceled);
        changes.extend(inventory::repair(input.store, &repaired.placed, known).await?);
        changes.extend(notification::repair(input.store, &repaired.placed, known).await?);
        let (delivery, has_ended) =
            delivery::repair(input.store, &repaired.placed, order_events, known).await?;
        changes.extend(delivery);
        let paid =
            payment::repair(input.store, &repaired.placed, order_events, intents, known).await?;
        changes.extend(paid.writes);
        self.refunds.extend(paid.refunds);
        if repaired.is_open {
            self.open.insert(order_id.clone());
            // Without an event or a parcel that continues it, the order would stay open forever.
            let is_stuck = paid.is_stuck || !order_events.continue_order(known);
            // An order's items are released only after the order was canceled.
            if paid.was_canceled || known.released || is_stuck {
                self.cancels.insert(order_id.clone());
            }
        }
        // Three actions undo parts of a canceled order. If the effect of an action is missing, the
        // action's record is deleted, so that the action handles the cancellation again.
        for canceled in order_events.cancellations() {
            let released = inventory::is_released(input.store, &changes, order_id).await?;
            let again = [
                (UnreserveOrReturnItem::ACTION, !released),
                (CancelDelivery::ACTION, !has_ended),
                (CancelPayment::ACTION, !paid.is_canceled),
            ];
            for (action, _) in again.into_iter().filter(|(_, again)| *again) {
                let key = record_key(action, &canceled);
                if input.store.get(&key).await?.is_some() {
                    changes.push(Write::Delete { key });
                }
            }
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

    /// Deletes the record of each transaction that lacks an item, so that the transaction's message
    /// is handled again.
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

    /// Deletes the latest records of messages that an action ignored, if the action emits events. The
    /// action may have ignored its message because of an event that was lost, such as the order's
    /// cancellation. The message is then handled again, with the repaired state.
    fn forget_ignored(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        for item in &input.records {
            let action = text(item, "sk").and_then(|action| TABLE.row(action));
            let emits = action.is_some_and(|row| !row.emits.is_empty());
            if emits
                && ignored_at(item)?.is_some_and(|at| at >= input.since)
                && let Some(key) = Key::of(IDEMPOTENCY_TABLE.name, item)
            {
                self.writes.push(Write::Delete { key });
            }
        }
        Ok(())
    }

    /// Plans the refunds and the recalls of parcels for orders that are unknown in this region.
    fn reach_partners(&mut self, input: &TakeoverInput<'_>) {
        let unknown = Unmatched::unknown(&input.intents, &input.parcels, &self.orders);
        self.lost.extend(unknown.ids());
        self.refunds.extend(unknown.refunds);
        self.recalls = unknown.recalls;
    }

    /// Deletes the reservations and deliveries of orders that are unknown in this region. If the
    /// customer places such an order again, it gets new ones.
    fn forget_unknown(&mut self, input: &TakeoverInput<'_>) -> Result<(), Failure> {
        for (items, table, kind) in [
            (&input.inventory, chorus_inventory::TABLE.name, Reservation::KIND),
            (&input.deliveries, chorus_delivery::TABLE.name, Delivery::KIND),
        ] {
            for item in items.iter().filter(|item| text(item, "sk") == Some(kind)) {
                let corrupt = || Failure::corrupt(kind, &"it has no order id, or no key");
                let id = text(item, "order-id").and_then(|id| id.parse::<OrderId>().ok());
                let (Some(id), Some(key)) = (id, Key::of(table, item)) else {
                    return Err(corrupt());
                };
                if !self.orders.contains(&id) {
                    self.writes.push(Write::Delete { key });
                    self.lost.insert(id);
                }
            }
        }
        Ok(())
    }

    /// Deletes the idempotency records of lost orders. Otherwise the sweeper would publish the
    /// events and start the state machines in these records, and so continue the orders.
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

    /// Collects the events to publish. An event is published if its order has not ended, if it
    /// occurred at [`TakeoverInput::since`] or later, or if a consumer may not have handled it.
    /// Events of lost orders are left out, and events before [`TakeoverInput::recorded_since`].
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
            let is_lost = order.is_some_and(|id| self.lost.contains(id));
            if is_lost || event.at < input.recorded_since {
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

    /// Collects the signals that start the state machines of orders that have not ended.
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

    /// Writes the changes. Call [`count_again`] after that, to correct the counts of items. Calls
    /// `check` before the first write, from time to time between writes, and at the end.
    ///
    /// # Errors
    /// If the store fails: make a new plan then. Or if `check` fails, for example because another
    /// run has taken over meanwhile, so that this plan is out of date.
    pub async fn apply(
        &self,
        store: &dyn Store,
        check: impl AsyncFn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for writes in self.writes.chunks(WRITES_BETWEEN_CHECKS) {
            check().await?;
            for write in writes {
                store.write(std::slice::from_ref(write)).await?;
            }
        }
        check().await
    }
}

/// Returns the order for which the signal starts a state machine.
fn started_for(start: &Signal) -> Option<OrderId> {
    let Signal::Start { input, .. } = start else { return None };
    input.pointer("/detail/metadata/correlation-id")?.as_str()?.parse().ok()
}

/// The actions that leave an idempotency record when they handle an event of this type.
fn consumers(kind: &str) -> impl Iterator<Item = &'static str> {
    let rows = TABLE.rows.iter().filter(|row| {
        let leaves_record = matches!(row.via, Via::Function | Via::Queue);
        leaves_record && row.replay != Replay::Folds
    });
    let kind = kind.to_owned();
    let rows = rows.filter(move |row| row.on.iter().any(|event| event.detail_type == kind));
    rows.map(|row| row.action)
}

//! A region takes over what another one left: tables of which the last seconds are missing, each item
//! by itself, and an archive of events of which others are missing.
//!
//! A message whose record did not arrive is handled again, and one whose record did arrive is not.
//! Both are right only if the state fits the events. So the state of each order is computed from
//! the events that are known, by the archive or by a record: state that no event explains is set back,
//! and state that is behind its events is brought up to them. What was charged is asked of
//! the payment provider, and which parcels left is asked of the carrier. After that, every event is
//! published once more.
//!
//! Nothing may act while a [`Plan`] is made and applied. Applied in part, it can be made and applied
//! again.

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
    Entity, Failure, Item, Key, Signal, Store, StoreError, Write, at_home, entity_key,
    machine_starts, record_key, recorded_events, signal_at_home, text, torn,
};
use chorus_payment::{IntentState, ListedIntent, Refund};
use chorus_table::{Entry, Replay, Row, Via};
use jiff::Timestamp;
use serde::Serialize;

use crate::restored::tables_of;
use known::{Facts, KnownEvents, Progress};

pub use inventory::release_oversold;

/// What the region that takes over has, and what the partners know.
pub struct Left<'a> {
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

impl std::fmt::Debug for Left<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Left").field("region", &self.region).finish_non_exhaustive()
    }
}

/// What a takeover does.
#[derive(Debug, Default, Serialize)]
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
    /// The orders that the other region had begun to cancel, or whose stock is gone: each is canceled by
    /// a command.
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
    /// Decides what follows from what was left.
    ///
    /// # Errors
    /// If the store fails, or something stored cannot be read.
    pub async fn of(left: &Left<'_>) -> Result<Self, Failure> {
        let events = KnownEvents::of(&left.archived, &left.records)?;
        let mut plan = Self::default();
        plan.forget_torn(left).await?;
        for order_id in order::ids(&left.orders, &events) {
            let facts = events.about(&order_id);
            if !plan.mend(left, &order_id, &facts).await? {
                plan.lost.insert(order_id);
            }
        }
        plan.reach_partners(left);
        plan.unreserve_lost(left)?;
        plan.forget_lost(left)?;
        plan.publish(left, &events)?;
        plan.restart(left)?;
        plan.changed = plan.writes.len();
        Ok(plan)
    }

    /// Makes the state of one order fit its events; returns false if there is no such order.
    async fn mend(
        &mut self,
        left: &Left<'_>,
        order_id: &OrderId,
        facts: &Facts<'_>,
    ) -> Result<bool, Failure> {
        let has_parcel = left.parcels.contains(order_id);
        let Some(mended) = order::mend(left.store, order_id, facts).await? else {
            return Ok(false);
        };
        self.orders.insert(order_id.clone());
        let mut changes = mended.writes;
        if mended.was_canceled {
            self.cancels.insert(order_id.clone());
        }
        let intents: Vec<&ListedIntent> =
            left.intents.iter().filter(|it| it.order_id == *order_id).collect();
        let held = intents.iter().any(|it| it.state == IntentState::Held);
        let known = Progress::of(facts, has_parcel, held);
        changes.extend(inventory::mend(left.store, &mended.placed, known).await?);
        let (delivery, has_ended) =
            delivery::mend(left.store, &mended.placed, (facts, known)).await?;
        changes.extend(delivery);
        let paid = payment::mend(left.store, &mended.placed, (facts, &intents, known)).await?;
        changes.extend(paid.writes);
        self.refunds.extend(paid.refunds);
        if mended.is_open {
            self.open.insert(order_id.clone());
            if paid.was_canceled {
                self.cancels.insert(order_id.clone());
            }
        }
        // What undoes an order decides again unless all of its effects are there.
        if let Some(canceled) = facts.canceled_by() {
            let released = inventory::is_released(left.store, &changes, order_id).await?;
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

    /// Deletes the records of transactions of which an item did not arrive, so that their messages are
    /// handled again.
    async fn forget_torn(&mut self, left: &Left<'_>) -> Result<(), Failure> {
        let functions = chorus_services::described();
        for item in &left.records {
            let action = text(item, "sk").unwrap_or_default();
            let tables = tables_of(action, &functions);
            if let Ok(Some(torn)) = torn(left.store, &tables, item).await {
                self.torn += 1;
                self.writes.push(Write::Delete { key: torn.record });
            }
        }
        Ok(())
    }

    /// Refunds what was charged for orders that are unknown here, and recalls their parcels.
    fn reach_partners(&mut self, left: &Left<'_>) {
        let lost = left.intents.iter().filter(|it| !self.orders.contains(&it.order_id));
        let lost: Vec<&ListedIntent> = lost.filter(|it| !it.is_over()).collect();
        let recalls: BTreeSet<OrderId> = left.parcels.difference(&self.orders).cloned().collect();
        self.lost.extend(lost.iter().map(|it| it.order_id.clone()));
        self.lost.extend(recalls.iter().cloned());
        self.refunds.extend(lost.into_iter().map(ListedIntent::refund));
        self.recalls = recalls;
    }

    /// Deletes the reservations of orders that are unknown here.
    fn unreserve_lost(&mut self, left: &Left<'_>) -> Result<(), Failure> {
        for item in &left.inventory {
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

    /// Deletes the records with events of orders that are unknown here: nothing consumes these.
    fn forget_lost(&mut self, left: &Left<'_>) -> Result<(), Failure> {
        for item in &left.records {
            let of_lost =
                |entry: &Entry| known::order_in(entry).is_some_and(|id| self.lost.contains(&id));
            if recorded_events(item)?.iter().any(of_lost)
                && let (Some(action), Some(key)) = (text(item, "sk"), text(item, "pk"))
            {
                let key = record_key(action, key);
                self.writes.push(Write::Delete { key });
            }
        }
        Ok(())
    }

    /// Collects the events to publish: those of orders that have not ended, those since the moment, and
    /// those that a consumer is not known to have handled.
    fn publish(&mut self, left: &Left<'_>, events: &KnownEvents) -> Result<(), Failure> {
        let deleted = self.writes.iter().filter(|it| matches!(it, Write::Delete { .. }));
        let deleted: BTreeSet<&Key> = deleted.map(Write::key).collect();
        let there: BTreeSet<(&str, &str)> = left
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
            let handled = consumers(kind).all(|action| there.contains(&(action, &*event.key)));
            if is_open || !handled || event.at >= left.since {
                due.push((event.at, at_home(&event.entry, &left.region)?));
            }
        }
        due.sort_by_key(|(at, _)| *at);
        self.events = due.into_iter().map(|(_, entry)| entry).collect();
        Ok(())
    }

    /// Collects the state machines of orders that have not ended.
    fn restart(&mut self, left: &Left<'_>) -> Result<(), Failure> {
        for item in &left.records {
            for start in machine_starts(item)? {
                let Signal::Start { input, .. } = &start else { continue };
                let about = input.pointer("/detail/metadata/correlation-id");
                let about = about.and_then(serde_json::Value::as_str).unwrap_or_default();
                if about.parse::<OrderId>().is_ok_and(|id| self.open.contains(&id)) {
                    self.machines.push(signal_at_home(&start, &left.region));
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

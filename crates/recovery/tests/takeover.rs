//! A takeover: the state of an order is brought to what its events say, whatever of it did arrive.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use chorus_events::facts::{ItemRemoved, ItemReserved, OrderCanceled, OrderCreated, PaymentMade};
use chorus_events::{OrderId, samples};
use chorus_inventory::{Reservation, Status};
use chorus_kernel::testing::{metadata, now};
use chorus_kernel::{
    Entity, Found, IDEMPOTENCY_TABLE, MemoryStore, Store, create, derived_id, load,
};
use chorus_order::{Order, Placed};
use chorus_payment::{IntentId, IntentState, ListedIntent, Payment};
use chorus_recovery::takeover::{Left, Plan};
use chorus_table::{Detail, Entry, Event, Metadata};

/// What arrived in the second region.
struct Arrived {
    store: MemoryStore,
    archived: Vec<Entry>,
    intents: Vec<ListedIntent>,
}

impl Arrived {
    fn new() -> Self {
        let tables = [
            IDEMPOTENCY_TABLE,
            chorus_order::TABLE,
            chorus_inventory::TABLE,
            chorus_payment::TABLE,
            chorus_delivery::TABLE,
            chorus_delivery::CARRIER_WAIT_TABLE,
        ];
        Self { store: MemoryStore::new(&tables), archived: Vec::new(), intents: Vec::new() }
    }

    fn event<E: Event>(mut self, event: &E) -> Self {
        let (source, detail_type) = (E::SPEC.owner.source().to_owned(), E::SPEC.detail_type);
        let id = derived_id(detail_type, event.subject(), 0);
        let metadata = Metadata {
            event_id: id,
            idempotency_key: id.simple().to_string(),
            correlation_id: event.subject().to_owned(),
            home_region: Some("first".to_owned()),
            version: E::SPEC.version,
            ..metadata()
        };
        let detail = serde_json::to_string(&Detail { metadata, data: event }).unwrap();
        self.archived.push(Entry { source, detail_type: detail_type.to_owned(), detail });
        self
    }

    fn stored<E: Entity>(self, entity: &E) -> Self {
        now(self.store.write(&[create(entity)])).unwrap();
        self
    }

    fn intent(mut self, order_id: OrderId, state: IntentState) -> Self {
        self.intents.push(ListedIntent { intent: IntentId("i1".to_owned()), order_id, state });
        self
    }

    /// Plans the takeover, and writes its changes.
    fn taken_over(&self) -> Plan {
        let left = Left {
            store: &self.store,
            records: self.store.all(IDEMPOTENCY_TABLE.name),
            orders: self.store.all(chorus_order::TABLE.name),
            inventory: self.store.all(chorus_inventory::TABLE.name),
            archived: self.archived.clone(),
            intents: self.intents.clone(),
            parcels: BTreeSet::new(),
            region: "second".to_owned(),
            since: metadata().occurred_at,
        };
        let plan = now(Plan::of(&left)).unwrap();
        now(plan.apply(&self.store)).unwrap();
        plan
    }

    fn reservation(&self) -> Option<Status> {
        let found: Found<Reservation> = now(load(&self.store, samples::order_id())).unwrap();
        found.map(|it| it.value.status)
    }
}

fn reserved(status: Status) -> Reservation {
    Reservation { order_id: samples::order_id(), status, lines: samples::lines() }
}

#[test]
fn an_order_whose_events_arrived_and_whose_items_did_not_is_as_far_as_its_events() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&ItemReserved::sample())
        .event(&ItemRemoved::sample());
    let plan = arrived.taken_over();
    assert_eq!(arrived.reservation(), Some(Status::Removed));
    let order = now(load::<chorus_kernel::Folded<Order>>(&arrived.store, samples::order_id()));
    let placed: Placed = order.unwrap().state.0.unwrap();
    assert_eq!(placed.status, chorus_order::Status::Open);
    assert!(plan.open.contains(&samples::order_id()) && plan.lost.is_empty());
}

#[test]
fn state_that_no_event_explains_is_set_back() {
    let arrived = Arrived::new().event(&OrderCreated::sample()).stored(&reserved(Status::Removed));
    arrived.taken_over();
    assert_eq!(arrived.reservation(), None);
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&ItemReserved::sample())
        .stored(&reserved(Status::Removed));
    arrived.taken_over();
    assert_eq!(arrived.reservation(), Some(Status::Reserved));
}

#[test]
fn every_event_gets_the_region_as_its_home_and_keeps_its_id() {
    let arrived = Arrived::new().event(&OrderCreated::sample()).event(&ItemReserved::sample());
    let plan = arrived.taken_over();
    assert_eq!(plan.events.len(), 2);
    let mut published: Vec<&str> = plan.events.iter().map(|event| &*event.detail).collect();
    let moved = |event: &Entry| {
        event.detail.replace(r#""home-region":"first""#, r#""home-region":"second""#)
    };
    let mut expected: Vec<String> = arrived.archived.iter().map(moved).collect();
    published.sort_unstable();
    expected.sort_unstable();
    assert_eq!(published, expected);
}

#[test]
fn a_second_takeover_finds_nothing_to_change() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&ItemReserved::sample())
        .event(&PaymentMade::sample())
        .intent(samples::order_id(), IntentState::Confirmed)
        .stored(&reserved(Status::Released));
    assert!(arrived.taken_over().changed > 0);
    assert_eq!(arrived.taken_over().changed, 0);
}

#[test]
fn what_was_charged_for_an_order_that_did_not_arrive_is_refunded() {
    let arrived = Arrived::new()
        .intent(samples::order_id(), IntentState::Confirmed)
        .stored(&reserved(Status::Reserved));
    let plan = arrived.taken_over();
    assert_eq!(plan.refunds.len(), 1);
    assert!(plan.lost.contains(&samples::order_id()));
    assert_eq!(arrived.reservation(), None, "its pieces are back");
}

#[test]
fn an_order_that_the_other_region_had_refunded_is_canceled() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .intent(samples::order_id(), IntentState::Refunded);
    let plan = arrived.taken_over();
    assert!(plan.cancels.contains(&samples::order_id()));
    let canceled = arrived.event(&OrderCanceled::sample());
    assert!(canceled.taken_over().cancels.is_empty(), "its cancellation arrived");
}

#[test]
fn a_charge_whose_result_did_not_arrive_is_asked_for_again() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .intent(samples::order_id(), IntentState::Confirmed);
    arrived.taken_over();
    let found: Found<Payment> = now(load(&arrived.store, samples::order_id())).unwrap();
    let payment = found.unwrap().value;
    assert_eq!(payment.status, chorus_payment::Status::Charging);
    assert_eq!((payment.intent, payment.charged_by), (Some(IntentId("i1".to_owned())), None));
}

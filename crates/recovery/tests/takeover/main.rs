//! A takeover makes the stored state of an order fit its events, even if only a part of the state
//! reached the region that takes over.
#![allow(clippy::unwrap_used)]

mod stuck;

use std::collections::BTreeSet;

use chorus_delivery::{CarrierCallback, Delivery, Status as DeliveryStatus};
use chorus_events::customer::CustomerUpdated;
use chorus_events::facts::{
    CaptureFailed, CustomerDescribed, Delivered, DeliveryCanceled, DeliveryEstimated,
    DeliveryWasCanceled, DeliveryWasDelivered, ErrorPaymentCanceled, ItemRemoved, ItemReserved,
    ItemReturned, OrderCanceled, OrderCreated, PaymentAuthorized, PaymentCanceled, PaymentFailed,
    PaymentMade,
};
use chorus_events::{Money, OrderId, samples};
use chorus_inventory::{Reservation, Status};
use chorus_kernel::testing::{expect_ready, metadata};
use chorus_kernel::{
    Entity, Failure, Found, IDEMPOTENCY_TABLE, MemoryStore, Signal, Store, Write, create,
    derived_id, load, record_key,
};
use chorus_notification::{Contact, Correspondence};
use chorus_order::{Order, Placed};
use chorus_payment::{IntentId, IntentState, ListedIntent, Payment, ReviewCallback};
use chorus_recovery::takeover::{ActiveItems, Plan, TakeoverInput, Unmatched};
use chorus_table::{Detail, Entry, Event, Metadata};
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::AttributeValue;
use serde_json::json;

/// The data that arrived in the second region, and the intents that the provider lists.
struct Arrived {
    store: MemoryStore,
    archived: Vec<Entry>,
    intents: Vec<ListedIntent>,
    recorded_since: Timestamp,
}

impl Arrived {
    fn new() -> Self {
        let tables = [
            IDEMPOTENCY_TABLE,
            chorus_order::TABLE,
            chorus_inventory::TABLE,
            chorus_payment::TABLE,
            chorus_payment::REVIEW_WAIT_TABLE,
            chorus_delivery::TABLE,
            chorus_delivery::CARRIER_WAIT_TABLE,
            chorus_notification::TABLE,
        ];
        let (store, archived, intents) = (MemoryStore::new(&tables), Vec::new(), Vec::new());
        Self { store, archived, intents, recorded_since: Timestamp::MIN }
    }

    fn event<E: Event>(mut self, event: &E) -> Self {
        let (source, detail_type) = (E::SPEC.owner.source().to_owned(), E::SPEC.detail_type);
        let metadata = Metadata {
            event_id: derived_id(detail_type, event.subject(), 0),
            idempotency_key: key_of(event),
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
        expect_ready(self.store.write(&[create(entity)])).unwrap();
        self
    }

    /// Stores the record of `action` for the message with this idempotency key. The record has no
    /// events.
    fn handled(self, action: &str, idempotency_key: &str, signals: &[Signal]) -> Self {
        let key = record_key(action, idempotency_key);
        let mut item = key.to_item();
        let mut set = |name: &str, text| item.insert(name.to_owned(), AttributeValue::S(text));
        set("fingerprint", "a-fingerprint".to_owned());
        set("signals", json!(signals).to_string());
        expect_ready(self.store.write(&[Write::Put { key, item, condition: None }])).unwrap();
        self
    }

    fn intent(mut self, order_id: OrderId, state: IntentState) -> Self {
        let intent = IntentId(format!("i{}", self.intents.len() + 1));
        self.intents.push(ListedIntent { intent, order_id, state });
        self
    }

    fn planned(&self) -> Plan {
        let input = TakeoverInput {
            store: &self.store,
            records: self.store.all(IDEMPOTENCY_TABLE.name),
            orders: self.store.all(chorus_order::TABLE.name),
            inventory: self.store.all(chorus_inventory::TABLE.name),
            deliveries: self.store.all(chorus_delivery::TABLE.name),
            archived: self.archived.clone(),
            intents: self.intents.clone(),
            parcels: BTreeSet::new(),
            region: "second".to_owned(),
            since: metadata().occurred_at,
            recorded_since: self.recorded_since,
        };
        expect_ready(Plan::of(&input)).unwrap()
    }

    /// Plans the takeover, and writes its changes.
    fn taken_over(&self) -> Plan {
        let plan = self.planned();
        expect_ready(plan.apply(&self.store, async || Ok(()))).unwrap();
        plan
    }

    /// Takes over only the orders. Returns the charges and the carrier's `parcels` that do not fit
    /// the orders.
    fn unmatched(&self, parcels: &BTreeSet<OrderId>) -> Unmatched {
        let plan = self.planned();
        let orders =
            plan.writes.iter().filter(|write| write.key().table == chorus_order::TABLE.name);
        for write in orders {
            expect_ready(self.store.write(std::slice::from_ref(write))).unwrap();
        }
        let active = ActiveItems {
            orders: self.store.all(chorus_order::TABLE.name),
            deliveries: self.store.all(chorus_delivery::TABLE.name),
            callbacks: self.store.all(chorus_delivery::CARRIER_WAIT_TABLE.name),
        };
        Unmatched::among(&self.intents, parcels, &active).unwrap()
    }

    fn reservation(&self) -> Option<Status> {
        let found: Found<Reservation> =
            expect_ready(load(&self.store, samples::order_id())).unwrap();
        found.map(|it| it.value.status)
    }
}

/// The idempotency key of an event of [`Arrived`].
fn key_of<E: Event>(event: &E) -> String {
    derived_id(E::SPEC.detail_type, event.subject(), 0).simple().to_string()
}

/// The signal that starts the state machine of the order's payment.
fn start_of_machine(order_id: &OrderId) -> Signal {
    Signal::Start {
        machine: "CollectPayment".to_owned(),
        name: "an-execution".to_owned(),
        input: json!({ "detail": { "metadata": { "correlation-id": order_id } } }),
    }
}

fn delivery(status: DeliveryStatus) -> Delivery {
    Delivery { status, ..Delivery::tombstone(samples::order_id(), "") }
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
    let order =
        expect_ready(load::<chorus_kernel::Folded<Order>>(&arrived.store, samples::order_id()));
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

/// Without a record, it is unknown who handled an old event. Published again, it would send its
/// emails a second time.
#[test]
fn an_event_whose_records_may_have_expired_is_not_published_again() {
    let mut arrived = Arrived::new().event(&OrderCreated::sample()).event(&ItemReserved::sample());
    let event_time = metadata().occurred_at;
    arrived.recorded_since = event_time;
    assert_eq!(arrived.planned().events.len(), 2);
    arrived.recorded_since = event_time + SignedDuration::from_secs(1);
    let plan = arrived.planned();
    assert_eq!(plan.events, []);
    assert!(plan.open.contains(&samples::order_id()), "the order is known all the same");
}

/// Another run of the takeover may begin while this one writes.
#[test]
fn a_plan_that_is_out_of_date_is_not_applied() {
    let arrived = Arrived::new().event(&OrderCreated::sample()).stored(&reserved(Status::Removed));
    let plan = arrived.planned();
    let out_of_date = || Failure::Terminal { code: "AnotherRun", message: String::new() };
    let check = async || Err(out_of_date());
    let failure = expect_ready(plan.apply(&arrived.store, check)).unwrap_err();
    assert_eq!((failure.code(), arrived.reservation()), ("AnotherRun", Some(Status::Removed)));
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
fn no_state_machine_of_an_order_that_did_not_arrive_is_started_by_the_sweeper() {
    let started = [start_of_machine(&samples::order_id())];
    let arrived = Arrived::new().handled("CollectPayment", "a-key", &started);
    let plan = arrived.taken_over();
    assert!(plan.lost.contains(&samples::order_id()) && plan.machines.is_empty());
    assert!(arrived.store.all(IDEMPOTENCY_TABLE.name).is_empty());

    let arrived = Arrived::new().event(&OrderCreated::sample()).event(&ItemReserved::sample());
    let plan = arrived.handled("CollectPayment", "a-key", &started).taken_over();
    assert!(plan.lost.is_empty());
    assert_eq!(plan.machines.len(), 1, "the machine of an open order goes on");
}

#[test]
fn later_events_of_an_order_whose_first_one_did_not_arrive_are_deleted() {
    let arrived = Arrived::new().stored(&Payment::new(samples::order_id()));
    let canceled = OrderCanceled::sample();
    let later = chorus_kernel::append::<Order, _>(2, metadata().occurred_at, &canceled).unwrap();
    expect_ready(arrived.store.write(&[later])).unwrap();
    assert!(arrived.taken_over().lost.contains(&samples::order_id()));
    assert!(arrived.store.all(chorus_order::TABLE.name).is_empty());
    assert!(arrived.store.all(chorus_payment::TABLE.name).is_empty());
    assert_eq!(arrived.taken_over().changed, 0);
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
fn an_order_that_was_lost_refunded_and_placed_again_is_paid_by_its_later_intent() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&ItemReserved::sample())
        .event(&PaymentMade::sample())
        .intent(samples::order_id(), IntentState::Refunded)
        .intent(samples::order_id(), IntentState::Confirmed);
    let plan = arrived.taken_over();
    assert!(plan.cancels.is_empty() && plan.refunds.is_empty());
    let payment: Found<Payment> = expect_ready(load(&arrived.store, samples::order_id())).unwrap();
    let payment = payment.unwrap().value;
    assert_eq!(payment.intent, Some(IntentId("i2".to_owned())));
    assert_eq!(payment.status, chorus_payment::Status::Charged);
}

#[test]
fn a_refund_that_failed_after_it_was_made_is_not_taken_for_one_that_was_made() {
    use chorus_payment::Status::{RefundRefused, Refunded, Refunding};
    for (provider, was_alerted, status) in [
        (IntentState::Confirmed, true, RefundRefused),
        (IntentState::Confirmed, false, Refunding),
        (IntentState::Refunded, false, Refunded),
    ] {
        let payment = Payment {
            status: RefundRefused,
            intent: Some(IntentId("i1".to_owned())),
            amount: Some(samples::total()),
            charged: samples::total(),
            ..Payment::new(samples::order_id())
        };
        let arrived = Arrived::new()
            .event(&OrderCreated::sample())
            .event(&OrderCanceled::sample())
            .event(&PaymentCanceled::sample())
            .intent(samples::order_id(), provider)
            .stored(&payment);
        let arrived =
            if was_alerted { arrived.event(&ErrorPaymentCanceled::sample()) } else { arrived };
        arrived.taken_over();
        let found: Found<Payment> =
            expect_ready(load(&arrived.store, samples::order_id())).unwrap();
        let payment = found.unwrap().value;
        let refunded = if status == Refunded { samples::total() } else { Money::ZERO };
        assert_eq!((payment.status, payment.refunded), (status, refunded), "{provider:?}");
    }
}

#[test]
fn an_amount_that_the_bank_holds_no_longer_is_to_be_captured_so_that_somebody_learns_of_it() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&ItemReserved::sample())
        .event(&ItemRemoved::sample())
        .intent(samples::order_id(), IntentState::Canceled);
    let plan = arrived.taken_over();
    assert!(plan.cancels.is_empty());
    let found: Found<Payment> = expect_ready(load(&arrived.store, samples::order_id())).unwrap();
    let payment = found.unwrap().value;
    assert_eq!(payment.status, chorus_payment::Status::Authorized);
    assert_eq!(payment.intent, Some(IntentId("i1".to_owned())));
}

#[test]
fn a_failed_capture_is_requested_again_only_if_its_event_did_not_arrive() {
    let arrived = |removed: bool| {
        let failed = Payment {
            status: chorus_payment::Status::CaptureFailed,
            intent: Some(IntentId("i1".to_owned())),
            ..Payment::new(samples::order_id())
        };
        let arrived = Arrived::new()
            .event(&OrderCreated::sample())
            .event(&PaymentAuthorized::sample())
            .intent(samples::order_id(), IntentState::Canceled)
            .stored(&failed);
        if removed { arrived.event(&ItemRemoved::sample()) } else { arrived }
    };
    let status = |arrived: &Arrived| {
        arrived.taken_over();
        let found: Found<Payment> =
            expect_ready(load(&arrived.store, samples::order_id())).unwrap();
        found.unwrap().value.status
    };
    for removed in [false, true] {
        assert_eq!(status(&arrived(removed)), chorus_payment::Status::Authorized);
        let with_event = arrived(removed).event(&CaptureFailed::sample());
        assert_eq!(status(&with_event), chorus_payment::Status::CaptureFailed);
    }
}

#[test]
fn a_notice_about_the_refund_of_a_canceled_order_waits_until_the_refund_is_requested_again() {
    let paid = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&PaymentMade::sample())
        .intent(samples::order_id(), IntentState::Confirmed);
    let status = |arrived: &Arrived| {
        arrived.taken_over();
        let found: Found<Payment> =
            expect_ready(load(&arrived.store, samples::order_id())).unwrap();
        found.unwrap().value.status
    };
    assert_eq!(status(&paid), chorus_payment::Status::Charged);
    let canceled = paid.event(&OrderCanceled::sample());
    assert_eq!(status(&canceled), chorus_payment::Status::Refunding);
    let to_be_canceled = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&PaymentMade::sample())
        .event(&DeliveryWasCanceled::sample())
        .intent(samples::order_id(), IntentState::Confirmed);
    assert_eq!(status(&to_be_canceled), chorus_payment::Status::Refunding);
}

#[test]
fn a_charge_whose_result_did_not_arrive_is_asked_for_again() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .intent(samples::order_id(), IntentState::Confirmed);
    arrived.taken_over();
    let found: Found<Payment> = expect_ready(load(&arrived.store, samples::order_id())).unwrap();
    let payment = found.unwrap().value;
    assert_eq!(payment.status, chorus_payment::Status::Charging);
    assert_eq!((payment.intent, payment.charged_by), (Some(IntentId("i1".to_owned())), None));
}

#[test]
fn an_order_whose_items_were_returned_is_canceled_again() {
    let returned = Arrived::new().event(&OrderCreated::sample()).event(&ItemReturned::sample());
    assert_eq!(returned.taken_over().cancels, BTreeSet::from([samples::order_id()]));
}

#[test]
fn an_order_whose_earlier_emails_were_lost_has_a_recipient_for_the_next_one() {
    let contact = Contact::from(&CustomerUpdated::sample());
    let recipient = |arrived: Arrived| {
        arrived.taken_over();
        let found: Found<Correspondence> =
            expect_ready(load(&arrived.store, samples::order_id())).unwrap();
        found.map(|it| it.value)
    };
    let removed = || Arrived::new().event(&OrderCreated::sample()).event(&ItemRemoved::sample());
    let (order_id, customer_id) = (samples::order_id(), samples::customer_id());
    let with_address = Correspondence::with(&order_id, &contact);
    assert_eq!(recipient(removed().stored(&contact)), Some(with_address.clone()));
    let without_address = Correspondence::without_address(&order_id, &customer_id);
    assert_eq!(recipient(removed()), Some(without_address));
    let stored = removed().stored(&with_address);
    assert_eq!(recipient(stored), Some(with_address), "what is stored stays");
    let placed = Arrived::new().event(&OrderCreated::sample()).stored(&contact);
    assert_eq!(recipient(placed), None, "the events to come name the customer");
}

#[test]
fn the_partners_undo_only_their_part_in_orders_that_are_unknown() {
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .stored(&delivery(DeliveryStatus::Started))
        .intent(samples::order_id(), IntentState::Confirmed)
        .intent("lost".parse().unwrap(), IntentState::Confirmed)
        .intent("over".parse().unwrap(), IntentState::Refunded);
    let parcels = BTreeSet::from([samples::order_id(), "shipped".parse().unwrap()]);
    let unmatched = arrived.unmatched(&parcels);
    let refunded: Vec<&str> = unmatched.refunds.iter().map(|it| it.order_id.as_str()).collect();
    assert_eq!((refunded, unmatched.recalls.len()), (vec!["lost"], 1));
    assert_eq!(unmatched.ids().map(|id| id.to_string()).collect::<Vec<_>>(), ["lost", "shipped"]);
    assert_eq!(unmatched.cancels, BTreeSet::new());
}

#[test]
fn an_order_whose_parcel_only_the_failed_region_handed_in_is_canceled() {
    let parcels = BTreeSet::from([samples::order_id()]);
    let canceled = |arrived: Arrived| {
        let unmatched = arrived.event(&OrderCreated::sample()).unmatched(&parcels);
        assert_eq!(unmatched.recalls, unmatched.cancels);
        unmatched.cancels == parcels
    };
    let callback = CarrierCallback::of(samples::order_id(), "");
    assert!(canceled(Arrived::new()));
    assert!(canceled(Arrived::new().stored(&delivery(DeliveryStatus::Estimated))));
    // No callback is stored: the delivery was canceled before this region handed in the parcel, so
    // this region did not recall the parcel.
    assert!(canceled(Arrived::new().stored(&delivery(DeliveryStatus::Canceled))));
    assert!(!canceled(Arrived::new().stored(&delivery(DeliveryStatus::Delivered))));
    let canceled_later = Arrived::new().stored(&delivery(DeliveryStatus::Canceled));
    assert!(!canceled(canceled_later.stored(&callback)));
}

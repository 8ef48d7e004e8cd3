//! Orders that nothing would continue after a takeover.

use super::*;

/// No event of this order would be published again, so it would stay open forever.
#[test]
fn an_order_of_which_no_event_arrived_is_canceled() {
    let arrived = Arrived::new();
    let (placed_at, created) = (metadata().occurred_at, OrderCreated::sample());
    let placed = chorus_kernel::append::<Order, _>(1, placed_at, &created).unwrap();
    expect_ready(arrived.store.write(&[placed])).unwrap();
    assert!(arrived.planned().cancels.contains(&samples::order_id()));
    let known = arrived.event(&ItemReserved::sample());
    assert!(known.planned().cancels.is_empty(), "the item is described next");
}

/// With the delivery of the lost order, Delivery would estimate nothing for an order that the
/// customer places again under the same id.
#[test]
fn the_delivery_of_an_order_that_did_not_arrive_is_deleted() {
    let arrived = Arrived::new().stored(&delivery(DeliveryStatus::Estimated));
    let plan = arrived.taken_over();
    assert_eq!(plan.lost, BTreeSet::from([samples::order_id()]));
    assert!(arrived.store.all(chorus_delivery::TABLE.name).is_empty());
    let known = Arrived::new().event(&OrderCreated::sample()).event(&DeliveryEstimated::sample());
    known.taken_over();
    assert_eq!(known.store.all(chorus_delivery::TABLE.name).len(), 1);
}

#[test]
fn an_order_whose_payment_would_not_go_on_is_canceled() {
    use chorus_payment::Status::{Approved, Authorized, CaptureFailed, Charging, Failed};
    use chorus_payment::Status::{New, WaitingForApproval, WaitingForCustomer};
    let cancels = |status, total, is_recorded| {
        let terms = samples::terms(total);
        let estimated = DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() };
        let mut arrived = Arrived::new()
            .event(&OrderCreated { total, terms, ..OrderCreated::sample() })
            .event(&estimated)
            .stored(&Payment { status, ..Payment::new(samples::order_id()) });
        if is_recorded {
            let start = start_of_machine(&samples::order_id());
            arrived = arrived.handled("CollectPayment", &key_of(&estimated), &[start]);
        }
        arrived.planned().cancels.contains(&samples::order_id())
    };
    let (small, high) = (samples::total(), samples::high_total());
    for status in [Failed, Authorized, CaptureFailed] {
        assert!(cancels(status, small, false) && cancels(status, high, true), "{status:?}");
    }
    assert!(!cancels(New, small, false) && !cancels(Charging, small, false));
    assert!(cancels(Charging, high, true), "the machine ends if a charge was begun");
    for (status, total) in
        [(WaitingForApproval, high), (Approved, high), (WaitingForCustomer, small)]
    {
        assert!(cancels(status, total, false), "{status:?}: nothing starts the machine");
        assert!(!cancels(status, total, true), "{status:?}: the machine starts again");
    }
    assert!(cancels(WaitingForCustomer, high, true));
}

/// A reviewer declined the order in the first region. The verdict arrived where the state machine
/// looks for it, but the event that cancels the order did not.
#[test]
fn an_order_whose_verdict_arrived_and_whose_refusal_did_not_is_canceled() {
    let cancels = |verdict: &str| {
        let (total, terms) = (samples::high_total(), samples::terms(samples::high_total()));
        let estimated = DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() };
        let start = start_of_machine(&samples::order_id());
        let arrived = Arrived::new()
            .event(&OrderCreated { total, terms, ..OrderCreated::sample() })
            .event(&estimated)
            .handled("CollectPayment", &key_of(&estimated), &[start]);
        let answer = json!({ "verdict": verdict });
        let answered = ReviewCallback::answered_early(samples::order_id(), &answer);
        expect_ready(arrived.store.write(&[answered])).unwrap();
        arrived.planned().cancels.contains(&samples::order_id())
    };
    assert!(cancels("decline") && cancels("canceled"));
    assert!(!cancels("approve"));
}

#[test]
fn an_order_whose_payment_failed_is_canceled_by_the_event_that_says_so() {
    let failed =
        Payment { status: chorus_payment::Status::Failed, ..Payment::new(samples::order_id()) };
    let arrived = Arrived::new()
        .event(&OrderCreated::sample())
        .event(&PaymentFailed::sample())
        .stored(&failed);
    assert!(arrived.planned().cancels.is_empty());
}

/// The first region had canceled each of these orders before the action handled the event, so the
/// action published nothing. The cancellation did not arrive.
#[test]
fn an_order_whose_next_event_was_handled_without_effect_is_canceled() {
    fn cancels<E: Event>(arrived: Arrived, event: &E, action: &str) {
        let arrived = arrived.event(event);
        assert!(arrived.planned().cancels.is_empty(), "{action} continues the order");
        let arrived = arrived.handled(action, &key_of(event), &[]);
        assert!(arrived.planned().cancels.contains(&samples::order_id()), "{action} did nothing");
    }
    let placed = || Arrived::new().event(&OrderCreated::sample());
    cancels(Arrived::new(), &OrderCreated::sample(), "ReserveItem");
    cancels(placed(), &CustomerDescribed::sample(), "EstimateDelivery");
    cancels(placed(), &DeliveryEstimated::sample(), "CollectPayment");
    cancels(placed(), &PaymentMade::sample(), "RemoveItem");
    cancels(placed(), &PaymentAuthorized::sample(), "RemoveItem");
    cancels(placed(), &ItemRemoved::sample(), "FulfilDelivery");
    cancels(placed(), &Delivered::sample(), "ConfirmDelivery");
    cancels(placed(), &DeliveryWasDelivered::sample(), "CompleteOrder");
    cancels(placed(), &DeliveryCanceled::sample(), "CancelDelivery");
    cancels(placed(), &DeliveryWasCanceled::sample(), "CancelOrder");
    cancels(placed(), &PaymentFailed::sample(), "CancelOrder");
}

/// Inventory had ignored the order, because the order was canceled. The cancellation was lost, so
/// the order goes on.
#[test]
fn a_message_that_was_ignored_lately_is_handled_again() {
    let since = metadata().occurred_at;
    let changes = |recorded_at: Timestamp, action: &str| {
        let arrived = Arrived::new().event(&OrderCreated::sample());
        let key = record_key(action, &key_of(&OrderCreated::sample()));
        let mut item = key.to_item();
        let mut set = |name: &str, text| item.insert(name.to_owned(), AttributeValue::S(text));
        set("fingerprint", "a-fingerprint".to_owned());
        set("recorded-at", recorded_at.to_string());
        let record = Write::Put { key: key.clone(), item, condition: None };
        expect_ready(arrived.store.write(&[record])).unwrap();
        let plan = arrived.planned();
        let deleted = plan.writes.contains(&Write::Delete { key });
        (deleted, plan.cancels.contains(&samples::order_id()))
    };
    let before = since - SignedDuration::from_secs(1);
    assert_eq!(changes(since, "ReserveItem"), (true, false));
    assert_eq!(changes(before, "ReserveItem"), (false, true), "it was ignored long ago");
    assert!(!changes(since, "CountOrder").0, "a counter may have been written");
}

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
    use chorus_payment::Status::{Approved, Charging, Failed, WaitingForApproval};
    use chorus_payment::Status::{New, WaitingForCustomer};
    let cancels = |status, total, is_recorded| {
        let terms = samples::terms(total);
        let arrived = Arrived::new()
            .event(&OrderCreated { total, terms, ..OrderCreated::sample() })
            .event(&DeliveryEstimated { total, terms, ..DeliveryEstimated::sample() })
            .stored(&Payment { status, ..Payment::new(samples::order_id()) });
        if is_recorded {
            let estimated = derived_id("DeliveryEstimated", samples::order_id().as_str(), 0);
            let key = record_key("CollectPayment", &estimated.simple().to_string());
            let mut item = key.to_item();
            item.insert("fingerprint".to_owned(), AttributeValue::S("a-fingerprint".to_owned()));
            let record = Write::Put { key, item, condition: None };
            expect_ready(arrived.store.write(&[record])).unwrap();
        }
        arrived.planned().cancels.contains(&samples::order_id())
    };
    let (small, high) = (samples::total(), samples::high_total());
    assert!(cancels(Failed, small, false) && cancels(Failed, high, true));
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

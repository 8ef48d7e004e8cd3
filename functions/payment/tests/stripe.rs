//! Stripe's adapter against a fake of Stripe's API: whatever happens to a request, charges and
//! refunds are right in the end, and each event is published once.

#![allow(clippy::unwrap_used)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/counter.rs"]
mod counter;
mod support;

use bank::{Call, FAULTS, FIRST_CREATED, Fault};
use chorus_events::delivery::DeliveryEstimated;
use chorus_events::payment::{ErrorPaymentCanceled, PaymentCanceled, PaymentFailed, PaymentMade};
use chorus_events::{Money, samples};
use chorus_partners::stripe::API_VERSION;
use chorus_payment::{Charge, PaymentProvider};
use chorus_table::Event;
use counter::{ATTEMPTS, counter, total};
use jiff::Timestamp;
use support::{payload, wire};

#[tokio::test]
async fn whatever_becomes_of_a_request_an_order_is_charged_once_and_refunded_once() {
    for call in [Call::Create, Call::Read, Call::Confirm, Call::Refund] {
        for fault in FAULTS {
            let counter = counter("EUR").await;
            counter.bank.will(call, fault);
            counter.charge(Some("pm_1")).await.unwrap();
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], 0),
                "{call:?} {fault:?}"
            );
            assert_eq!(counter.published::<PaymentMade>().len(), 1, "{call:?} {fault:?}");

            counter.bank.will(Call::Read, fault);
            counter.cancel().await.unwrap();
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], total()),
                "{call:?} {fault:?}"
            );
            let canceled = counter.published::<PaymentCanceled>();
            assert_eq!(canceled, [PaymentCanceled::sample()], "{call:?} {fault:?}");
            assert_eq!(counter.bank.books().faults, [], "{call:?} {fault:?} was met");
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_request_to_cancel_nothing_is_charged_for_a_canceled_order() {
    for fault in FAULTS {
        let counter = counter("EUR").await;
        // Every request to charge fails at the bank, which charges nothing.
        for _ in 0..ATTEMPTS {
            counter.bank.will(Call::Confirm, Fault::Failed);
        }
        let order = DeliveryEstimated {
            payment_method: Some("pm_1".parse().unwrap()),
            ..DeliveryEstimated::sample()
        };
        let task = payload("MakePayment", &wire(&order, "estimate"), None);
        let kernel = counter.shop.kernel();
        assert!(
            counter.payment.function.handle_task(&kernel, &task).await.unwrap_err().is_retryable()
        );

        counter.bank.will(Call::Cancel, fault);
        counter.cancel().await.unwrap();
        let nothing = PaymentCanceled { refunded: Money::ZERO, ..PaymentCanceled::sample() };
        assert_eq!(counter.published::<PaymentCanceled>(), [nothing], "{fault:?}");
        counter.bank.books().faults.clear();
        counter.charge(Some("pm_1")).await.unwrap();
        assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0), "{fault:?}");
        assert_eq!(counter.published::<PaymentMade>(), [], "{fault:?}");
    }
}

#[tokio::test]
async fn a_declined_card_fails_the_order_with_the_banks_reason_and_is_not_tried_again() {
    for fault in [None, Some(Fault::LostAnswer), Some(Fault::FailedAfter)] {
        let counter = counter("EUR").await;
        if let Some(fault) = fault {
            counter.bank.will(Call::Confirm, fault);
        }
        counter.charge(Some("pm_declined")).await.unwrap();
        let failed = counter.published::<PaymentFailed>();
        assert_eq!(failed[0].reason, "Your card was declined.", "{fault:?}");
        let asked = counter.bank.books().asked.clone();
        let confirmed = asked.iter().filter(|call| **call == Call::Confirm).count();
        assert_eq!(confirmed, 1, "{asked:?}");
    }
}

#[tokio::test]
async fn an_order_without_a_valid_payment_method_is_declined() {
    for method in [None, Some("nonsense")] {
        let counter = counter("EUR").await;
        counter.charge(method).await.unwrap();
        let reason = &counter.published::<PaymentFailed>()[0].reason;
        assert_eq!(reason, "the order names no valid payment method", "{method:?}");
    }
}

#[tokio::test]
async fn a_charge_that_the_bank_is_still_at_work_on_is_waited_for() {
    let counter = counter("EUR").await;
    let bank = counter.bank.clone();
    tokio::spawn(async move {
        loop {
            tokio::task::yield_now().await;
            let mut books = bank.books();
            let reads = books.asked.iter().filter(|call| **call == Call::Read).count();
            if let Some(intent) = books.intents.get_mut("pi_1").filter(|_| reads > 2) {
                intent.status = "succeeded";
                return;
            }
        }
    });
    counter.charge(Some("pm_slow")).await.unwrap();
    assert_eq!(counter.published::<PaymentMade>().len(), 1);
}

#[tokio::test]
async fn a_refund_that_stripe_refuses_is_reported_to_an_operator() {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_1")).await.unwrap();
    counter.bank.books().keeps_all = true;
    counter.cancel().await.unwrap();
    assert_eq!(counter.published::<ErrorPaymentCanceled>()[0].reason, "charge_disputed");
}

#[tokio::test]
async fn what_went_back_by_stripes_dashboard_is_not_refunded_again() {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_1")).await.unwrap();
    counter.bank.books().intents.get_mut("pi_1").unwrap().refunded = total();
    counter.cancel().await.unwrap();
    assert_eq!(counter.published::<PaymentCanceled>(), [PaymentCanceled::sample()]);
    assert!(!counter.bank.books().asked.contains(&Call::Refund));
}

#[tokio::test]
async fn an_amount_that_the_currency_does_not_have_is_for_an_operator() {
    let counter = counter("JPY").await;
    let refused = counter.charge(Some("pm_1")).await.unwrap_err();
    assert_eq!(refused.code(), "Conflict", "{refused}");
    assert!(counter.bank.books().asked.is_empty());
}

#[tokio::test]
async fn stripe_is_asked_in_minor_units_by_a_pinned_version_and_never_for_a_card() {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_1")).await.unwrap();
    let (headers, form) = counter.bank.books().sent[0].clone();
    assert_eq!(headers["stripe-version"], API_VERSION);
    assert!(!headers.contains_key("idempotency-key"));
    let expected = format!(
        "amount={}&currency=eur&payment_method_types%5B0%5D=card&capture_method=automatic\
         &metadata%5Border-id%5D={}&payment_method=pm_1",
        total(),
        samples::order_id()
    );
    assert_eq!(form, expected);
}

#[tokio::test]
async fn intents_are_listed_page_by_page_from_a_moment_on() {
    let counter = counter("EUR").await;
    let provider = &counter.provider;
    let charge = |number: u32| Charge {
        order_id: format!("order-{number}").parse().unwrap(),
        customer_id: samples::customer_id(),
        amount: samples::total(),
        payment_method: None,
    };
    for number in 0..8 {
        provider.prepare(&charge(number)).await.unwrap();
    }
    counter.bank.books().intents.get_mut("pi_8").unwrap().order_id = "not an order".to_owned();
    counter.bank.books().intents.get_mut("pi_7").unwrap().currency = "usd".to_owned();
    let list = async |since: i64| -> Vec<String> {
        let since = Timestamp::from_second(since).unwrap();
        let listed = provider.list(since).await.unwrap();
        listed.iter().map(|it| it.order_id.to_string()).collect()
    };
    let all = ["order-5", "order-4", "order-3", "order-2", "order-1", "order-0"];
    assert_eq!(list(FIRST_CREATED).await, all, "those of other shops are left out");
    assert_eq!(list(FIRST_CREATED + 3).await, all[..3]);
    for fault in FAULTS {
        counter.bank.will(Call::List, fault);
        assert!(provider.list(Timestamp::UNIX_EPOCH).await.is_err(), "{fault:?}");
    }
}

//! Two-step payment at a bank that speaks Stripe's API. The bank first holds the amount. The amount
//! is charged when the parcel leaves, or released if the order is canceled before that. Even if a
//! request or its response is lost, the right amount is charged or refunded in the end, and each
//! event is published once.

#![allow(clippy::unwrap_used)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/counter.rs"]
mod counter;
mod support;

use bank::{Call, FAULTS, Fault, notice};
use chorus_events::logistics::{Delivered, DeliveryStarted};
use chorus_events::payment::{CaptureFailed, PaymentAuthorized, PaymentCanceled, PaymentMade};
use chorus_events::{Capture, Money, PaymentCapture};
use chorus_table::Event;
use counter::{Counter, ask_until_answered, capturing, total};
use serde_json::Value;
use support::wire;

impl Counter {
    /// Reports that the carrier has the parcel.
    async fn depart(&self) {
        let parcel = DeliveryStarted { capture: Some(Capture::Due), ..Event::sample() };
        ask_until_answered(self, &wire(&parcel, "departure")).await.unwrap();
    }

    /// Reports that the parcel was delivered.
    async fn arrive(&self) {
        let parcel = Delivered { capture: Some(Capture::Due), ..Event::sample() };
        ask_until_answered(self, &wire(&parcel, "arrival")).await.unwrap();
    }

    fn intent_is(&self, status: &str) {
        assert_eq!(self.bank.books().intents["pi_1"].status, status);
    }
}

/// Returns a shop in which the bank holds an order's amount.
async fn held(method: &str) -> Counter {
    let counter = capturing("EUR", PaymentCapture::WhenShipped).await;
    counter.charge(Some(method)).await.unwrap();
    counter.intent_is("requires_capture");
    counter
}

fn nothing_back() -> PaymentCanceled {
    PaymentCanceled { refunded: Money::ZERO, ..Event::sample() }
}

#[tokio::test]
async fn whatever_becomes_of_a_request_an_amount_is_held_once_and_nothing_is_charged() {
    for call in [Call::Create, Call::Read, Call::Confirm] {
        for fault in FAULTS {
            let counter = capturing("EUR", PaymentCapture::WhenShipped).await;
            counter.bank.will(call, fault);
            counter.charge(Some("pm_1")).await.unwrap();
            counter.charge(Some("pm_1")).await.unwrap();
            assert_eq!(counter.published::<PaymentAuthorized>().len(), 1, "{call:?} {fault:?}");
            assert_eq!(counter.published::<PaymentMade>(), [], "{call:?} {fault:?}");
            assert_eq!(counter.bank.held(), [total()], "{call:?} {fault:?}");
            assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0), "{call:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_request_an_amount_is_taken_once_and_refunded_once() {
    for call in [Call::Read, Call::Capture] {
        for fault in FAULTS {
            let counter = held("pm_1").await;
            counter.bank.will(call, fault);
            counter.depart().await;
            counter.arrive().await;
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], 0),
                "{call:?} {fault:?}"
            );
            assert_eq!(counter.published::<PaymentMade>(), [counter.made()], "{call:?} {fault:?}");
            assert_eq!(counter.bank.books().faults, [], "{call:?} {fault:?} was met");

            counter.bank.will(Call::Refund, fault);
            counter.cancel().await.unwrap();
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], total()),
                "{call:?} {fault:?}"
            );
            assert_eq!(counter.published::<PaymentCanceled>(), [PaymentCanceled::sample()]);
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_request_what_was_held_for_a_canceled_order_is_released() {
    for call in [Call::Read, Call::Cancel] {
        for fault in FAULTS {
            let counter = held("pm_1").await;
            counter.bank.will(call, fault);
            counter.cancel().await.unwrap();
            counter.depart().await;
            counter.intent_is("canceled");
            assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0), "{call:?} {fault:?}");
            assert_eq!(
                counter.published::<PaymentCanceled>(),
                [nothing_back()],
                "{call:?} {fault:?}"
            );
            assert_eq!(counter.published::<PaymentMade>(), [], "{call:?} {fault:?}");
            assert!(!counter.bank.books().asked.contains(&Call::Refund), "nothing was taken");
        }
    }
}

#[tokio::test]
async fn an_amount_that_the_bank_does_not_hold_any_longer_is_reported_once_and_never_charged() {
    for fault in FAULTS {
        let counter = held("pm_lapses").await;
        counter.bank.will(Call::Capture, fault);
        counter.depart().await;
        counter.arrive().await;
        let failed = counter.published::<CaptureFailed>();
        assert_eq!(failed.len(), 1, "{fault:?}: {failed:?}");
        assert!(failed[0].reason.contains("lapsed"), "{fault:?}: {failed:?}");
        counter.cancel().await.unwrap();
        assert_eq!(counter.published::<PaymentCanceled>(), [nothing_back()], "{fault:?}");
        assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0), "{fault:?}");
    }
}

#[tokio::test]
async fn an_authorization_that_lapses_before_the_parcel_leaves_fails_at_the_notice_and_once() {
    let counter = held("pm_1").await;
    let not_yet = notice("payment_intent.canceled", &counter.bank.shown("pi_1"));
    assert_eq!(counter.notify(&not_yet).await, 200);
    assert_eq!(counter.published::<CaptureFailed>(), [], "the bank does not confirm the notice");

    counter.bank.books().intents.get_mut("pi_1").unwrap().status = "canceled";
    let mut lapsed = notice("payment_intent.canceled", &counter.bank.shown("pi_1"));
    lapsed["id"] = "evt_2".into();
    counter.bank.will(Call::Read, Fault::Failed);
    assert_eq!(counter.notify(&lapsed).await, 503, "it comes again");
    for _ in 0..2 {
        assert_eq!(counter.notify(&lapsed).await, 200);
    }
    counter.depart().await;
    assert_eq!(counter.published::<CaptureFailed>().len(), 1);
    counter.cancel().await.unwrap();
    assert_eq!(counter.published::<PaymentCanceled>(), [nothing_back()]);
    assert_eq!(counter.notify(&lapsed).await, 200);
    assert_eq!(
        (counter.published::<CaptureFailed>().len(), counter.bank.charged_and_refunded()),
        (1, (vec![], 0))
    );
}

#[tokio::test]
async fn a_bank_that_refuses_to_pay_fails_the_capture_with_its_reason_and_holds_nothing_in_the_end()
{
    let counter = held("pm_refused").await;
    counter.depart().await;
    assert_eq!(counter.published::<CaptureFailed>()[0].reason, "the bank refuses to pay");
    counter.intent_is("requires_capture");
    counter.cancel().await.unwrap();
    counter.intent_is("canceled");
}

#[tokio::test]
async fn an_amount_that_is_held_is_taken_by_a_shop_that_charges_at_once_since() {
    let before = held("pm_1").await;
    let since = Counter { payment: before.payment_of(PaymentCapture::AtOnce), ..before };
    since.depart().await;
    assert_eq!(since.bank.charged_and_refunded(), (vec![total()], 0));
}

#[tokio::test]
async fn stripe_is_asked_to_hold_and_answers_in_the_fields_of_its_own_examples() {
    let counter = held("pm_1").await;
    let (_, form) = counter.bank.books().sent[0].clone();
    assert!(form.contains("capture_method=manual"), "{form}");
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/stripe/fixtures.json");
    let path = std::env::var("STRIPE_EXAMPLES").unwrap_or_else(|_| beside.to_owned());
    let Ok(examples) = std::fs::read_to_string(&path) else {
        eprintln!("not tried: Stripe's examples are not at {path}");
        return;
    };
    let examples: Value = serde_json::from_str(&examples).unwrap();
    let intent = counter.bank.shown("pi_1");
    let charge = intent["latest_charge"].clone();
    for (name, shown) in [("payment_intent", intent), ("charge", charge)] {
        for field in shown.as_object().unwrap().keys() {
            let known = examples["resources"][name].as_object().unwrap().contains_key(field);
            assert!(known, "{name} has no {field}");
        }
    }
}

//! A charge that the customer has to confirm, with a fake of Stripe's API that signs its notices.
//! The customer confirms or declines the charge, never answers, or cancels the order before
//! answering. An order is charged at most once, and a charge of a failed order is refunded.

#![allow(clippy::unwrap_used)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/counter.rs"]
mod counter;
mod support;

use bank::{Call, FAULTS, notice};
use chorus_events::delivery::DeliveryEstimated;
use chorus_events::payment::{
    ConfirmationRequired, ErrorPaymentCanceled, ErrorPaymentDisputed, PaymentAuthorized,
    PaymentCanceled, PaymentFailed, PaymentMade,
};
use chorus_events::{Money, PaymentCapture, samples};
use chorus_http::Request;
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{Clock, Signal};
use chorus_payment::{ConfirmationCallback, Payment, Status};
use chorus_table::Event;
use chorus_webhook_signature::{STRIPE_SIGNATURE_HEADER, sign_as_stripe};
use counter::{Counter, capturing, counter, secret, total};
use serde_json::{Value, json};
use support::wire;

const NOT_CONFIRMED: &str = "the customer did not confirm the payment in time";

/// Returns a message from the state machine that runs `action` as a task. The message has the
/// sample order's estimate as its event, and the fields of `beside`.
fn task(action: &str, beside: &Value) -> String {
    let estimate = wire(&DeliveryEstimated::sample(), "estimate");
    let mut task: Value = json!({ "action": action, "event": {} });
    task["event"] = serde_json::from_str(&estimate).unwrap();
    for (name, value) in beside.as_object().unwrap() {
        task[name.as_str()] = value.clone();
    }
    task.to_string()
}

impl Counter {
    /// Runs the task that asks the customer. The task's timeout is an hour.
    async fn ask(&self) {
        let wait = json!({ "token": "a-token", "since": samples::moment(), "timeout": 3_600 });
        self.task(&task("AskCustomer", &wait)).await.unwrap();
    }

    /// Runs the task that asks the provider for the result. `reason` says why the waiting task
    /// failed; `None` if the task was completed.
    async fn conclude(&self, reason: Option<&str>) {
        let task = task("ConcludePayment", &json!({ "reason": reason }));
        self.task(&task).await.unwrap();
    }

    fn status(&self) -> Status {
        let payment =
            expect_ready(self.shop.kernel().find::<Payment>(&samples::order_id())).unwrap();
        payment.unwrap().value.status
    }

    /// How many times the waiting task was completed.
    fn answers(&self) -> usize {
        let signals = self.shop.machines.0.lock().unwrap();
        signals.iter().filter(|signal| matches!(signal, Signal::Answer { .. })).count()
    }
}

/// Returns a shop with an order whose charge the customer has to confirm.
async fn asked() -> Counter {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_confirms")).await.unwrap();
    assert_eq!(counter.status(), Status::WaitingForCustomer);
    counter
}

#[tokio::test]
async fn an_amount_that_the_customer_has_confirmed_is_held_until_the_parcel_leaves() {
    let counter = capturing("EUR", PaymentCapture::WhenShipped).await;
    counter.charge(Some("pm_confirms")).await.unwrap();
    counter.ask().await;
    let confirmed = counter.bank.customer_answers("pi_1", true);
    assert_eq!(counter.notify(&confirmed).await, 200);
    assert_eq!(counter.answers(), 1);
    counter.conclude(None).await;
    assert_eq!(counter.status(), Status::Authorized);
    assert_eq!(counter.published::<PaymentAuthorized>().len(), 1);
    assert_eq!(
        (counter.bank.held(), counter.bank.charged_and_refunded()),
        (vec![total()], (vec![], 0))
    );
    assert_eq!(counter.notify(&confirmed).await, 200, "a duplicate changes nothing");
    assert_eq!(counter.answers(), 1);
}

#[tokio::test]
async fn the_customer_is_asked_with_the_address_and_the_deadline_and_the_order_waits() {
    let counter = asked().await;
    counter.ask().await;
    let until = samples::moment() + jiff::SignedDuration::from_hours(1);
    let confirm_at = "https://bank.example/3ds/pi_1".parse().ok();
    let required = ConfirmationRequired { confirm_at, until, ..Event::sample() };
    assert_eq!(counter.published::<ConfirmationRequired>(), [required]);
    assert_eq!(
        (counter.published::<PaymentMade>().len(), counter.published::<PaymentFailed>().len()),
        (0, 0)
    );
    assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0));
}

#[tokio::test]
async fn whatever_becomes_of_the_requests_a_confirmed_charge_is_made_once() {
    for call in [Call::Confirm, Call::Read] {
        for fault in FAULTS {
            let counter = counter("EUR").await;
            counter.bank.will(call, fault);
            counter.charge(Some("pm_confirms")).await.unwrap();
            counter.ask().await;
            let confirmed = counter.bank.customer_answers("pi_1", true);
            assert_eq!(counter.notify(&confirmed).await, 200);
            assert_eq!(counter.answers(), 1, "{call:?} {fault:?}");
            counter.bank.will(Call::Read, fault);
            counter.conclude(None).await;
            assert_eq!(counter.published::<PaymentMade>().len(), 1, "{call:?} {fault:?}");
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], 0),
                "{call:?} {fault:?}"
            );
            let asked = counter.bank.books().asked.clone();
            assert_eq!(asked.iter().filter(|call| **call == Call::Cancel).count(), 0);
            counter.cancel().await.unwrap();
            assert_eq!(
                counter.bank.charged_and_refunded(),
                (vec![total()], total()),
                "{call:?} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_customer_who_fails_to_confirm_has_the_order_fail() {
    let counter = asked().await;
    counter.ask().await;
    let failed = counter.bank.customer_answers("pi_1", false);
    assert_eq!(counter.notify(&failed).await, 200);
    counter.conclude(None).await;
    let reason = &counter.published::<PaymentFailed>()[0].reason;
    assert_eq!(reason, "The customer failed to authenticate.");
}

#[tokio::test]
async fn a_customer_who_never_confirms_has_the_order_fail_and_its_intent_is_canceled() {
    let counter = asked().await;
    counter.ask().await;
    counter.conclude(Some(NOT_CONFIRMED)).await;
    assert_eq!(counter.published::<PaymentFailed>()[0].reason, NOT_CONFIRMED);
    counter.cancel().await.unwrap();
    assert_eq!(counter.bank.books().intents["pi_1"].status, "canceled");
    assert_eq!(counter.published::<PaymentCanceled>()[0].refunded, Money::ZERO);
    assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0));
}

#[tokio::test]
async fn a_charge_that_is_confirmed_after_the_deadline_is_given_back() {
    let counter = asked().await;
    counter.ask().await;
    counter.conclude(Some(NOT_CONFIRMED)).await;
    let confirmed = counter.bank.customer_answers("pi_1", true);
    assert_eq!(counter.notify(&confirmed).await, 200);
    counter.cancel().await.unwrap();
    assert_eq!(counter.bank.charged_and_refunded(), (vec![total()], total()));
    assert_eq!(counter.published::<PaymentMade>(), []);
    assert_eq!(counter.published::<PaymentCanceled>(), [PaymentCanceled::sample()]);
}

#[tokio::test]
async fn a_lost_notice_costs_the_wait_and_not_the_order() {
    let counter = asked().await;
    counter.ask().await;
    counter.bank.customer_answers("pi_1", true);
    counter.conclude(Some(NOT_CONFIRMED)).await;
    assert_eq!(counter.published::<PaymentMade>().len(), 1);
    assert_eq!(counter.published::<PaymentFailed>(), []);
}

#[tokio::test]
async fn an_order_that_is_canceled_while_the_customer_is_asked_ends_the_intent_and_the_wait() {
    let counter = asked().await;
    counter.ask().await;
    counter.cancel().await.unwrap();
    let intent = json!({ "id": "pi_1", "metadata": { "order-id": samples::order_id() } });
    assert_eq!(counter.notify(&notice("payment_intent.canceled", &intent)).await, 200);
    assert_eq!(counter.answers(), 1);
    counter.conclude(None).await;
    assert_eq!(counter.status(), Status::Canceled);
    assert_eq!(
        (counter.published::<PaymentMade>().len(), counter.published::<PaymentFailed>().len()),
        (0, 0)
    );
    assert_eq!(counter.bank.charged_and_refunded(), (vec![], 0));
}

#[tokio::test]
async fn a_notice_that_comes_before_the_machine_waits_is_not_lost() {
    let counter = asked().await;
    let confirmed = counter.bank.customer_answers("pi_1", true);
    assert_eq!(counter.notify(&confirmed).await, 200);
    assert_eq!(counter.answers(), 0);
    counter.ask().await;
    assert_eq!(counter.answers(), 1, "the task is completed at once");
    assert_eq!(counter.published::<ConfirmationRequired>(), [], "the customer has confirmed");
    counter.conclude(None).await;
    assert_eq!(counter.published::<PaymentMade>().len(), 1);
}

#[tokio::test]
async fn a_notice_has_its_effect_once_and_of_an_order_that_was_paid_at_once_none() {
    let counter = asked().await;
    counter.ask().await;
    let confirmed = counter.bank.customer_answers("pi_1", true);
    for _ in 0..3 {
        assert_eq!(counter.notify(&confirmed).await, 200);
    }
    assert_eq!(counter.answers(), 1);

    let plain = self::counter("EUR").await;
    plain.charge(Some("pm_1")).await.unwrap();
    let intent = json!({ "id": "pi_1", "metadata": { "order-id": samples::order_id() } });
    assert_eq!(plain.notify(&notice("payment_intent.succeeded", &intent)).await, 200);
    let handle = ConfirmationCallback::handle(&samples::order_id());
    let wait = expect_ready(plain.shop.kernel().find::<ConfirmationCallback>(&handle)).unwrap();
    assert!(wait.is_none(), "no callback is stored");
}

#[tokio::test]
async fn what_the_provider_did_not_sign_is_refused_without_a_reason() {
    let counter = asked().await;
    counter.ask().await;
    let event = counter.bank.customer_answers("pi_1", true);
    let other = "another secret of a stranger".parse().unwrap();
    let signed_by_another = counter.signed(&event, &other);
    let good = counter.signed(&event, &secret());
    let changed = Request { body: b"{}".to_vec(), ..good.clone() };
    let mut unsigned = good.clone();
    unsigned.headers.remove(STRIPE_SIGNATURE_HEADER);
    let mut stale = good.clone();
    let before = counter.shop.clock.now().as_second() - 301;
    let signature = sign_as_stripe(&secret(), before, &stale.body);
    stale.headers.insert(STRIPE_SIGNATURE_HEADER.to_owned(), signature);
    for request in [signed_by_another, changed, unsigned, stale] {
        assert_eq!(counter.post(request).await, 401);
    }
    assert_eq!(counter.answers(), 0);
    assert_eq!(counter.post(good).await, 200);
    assert_eq!(counter.answers(), 1);
}

#[tokio::test]
async fn what_is_not_about_an_order_of_the_shop_is_taken_and_does_nothing() {
    let counter = asked().await;
    let order = samples::order_id();
    for event in [
        notice("invoice.paid", &json!({ "id": "in_1" })),
        notice("payment_intent.succeeded", &json!({ "id": "pi_1", "metadata": {} })),
        notice(
            "payment_intent.succeeded",
            &json!({ "id": "pi_9", "metadata": { "order-id": order } }),
        ),
        notice(
            "payment_intent.succeeded",
            &json!({ "id": "pi_1", "metadata": { "order-id": "1" } }),
        ),
        notice(
            "charge.dispute.created",
            &json!({ "id": "dp_1", "payment_intent": "pi_9", "amount": 1 }),
        ),
    ] {
        assert_eq!(counter.notify(&event).await, 200, "{event}");
    }
    assert_eq!(counter.answers(), 0);
    assert_eq!(counter.status(), Status::WaitingForCustomer);
}

#[tokio::test]
async fn a_dispute_is_reported_to_an_operator_once() {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_1")).await.unwrap();
    let dispute = json!({
        "id": "dp_1", "payment_intent": "pi_1", "amount": total(), "currency": "eur",
        "reason": "product_not_received",
        "evidence_details": { "due_by": samples::estimated_arrival().as_second() },
    });
    let event = notice("charge.dispute.created", &dispute);
    for _ in 0..2 {
        assert_eq!(counter.notify(&event).await, 200);
    }
    assert_eq!(counter.published::<ErrorPaymentDisputed>(), [ErrorPaymentDisputed::sample()]);
}

#[tokio::test]
async fn a_refund_that_fails_days_later_is_a_refused_one_and_is_not_believed_where_it_arrived() {
    let counter = counter("EUR").await;
    counter.charge(Some("pm_1")).await.unwrap();
    counter.cancel().await.unwrap();
    let refund = |id: &str| {
        json!({ "id": id, "payment_intent": "pi_1", "status": "failed",
            "failure_reason": "expired_or_canceled_card" })
    };
    assert_eq!(counter.notify(&notice("refund.failed", &refund("re_1"))).await, 200);
    assert_eq!(counter.status(), Status::Refunded, "the bank does not confirm the notice");
    counter.bank.books().intents.get_mut("pi_1").unwrap().refunded = 0;
    assert_eq!(counter.notify(&notice("charge.refund.updated", &refund("re_2"))).await, 200);
    assert_eq!(counter.status(), Status::RefundRefused);
    let errors = counter.published::<ErrorPaymentCanceled>();
    assert_eq!(errors[0].reason, "expired_or_canceled_card");
}

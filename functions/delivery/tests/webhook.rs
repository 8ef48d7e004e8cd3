//! The carrier's webhook is accepted only if it is signed and recent, and takes effect once.

#![allow(clippy::unwrap_used)]

#[path = "../../payment/tests/support/mod.rs"]
mod support;

use std::sync::Arc;

use chorus_delivery::{
    CARRIER_WAIT_TABLE, CarrierCallback, SecretSource, TABLE, WebhookSecret, WebhookSecrets,
    function,
};
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::delivery::ErrorDeliveryWasDelivered;
use chorus_events::logistics::{Delivered, DeliveryCanceled, DeliveryStarted};
use chorus_events::samples;
use chorus_http::{Problem, Request, Response};
use chorus_kernel::testing::expect_ready;
use chorus_kernel::{Clock, Signal, Store, create};
use chorus_table::Event;
use chorus_webhook_signature::{OVERLAP_SECONDS, SecretUnavailable, headers, sign_as_earlier};
use support::Shop;

fn secret() -> WebhookSecret {
    "the secret of the carrier".parse().unwrap()
}

fn update(status: LogisticsStatus) -> Vec<u8> {
    let handle = CarrierCallback::handle(&samples::order_id());
    serde_json::to_vec(&LogisticsUpdate { status, handle, ..LogisticsUpdate::sample() }).unwrap()
}

fn delivered() -> Vec<u8> {
    update(LogisticsStatus::Delivered)
}

fn shop() -> Shop {
    Shop::over(&[TABLE, CARRIER_WAIT_TABLE])
}

/// A shop that waits for the carrier's callback about the sample parcel.
fn waiting() -> Shop {
    let shop = shop();
    let wait = create(&CarrierCallback::of(samples::order_id(), "a-token"));
    expect_ready(shop.store.write(&[wait])).unwrap();
    shop
}

/// A webhook signed with `secret`, `age` seconds ago.
fn signed(body: &[u8], secret: &WebhookSecret, age: i64) -> Request {
    delivery("a-delivery", body, secret, age)
}

/// A webhook with this id, signed with `secret` `age` seconds ago.
fn delivery(id: &str, body: &[u8], secret: &WebhookSecret, age: i64) -> Request {
    let at = samples::moment().as_second() - age;
    let named = headers(secret, id, at, body).map(|(name, value)| (name.to_owned(), value));
    Request { body: body.to_vec(), headers: named.into(), ..Request::default() }
}

/// A webhook in the format of earlier releases.
fn signed_as_earlier(body: &[u8]) -> Request {
    let at = samples::moment().as_second();
    let mut request = Request { body: body.to_vec(), ..Request::default() };
    request.headers.insert("x-chorus-timestamp".to_owned(), at.to_string());
    let signature = sign_as_earlier(&secret(), at, body);
    request.headers.insert("x-chorus-signature".to_owned(), signature);
    request
}

fn post(shop: &Shop, request: &Request) -> Result<Response, Problem> {
    post_by(shop, request, WebhookSecrets::from(secret()))
}

fn post_by(
    shop: &Shop,
    request: &Request,
    secrets: impl SecretSource + 'static,
) -> Result<Response, Problem> {
    let delivery = function(Arc::new(secrets));
    let route = delivery.routes.iter().find(|route| route.path == "/webhooks/logistics").unwrap();
    expect_ready(route.answer(&shop.kernel(), request.clone()))
}

#[test]
fn a_signed_webhook_is_accepted_and_passed_on_once_however_often_it_comes() {
    let shop = waiting();
    for _ in 0..3 {
        let response = post(&shop, &signed(&delivered(), &secret(), 0)).unwrap();
        assert_eq!(response.status, 202);
        expect_ready(shop.clock.sleep(std::time::Duration::from_secs(1)));
    }
    assert_eq!(shop.bus.published::<Delivered>(), [Delivered::sample()]);
    let signals = shop.machines.0.lock().unwrap();
    assert!(
        matches!(&signals[..], [Signal::Answer { token, .. }] if token == "a-token"),
        "{signals:?}"
    );
}

#[test]
fn a_callback_about_a_parcel_that_nothing_waits_for_or_of_another_order_is_refused() {
    let unknown = post(&shop(), &signed(&delivered(), &secret(), 0)).unwrap_err();
    assert_eq!(unknown.status, 404);
    let handle = CarrierCallback::handle(&samples::order_id());
    let wrong = LogisticsUpdate { order_id: "another".parse().unwrap(), handle, ..Event::sample() };
    let body = serde_json::to_vec(&wrong).unwrap();
    let problem = post(&waiting(), &signed(&body, &secret(), 0)).unwrap_err();
    assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "/handle"));
}

#[test]
fn goods_that_arrive_after_the_order_was_canceled_are_refused_and_reported_to_an_operator() {
    let shop = waiting();
    post(&shop, &signed(&update(LogisticsStatus::DeliveryCanceled), &secret(), 0)).unwrap();
    for _ in 0..2 {
        let problem = post(&shop, &signed(&delivered(), &secret(), 0)).unwrap_err();
        assert_eq!(problem.status, 409);
    }
    assert_eq!(shop.bus.published::<ErrorDeliveryWasDelivered>().len(), 1);
    assert!(shop.bus.published::<Delivered>().is_empty());
}

#[test]
fn what_is_not_signed_or_not_fresh_or_signed_by_a_stranger_is_refused_and_passed_on_to_nobody() {
    let shop = waiting();
    let stranger: WebhookSecret = "the secret of a stranger".parse().unwrap();
    let mut tampered = signed(&delivered(), &secret(), 0);
    tampered.body.push(b' ');
    let mut unsigned = signed(&delivered(), &secret(), 0);
    unsigned.headers.remove("webhook-signature");
    let mut renamed = signed(&delivered(), &secret(), 0);
    renamed.headers.insert("webhook-id".to_owned(), "another".to_owned());
    for (request, why) in [
        (unsigned, "missing"),
        (renamed, "does not match"),
        (tampered, "does not match"),
        (signed(&delivered(), &stranger, 0), "does not match"),
        (signed(&delivered(), &secret(), 301), "seconds of the receiver's clock"),
        (signed(&delivered(), &secret(), -301), "seconds of the receiver's clock"),
    ] {
        let problem = post(&shop, &request).unwrap_err();
        assert_eq!(problem.status, 401);
        assert!(problem.detail.as_ref().unwrap().contains(why), "{problem:?}");
    }
    assert!(shop.bus.published::<Delivered>().is_empty());
}

#[test]
fn a_signed_webhook_that_makes_no_sense_is_answered_with_the_field_and_the_rule() {
    let shop = waiting();
    let body = br#"{"order-id": "1073459984", "handle": "h", "status": "Lost"}"#;
    let problem = post(&shop, &signed(body, &secret(), 0)).unwrap_err();
    assert_eq!(problem.status, 422);
    assert_eq!(problem.errors[0].field, "/status");
    assert_eq!(post(&shop, &signed(b"{", &secret(), 0)).unwrap_err().status, 400);
}

#[test]
fn a_reason_of_the_carrier_is_plain_text_and_never_endless() {
    let shop = waiting();
    let canceled = update(LogisticsStatus::DeliveryCanceled);
    let with = |reason: &str| {
        let mut body: serde_json::Value = serde_json::from_slice(&canceled).unwrap();
        body["reason"] = reason.into();
        post(&shop, &signed(&serde_json::to_vec(&body).unwrap(), &secret(), 0))
    };
    for reason in ["", "lost\u{1b}[2J", "lost\r\nin the post", &"x".repeat(1_001)] {
        let problem = with(reason).unwrap_err();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "/reason"));
    }
    assert!(shop.bus.published::<DeliveryCanceled>().is_empty());
    assert_eq!(with("lost in the post").unwrap().status, 202);
}

#[test]
fn what_was_signed_for_one_webhook_or_as_in_earlier_releases_shows_no_address() {
    let delivery = function(Arc::new(WebhookSecrets::from(secret())));
    let route = delivery.routes.iter().find(|route| route.path == "/webhooks/address").unwrap();
    let shop = waiting();
    let ask = |request: Request| expect_ready(route.answer(&shop.kernel(), request)).unwrap_err();
    let callback = ask(signed(&delivered(), &secret(), 0));
    assert_eq!((callback.status, callback.errors[0].field.as_str()), (422, "/status"));
    let handle = CarrierCallback::handle(&samples::order_id());
    let parcel = serde_json::json!({ "order-id": samples::order_id(), "handle": handle });
    let mut earlier = signed_as_earlier(&serde_json::to_vec(&parcel).unwrap());
    earlier.headers.insert("webhook-id".to_owned(), "an id that is not signed".to_owned());
    assert_eq!(ask(earlier).status, 401);
    let current = ask(signed(&serde_json::to_vec(&parcel).unwrap(), &secret(), 0));
    assert_eq!(current.status, 404, "it is read; there is no such parcel yet");
}

#[test]
fn a_body_that_was_taken_is_taken_once_whatever_id_or_key_or_reason_comes_with_it() {
    let shop = waiting();
    let canceled = update(LogisticsStatus::DeliveryCanceled);
    let mut reworded: serde_json::Value = serde_json::from_slice(&canceled).unwrap();
    reworded["reason"] = "the parcel was lost".into();
    reworded["more"] = "which we do not know".into();
    let reworded = serde_json::to_vec(&reworded).unwrap();
    let started = update(LogisticsStatus::DeliveryStarted);
    for (number, body) in [&started, &started, &canceled, &canceled, &reworded].iter().enumerate() {
        let mut request = delivery(&format!("delivery-{number}"), body, &secret(), 0);
        request.headers.insert("idempotency-key".to_owned(), format!("key-{number}"));
        assert_eq!(post(&shop, &request).unwrap().status, 202, "{number}");
    }
    assert_eq!(post(&shop, &signed_as_earlier(&started)).unwrap().status, 202);
    assert_eq!(shop.bus.published::<DeliveryStarted>().len(), 1);
    assert_eq!(shop.bus.published::<DeliveryCanceled>().len(), 1);
}

#[test]
fn one_key_does_not_make_two_reports_one() {
    let shop = waiting();
    for status in [LogisticsStatus::DeliveryStarted, LogisticsStatus::Delivered] {
        let mut request = signed(&update(status), &secret(), 0);
        request.headers.insert("idempotency-key".to_owned(), "carrier-1".to_owned());
        assert_eq!(post(&shop, &request).unwrap().status, 202);
    }
    assert_eq!(shop.bus.published::<Delivered>().len(), 1);
}

#[test]
fn a_webhook_that_is_signed_as_in_earlier_releases_is_taken() {
    let shop = waiting();
    assert_eq!(post(&shop, &signed_as_earlier(&delivered())).unwrap().status, 202);
    assert_eq!(shop.bus.published::<Delivered>(), [Delivered::sample()]);
}

#[test]
fn during_a_rotation_the_carrier_signs_with_either_secret_and_afterwards_with_the_new_one() {
    let new: WebhookSecret = "the secret that took its place".parse().unwrap();
    let now = samples::moment().as_second();
    let rotated = |ago: i64| WebhookSecrets::rotated(new.clone(), secret(), now - ago);
    for (secret, ago, status) in [
        (&secret(), 0, 202),
        (&new, 0, 202),
        (&secret(), OVERLAP_SECONDS, 401),
        (&new, OVERLAP_SECONDS, 202),
    ] {
        let answer = post_by(&waiting(), &signed(&delivered(), secret, 0), rotated(ago));
        assert_eq!(answer.map_or_else(|problem| problem.status, |it| it.status), status);
    }
}

#[test]
fn while_the_secret_cannot_be_read_the_carrier_is_asked_to_try_again() {
    let shop = waiting();
    let problem = post_by(&shop, &signed(&delivered(), &secret(), 0), Away).unwrap_err();
    assert_eq!(problem.status, 503);
    assert!(shop.bus.published::<Delivered>().is_empty());
}

#[derive(Debug)]
struct Away;

#[async_trait::async_trait]
impl SecretSource for Away {
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
        Err(SecretUnavailable("Secrets Manager does not answer".to_owned()))
    }
}

//! The carrier's webhook is believed only where it is signed and fresh, and has its effect once.

#![allow(clippy::unwrap_used)]

#[path = "../../payment/tests/support/mod.rs"]
mod support;

use chorus_delivery::{CARRIER_WAIT_TABLE, CarrierCallback, TABLE, WebhookSecret, function};
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::delivery::ErrorDeliveryWasDelivered;
use chorus_events::logistics::Delivered;
use chorus_events::samples;
use chorus_http::{Problem, Request, Response};
use chorus_kernel::testing::now;
use chorus_kernel::{Clock, Signal, Store, create};
use chorus_table::Event;
use chorus_webhook_signature::sign;
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

/// A shop that waits for the carrier's word on the parcel of the samples.
fn waiting() -> Shop {
    let shop = shop();
    let wait = create(&CarrierCallback::of(samples::order_id(), "a-token"));
    now(shop.store.write(&[wait])).unwrap();
    shop
}

/// A webhook signed with `secret`, `age` seconds ago.
fn signed(body: &[u8], secret: &WebhookSecret, age: i64) -> Request {
    let at = samples::moment().as_second() - age;
    let mut request = Request { body: body.to_vec(), ..Request::default() };
    request.headers.insert("x-chorus-timestamp".to_owned(), at.to_string());
    request.headers.insert("x-chorus-signature".to_owned(), sign(secret, at, body));
    request
}

fn post(shop: &Shop, request: &Request) -> Result<Response, Problem> {
    let delivery = function(secret());
    let route = delivery.routes.iter().find(|route| route.path == "/webhooks/logistics").unwrap();
    now(route.answer(&shop.kernel(), request.clone()))
}

#[test]
fn a_signed_webhook_is_accepted_and_passed_on_once_however_often_it_comes() {
    let shop = waiting();
    for _ in 0..3 {
        let response = post(&shop, &signed(&delivered(), &secret(), 0)).unwrap();
        assert_eq!(response.status, 202);
        now(shop.clock.sleep(std::time::Duration::from_secs(1)));
    }
    assert_eq!(shop.bus.said::<Delivered>(), [Delivered::sample()]);
    let told = shop.machines.0.lock().unwrap();
    assert!(matches!(&told[..], [Signal::Answer { token, .. }] if token == "a-token"), "{told:?}");
}

#[test]
fn a_word_on_a_parcel_that_nobody_waits_for_or_of_another_order_is_refused() {
    let unknown = post(&shop(), &signed(&delivered(), &secret(), 0)).unwrap_err();
    assert_eq!(unknown.status, 404);
    let handle = CarrierCallback::handle(&samples::order_id());
    let wrong = LogisticsUpdate { order_id: "another".parse().unwrap(), handle, ..Event::sample() };
    let body = serde_json::to_vec(&wrong).unwrap();
    let problem = post(&waiting(), &signed(&body, &secret(), 0)).unwrap_err();
    assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "/handle"));
}

#[test]
fn goods_that_arrive_after_the_order_was_canceled_are_refused_and_told_to_an_operator() {
    let shop = waiting();
    post(&shop, &signed(&update(LogisticsStatus::DeliveryCanceled), &secret(), 0)).unwrap();
    for _ in 0..2 {
        let problem = post(&shop, &signed(&delivered(), &secret(), 0)).unwrap_err();
        assert_eq!(problem.status, 409);
    }
    assert_eq!(shop.bus.said::<ErrorDeliveryWasDelivered>().len(), 1);
    assert!(shop.bus.said::<Delivered>().is_empty());
}

#[test]
fn what_is_not_signed_or_not_fresh_or_signed_by_a_stranger_is_refused_and_passed_on_to_nobody() {
    let shop = waiting();
    let stranger: WebhookSecret = "the secret of a stranger".parse().unwrap();
    let mut tampered = signed(&delivered(), &secret(), 0);
    tampered.body.push(b' ');
    let mut unsigned = signed(&delivered(), &secret(), 0);
    unsigned.headers.remove("x-chorus-signature");
    for (request, why) in [
        (unsigned, "missing"),
        (tampered, "does not fit"),
        (signed(&delivered(), &stranger, 0), "does not fit"),
        (signed(&delivered(), &secret(), 301), "seconds off"),
        (signed(&delivered(), &secret(), -301), "seconds off"),
    ] {
        let problem = post(&shop, &request).unwrap_err();
        assert_eq!(problem.status, 401);
        assert!(problem.detail.as_ref().unwrap().contains(why), "{problem:?}");
    }
    assert!(shop.bus.said::<Delivered>().is_empty());
}

#[test]
fn a_signed_webhook_that_makes_no_sense_is_told_which_field_and_rule() {
    let shop = waiting();
    let body = br#"{"order-id": "1073459984", "handle": "h", "status": "Lost"}"#;
    let problem = post(&shop, &signed(body, &secret(), 0)).unwrap_err();
    assert_eq!(problem.status, 422);
    assert_eq!(problem.errors[0].field, "/status");
    assert_eq!(post(&shop, &signed(b"{", &secret(), 0)).unwrap_err().status, 400);
}

#[test]
fn the_carriers_own_key_names_a_webhook() {
    let shop = waiting();
    let mut request = signed(&delivered(), &secret(), 0);
    request.headers.insert("idempotency-key".to_owned(), "carrier-1".to_owned());
    post(&shop, &request).unwrap();
    let mut other = signed(&update(LogisticsStatus::DeliveryCanceled), &secret(), 0);
    other.headers.insert("idempotency-key".to_owned(), "carrier-1".to_owned());
    assert_eq!(post(&shop, &other).unwrap_err().status, 422);
}

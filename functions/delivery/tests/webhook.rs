//! The carrier's webhook is believed only where it is signed and fresh, and has its effect once.

#![allow(clippy::unwrap_used)]

#[path = "../../payment/tests/support/mod.rs"]
mod support;

use chorus_delivery::{WebhookSecret, function};
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate};
use chorus_events::logistics::Delivered;
use chorus_events::{Event, samples};
use chorus_kernel::{Clock, Problem, Request, Response};
use chorus_webhook_signature::sign;
use support::{Shop, now};

fn secret() -> WebhookSecret {
    "the secret of the carrier".parse().unwrap()
}

fn delivered() -> Vec<u8> {
    let status = LogisticsStatus::Delivered;
    serde_json::to_vec(&LogisticsUpdate { status, ..LogisticsUpdate::sample() }).unwrap()
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
    now(route.endpoint.call(&shop.kernel(), request))
}

#[test]
fn a_signed_webhook_is_accepted_and_passed_on_once_however_often_it_comes() {
    let shop = Shop::default();
    for _ in 0..3 {
        let response = post(&shop, &signed(&delivered(), &secret(), 0)).unwrap();
        assert_eq!(response.status, 202);
        now(shop.clock.sleep(std::time::Duration::from_secs(1)));
    }
    assert_eq!(shop.bus.said::<Delivered>(), [Delivered::sample()]);
}

#[test]
fn what_is_not_signed_or_not_fresh_or_signed_by_a_stranger_is_refused_and_passed_on_to_nobody() {
    let shop = Shop::default();
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
    let shop = Shop::default();
    let body = br#"{"order-id": "1073459984", "status": "Lost"}"#;
    let problem = post(&shop, &signed(body, &secret(), 0)).unwrap_err();
    assert_eq!(problem.status, 422);
    assert_eq!(problem.errors[0].field, "/status");
    assert_eq!(post(&shop, &signed(b"{", &secret(), 0)).unwrap_err().status, 400);
}

#[test]
fn the_carriers_own_key_names_a_webhook() {
    let shop = Shop::default();
    let mut request = signed(&delivered(), &secret(), 0);
    request.headers.insert("idempotency-key".to_owned(), "carrier-1".to_owned());
    post(&shop, &request).unwrap();
    let canceled =
        LogisticsUpdate { status: LogisticsStatus::DeliveryCanceled, ..LogisticsUpdate::sample() };
    let mut other = signed(&serde_json::to_vec(&canceled).unwrap(), &secret(), 0);
    other.headers.insert("idempotency-key".to_owned(), "carrier-1".to_owned());
    assert_eq!(post(&shop, &other).unwrap_err().status, 422);
}

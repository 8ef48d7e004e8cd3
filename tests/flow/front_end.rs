//! The shop's own front end: an HTTP server that gets updates of orders, and accepts only signed
//! updates.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chorus_shop::{FRONT_END_SECRET, FRONT_END_SECRET_FILE, ShopConfig};
use chorus_tests::TestShop;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

/// The requests that the front end got.
#[derive(Debug, Default)]
struct Received {
    /// How many more requests the front end will refuse.
    away: usize,
    bodies: Vec<Value>,
    keys: Vec<String>,
}

type Inbox = Arc<Mutex<Received>>;

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> StatusCode {
    let mut inbox = inbox.lock().unwrap();
    if inbox.away > 0 {
        inbox.away -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    inbox.bodies.push(serde_json::from_str(&body).unwrap());
    inbox.keys.push(headers["idempotency-key"].to_str().unwrap().to_owned());
    StatusCode::NO_CONTENT
}

/// Starts a front end that refuses its first `away` requests; returns its URL and its inbox.
async fn front_end(away: usize) -> (String, Inbox) {
    let inbox = Inbox::new(Mutex::new(Received { away, ..Received::default() }));
    let router = Router::new().route("/order-updates", post(receive)).with_state(inbox.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, inbox)
}

/// Verifies that a token is signed with `secret` (RFC 7515) and has the type `order-update+jwt`.
/// Returns the token's claims, or `None` if the token is not valid.
fn claims(token: &str, secret: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let read = |part| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let (header, claims) = signed.split_once('.')?;
    let header = read(header)?;
    (header["typ"] == "order-update+jwt" && header["alg"] == "HS256").then(|| read(claims))?
}

fn tokens(inbox: &Inbox) -> Vec<String> {
    let token = |body: &Value| body["signed-update"].as_str().unwrap().to_owned();
    inbox.lock().unwrap().bodies.iter().map(token).collect()
}

/// Returns the types of the updates, in the order in which they happened.
fn types(inbox: &Inbox, secret: &str) -> Vec<String> {
    let mut received: Vec<Value> =
        tokens(inbox).iter().map(|token| claims(token, secret).unwrap()).collect();
    received.sort_by_key(|claims| claims["update"]["at"].as_str().unwrap().to_owned());
    received.iter().map(|claims| claims["update"]["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_gets_each_step_of_an_order_signed_and_without_personal_data() {
    let (url, inbox) = front_end(2).await;
    let config = ShopConfig { front_end: Some(url), ..ShopConfig::default() };
    let test = TestShop::with(config, &["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&order).await.unwrap();
    assert_eq!(
        types(&inbox, FRONT_END_SECRET),
        ["OrderCreated", "DeliveryEstimated", "PaymentMade", "DeliveryStarted", "OrderDelivered"],
        "two of them after a retry"
    );
    let received = inbox.lock().unwrap();
    for (body, key) in received.bodies.iter().zip(&received.keys) {
        let claims = claims(body["signed-update"].as_str().unwrap(), FRONT_END_SECRET).unwrap();
        assert_eq!((&claims["sub"], &body["order-id"]), (&body["order-id"], &Value::from(&*order)));
        assert_eq!(body.as_object().unwrap().len(), 2, "nothing of the envelope: {body}");
        let everything = format!("{body} {claims}");
        assert!(!everything.contains("ana") && !everything.contains("Berlin"), "{everything}");
        assert!(!key.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_update_is_told_from_the_shops_own() {
    let (url, inbox) = front_end(0).await;
    let config = ShopConfig { front_end: Some(url), ..ShopConfig::default() };
    let test = TestShop::with(config, &["ana-declined"]).await.unwrap();
    let order = test.order("ana-declined", "chai", 1).await.unwrap();
    test.ended(&order).await.unwrap();
    let received = types(&inbox, FRONT_END_SECRET);
    assert!(received.contains(&"OrderCanceled".to_owned()), "{received:?}");
    for token in tokens(&inbox) {
        assert_eq!(claims(&token, "a secret of somebody else, as long as that"), None);
        let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}")
        };
        let mut forged: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        forged["update"]["status"] = "Delivered".into();
        let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
        assert_eq!(claims(&format!("{header}.{forged}.{signature}"), FRONT_END_SECRET), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_a_directory_signs_with_a_secret_of_its_own_that_a_person_can_copy() {
    let data = tempfile::tempdir().unwrap();
    let (url, inbox) = front_end(0).await;
    let front_end = Some(url);
    let config =
        ShopConfig { front_end, data: Some(data.path().to_owned()), ..ShopConfig::default() };
    let test = TestShop::with(config, &["ana"]).await.unwrap();
    test.ended(&test.order("ana", "chai", 1).await.unwrap()).await.unwrap();
    test.shop.stop().await.unwrap();
    let secret = std::fs::read_to_string(data.path().join(FRONT_END_SECRET_FILE)).unwrap();
    assert_eq!(types(&inbox, &secret).len(), 5);
    assert_eq!(claims(&tokens(&inbox)[0], FRONT_END_SECRET), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_front_end_nothing_is_signed_and_no_order_waits_for_it() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    test.ended(&order).await.unwrap();
    let event_names = test.event_names(&order).await.unwrap();
    assert!(!event_names.contains(&"OrderUpdated".to_owned()), "{event_names:?}");
    assert!(chorus_events::table::TABLE.row("SignUpdate").unwrap().optional);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_and_its_events_show_how_the_parcel_is_followed() {
    let test = TestShop::open(&["ana"]).await.unwrap();
    let order = test.order("ana", "chai", 1).await.unwrap();
    let shown = test.ended(&order).await.unwrap();
    let number = shown["delivery"]["tracking"]["number"].as_str().unwrap().to_owned();
    assert!(number.starts_with("SIM"), "{shown}");
    let path = format!("/orders/{order}/events");
    let received = test.ok("GET", &path, Value::Null).await.unwrap();
    let events = received["events"].as_array().unwrap();
    let started = events.iter().find(|event| event["type"] == "DeliveryStarted").unwrap();
    assert_eq!(started["tracking"]["number"], *number);
}

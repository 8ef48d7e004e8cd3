//! A word in the customer's id selects the carrier's behaviour. The carrier retries callbacks until
//! the shop accepts them, and continues after a restart.

#![allow(clippy::unwrap_used)]

#[path = "../../../functions/payment/tests/support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chorus_carrier::{
    ApiKey, CARRIER_TABLE, Callback, Carrier, CarrierConfig, HttpWebhook, NotAccepted, Recall,
    Webhook, router,
};
use chorus_events::commands::LogisticsStatus;
use chorus_events::commands::LogisticsStatus::{Delivered, DeliveryCanceled, DeliveryStarted};
use chorus_events::delivery::{DeliveryMarkedAsStarted, DeliveryWasCanceled};
use chorus_events::samples;
use chorus_kernel::Clock;
use chorus_table::Event;
use chorus_webhook_signature::{Signed, WebhookSecret, WebhookSecrets};
use support::{JumpingClock, Shop};
use tower::ServiceExt;

/// A shop that records callbacks, and rejects the first few.
#[derive(Default)]
struct CallbackRecorder {
    rejections_left: Mutex<u32>,
    statuses: Mutex<Vec<Callback>>,
}

#[async_trait]
impl Webhook for CallbackRecorder {
    async fn post(&self, callback: &Callback) -> Result<(), NotAccepted> {
        let mut rejections_left = self.rejections_left.lock().unwrap();
        if *rejections_left > 0 {
            *rejections_left -= 1;
            return Err(NotAccepted("it does not listen".to_owned()));
        }
        self.statuses.lock().unwrap().push(callback.clone());
        Ok(())
    }
}

struct Harness {
    shop: Shop,
    recorder: Arc<CallbackRecorder>,
}

impl Default for Harness {
    fn default() -> Self {
        Self { shop: Shop::over(&[CARRIER_TABLE]), recorder: Arc::default() }
    }
}

impl Harness {
    /// A new process of the carrier, with the parcels that earlier processes stored.
    fn carrier(&self) -> Arc<Carrier> {
        let config = CarrierConfig::new(ApiKey::new("a key"));
        let (store, clock) = (self.shop.store.clone(), self.shop.clock.clone());
        Carrier::new(store, clock, self.recorder.clone(), config)
    }

    async fn post(&self, path: &str, key: &str, body: String) -> StatusCode {
        let request = Request::post(path).header("x-api-key", key).body(Body::from(body)).unwrap();
        router(self.carrier()).oneshot(request).await.unwrap().status()
    }

    async fn hand_in(&self, customer: &str) -> StatusCode {
        let customer_id = customer.parse().unwrap();
        let parcel = DeliveryMarkedAsStarted { customer_id, ..DeliveryMarkedAsStarted::sample() };
        self.post("/deliveries", "a key", body(&parcel)).await
    }

    async fn recall(&self) -> StatusCode {
        self.post("/recalls", "a key", body(&DeliveryWasCanceled::sample())).await
    }

    /// Advances the clock until no parcel is due any more.
    async fn pass(&self) {
        while let Some(due) = self.carrier().work_off().await.unwrap() {
            let wait = due.duration_since(self.shop.clock.now());
            self.shop.clock.sleep(Duration::try_from(wait).unwrap()).await;
        }
    }

    fn statuses(&self) -> Vec<LogisticsStatus> {
        self.recorder.statuses.lock().unwrap().iter().map(|callback| callback.status).collect()
    }
}

fn body<E: Event>(data: &E) -> String {
    serde_json::to_string(data).unwrap()
}

#[tokio::test]
async fn a_customers_id_selects_the_callbacks_that_the_shop_gets() {
    for (customer, expected) in [
        ("456", vec![DeliveryStarted, Delivered]),
        ("carrier-cancels", vec![DeliveryStarted, DeliveryCanceled]),
        ("carrier-twice", vec![DeliveryStarted, DeliveryStarted, Delivered, Delivered]),
        ("carrier-silent", vec![]),
        ("carrier-slow", vec![DeliveryStarted, Delivered]),
    ] {
        let harness = Harness::default();
        assert_eq!(harness.hand_in(customer).await, StatusCode::ACCEPTED, "{customer}");
        harness.pass().await;
        assert_eq!(harness.statuses(), expected, "{customer}");
    }
}

#[tokio::test]
async fn a_carrier_that_is_down_never_takes_a_parcel_and_a_flaky_one_takes_the_third() {
    let harness = Harness::default();
    for _ in 0..5 {
        assert_eq!(harness.hand_in("carrier-down").await, StatusCode::SERVICE_UNAVAILABLE);
    }
    for expected in [503, 503, 202, 200] {
        assert_eq!(harness.hand_in("carrier-flaky").await.as_u16(), expected);
    }
}

#[tokio::test]
async fn a_parcel_that_is_handed_in_twice_is_delivered_once() {
    let harness = Harness::default();
    assert_eq!(harness.hand_in("456").await, StatusCode::ACCEPTED);
    assert_eq!(harness.hand_in("456").await, StatusCode::OK);
    harness.pass().await;
    assert_eq!(harness.hand_in("456").await, StatusCode::OK);
    harness.pass().await;
    assert_eq!(harness.statuses(), [DeliveryStarted, Delivered]);
}

#[tokio::test]
async fn a_caller_without_the_key_is_refused() {
    let harness = Harness::default();
    let parcel = body(&DeliveryMarkedAsStarted::sample());
    assert_eq!(harness.post("/deliveries", "no key", parcel).await, StatusCode::UNAUTHORIZED);
    let recall = body(&DeliveryWasCanceled::sample());
    assert_eq!(harness.post("/recalls", "", recall).await, StatusCode::UNAUTHORIZED);
    let nonsense = harness.post("/deliveries", "a key", "{}".to_owned()).await;
    assert_eq!(nonsense, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_recall_stops_what_has_not_arrived_even_where_it_comes_first() {
    let recalled_first = Harness::default();
    assert_eq!(recalled_first.recall().await, StatusCode::OK);
    assert_eq!(recalled_first.hand_in("456").await, StatusCode::OK);
    recalled_first.pass().await;
    assert_eq!(recalled_first.statuses(), []);

    let on_its_way = Harness::default();
    on_its_way.hand_in("456").await;
    on_its_way.shop.clock.sleep(Duration::from_millis(50)).await;
    on_its_way.carrier().work_off().await.unwrap();
    on_its_way.recall().await;
    on_its_way.pass().await;
    assert_eq!(on_its_way.statuses(), [DeliveryStarted]);
    let again = on_its_way.carrier().recall(&samples::order_id()).await.unwrap();
    assert_eq!(again, Recall::TooLate, "once is enough");
}

#[tokio::test]
async fn a_shop_that_does_not_answer_gets_the_callback_again_with_the_same_key() {
    let harness = Harness::default();
    *harness.recorder.rejections_left.lock().unwrap() = 3;
    harness.hand_in("456").await;
    harness.pass().await;
    assert_eq!(harness.statuses(), [DeliveryStarted, Delivered]);

    let deaf = Harness::default();
    *deaf.recorder.rejections_left.lock().unwrap() = 1_000;
    deaf.hand_in("456").await;
    deaf.pass().await;
    assert_eq!(*deaf.recorder.rejections_left.lock().unwrap(), 1_000 - 12, "it gives up telling");
}

#[tokio::test]
async fn a_carrier_that_is_started_again_goes_on_calling_back() {
    let harness = Harness::default();
    harness.hand_in("456").await;
    let running = tokio::spawn(harness.carrier().run());
    let both_reported = async {
        while harness.statuses().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), both_reported).await.unwrap();
    running.abort();
    assert_eq!(harness.statuses(), [DeliveryStarted, Delivered]);
}

/// The requests that a shop's server received.
type Sent = Arc<Mutex<Vec<(axum::http::HeaderMap, axum::body::Bytes)>>>;

#[tokio::test]
async fn a_callback_over_http_is_signed_and_named() {
    let sent = Sent::default();
    let noted = sent.clone();
    let note = move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
        let first = noted.lock().unwrap().is_empty();
        noted.lock().unwrap().push((headers, body));
        std::future::ready(if first { StatusCode::BAD_GATEWAY } else { StatusCode::ACCEPTED })
    };
    let shop = axum::Router::new().route("/webhooks/logistics", axum::routing::post(note));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/logistics", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, shop).await });

    let secret: WebhookSecret = "the secret of the carrier".parse().unwrap();
    let secrets = WebhookSecrets::from(secret);
    let clock = Arc::new(JumpingClock::default());
    let webhook = HttpWebhook::new(url, Arc::new(secrets.clone()), clock.clone());
    let (order_id, handle) = (samples::order_id(), samples::handle());
    let callback = Callback { order_id, handle, status: Delivered, reason: None, tracking: None };
    assert!(webhook.post(&callback).await.is_err(), "502 is not accepted");
    webhook.post(&callback).await.unwrap();
    server.abort();

    let sent = sent.lock().unwrap();
    let header = |index: usize, name| sent[index].0.get(name)?.to_str().ok();
    let signed = Signed::of(|name| header(1, name), &sent[1].1).unwrap();
    assert_eq!(signed.verify(&secrets, clock.now().as_second()), Ok(()));
    assert!(header(1, "webhook-id").is_some());
    assert_eq!(header(0, "webhook-id"), header(1, "webhook-id"));
}

#[tokio::test]
async fn a_recall_that_is_refused_once_is_taken_when_it_is_asked_again() {
    let refusing = Harness::default();
    refusing.hand_in("x-carrier-refuses-recall").await;
    refusing.pass().await;
    assert!(refusing.statuses().is_empty(), "there is time to cancel");
    assert_eq!(refusing.recall().await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refusing.recall().await, StatusCode::OK);
}

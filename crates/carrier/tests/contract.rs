//! Tests that the simulated carrier fulfils the contract, and that the checks report each fault of
//! a carrier.

#![allow(clippy::unwrap_used)]

#[path = "../../../functions/payment/tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chorus_carrier::contract::{Candidate, document, verify};
use chorus_carrier::{
    ApiKey, CARRIER_TABLE, Callback, Carrier, CarrierConfig, HttpWebhook, NotAccepted, Webhook,
    router,
};
use chorus_events::commands::LogisticsStatus;
use chorus_kernel::Clock;
use chorus_webhook_signature::{Signed, WebhookSecret, WebhookSecrets};
use jiff::{SignedDuration, Timestamp};
use support::Shop;
use tokio::net::TcpListener;

const KEY: &str = "a key";
const SECRET: &str = "a secret of the carrier";

/// A way in which a carrier violates the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    LetsEverybodyIn,
    TakesNonsense,
    RefusesUnknownFields,
    AnswersLate,
    RefusesRepetitions,
    KeepsSilent,
    SignsWithAnotherSecret,
    SignsAnHourLate,
    NamesAnotherHandle,
    NeverReportsAgain,
    NamesEachAttemptAnew,
    LeavesThePickupOut,
    IgnoresRecalls,
    TakesDeliveredParcelsBack,
    ListsNothing,
    RepeatsNothing,
    /// Not a violation: the contract requires neither the list of parcels nor repeated reports.
    OffersNoTakeover,
}

/// Each fault, and the rule that it violates.
const FAULTS: [(Fault, &str); 16] = [
    (Fault::LetsEverybodyIn, "a caller without the key is refused with 401 or 403"),
    (Fault::TakesNonsense, "a body that is not a parcel is refused with 4XX, other than 429"),
    (Fault::RefusesUnknownFields, "unknown fields are ignored"),
    (Fault::AnswersLate, "a parcel is accepted in time"),
    (Fault::RefusesRepetitions, "a request that is repeated with its key is accepted"),
    (Fault::KeepsSilent, "a parcel is reported as delivered or given up"),
    (Fault::SignsWithAnotherSecret, "reports are signed, fresh and readable"),
    (Fault::SignsAnHourLate, "reports are signed, fresh and readable"),
    (Fault::NamesAnotherHandle, "reports name the parcel's handle"),
    (Fault::NeverReportsAgain, "a report that the shop rejects is repeated under the same id"),
    (Fault::NamesEachAttemptAnew, "a report that the shop rejects is repeated under the same id"),
    (Fault::LeavesThePickupOut, "each report is sent under one id, and in order"),
    (Fault::IgnoresRecalls, "a parcel that was recalled before is not fetched"),
    (
        Fault::TakesDeliveredParcelsBack,
        "a recall of a delivered parcel is accepted, and recalls nothing",
    ),
    (Fault::ListsNothing, "the accepted parcels are listed"),
    (Fault::RepeatsNothing, "the latest reports are repeated on request"),
];

struct SystemTime {
    off: SignedDuration,
}

#[async_trait]
impl Clock for SystemTime {
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.off
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Sends the carrier's reports to the shop's webhook. Signs or reports wrongly if `fault` says so.
struct Reports {
    fault: Fault,
    honest: HttpWebhook,
    url: String,
    attempts: AtomicU64,
}

#[async_trait]
impl Webhook for Reports {
    async fn post(&self, callback: &Callback) -> Result<(), NotAccepted> {
        let mut callback = callback.clone();
        match self.fault {
            Fault::KeepsSilent => return Ok(()),
            Fault::LeavesThePickupOut if callback.status == LogisticsStatus::DeliveryStarted => {
                return Ok(());
            }
            Fault::NamesAnotherHandle => callback.handle = "another-handle".parse().unwrap(),
            Fault::NeverReportsAgain => {
                let posted = self.honest.post(&callback).await;
                return posted.or(Ok(()));
            }
            Fault::NamesEachAttemptAnew => return self.under_a_new_id(&callback).await,
            _ => {}
        }
        self.honest.post(&callback).await
    }
}

impl Reports {
    async fn under_a_new_id(&self, callback: &Callback) -> Result<(), NotAccepted> {
        let (secret, now) = (SECRET.parse().unwrap(), Timestamp::now());
        let request = callback.request(&self.url, &secret, now)?;
        let body = request.into_body();
        let id = format!("attempt-{}", self.attempts.fetch_add(1, Ordering::Relaxed));
        let mut anew = reqwest::Client::new().post(&self.url);
        for (name, value) in chorus_webhook_signature::headers(&secret, &id, now.as_second(), &body)
        {
            anew = anew.header(name, value);
        }
        let answered = anew.body(body).send().await;
        let status = answered.map_err(|error| NotAccepted(error.to_string()))?.status();
        if status.is_success() { Ok(()) } else { Err(NotAccepted(status.to_string())) }
    }
}

/// Handles a request as a carrier with this fault does; `next` handles it without the fault.
async fn faulty(
    State((fault, seen)): State<(Fault, Arc<std::sync::Mutex<Vec<String>>>)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, 100_000).await.unwrap();
    let is_recall = parts.uri.path() == "/recalls";
    let key = parts.headers.get("idempotency-key");
    let key = key.map_or_else(String::new, |key| key.to_str().unwrap().to_owned());
    let before = {
        let mut seen = seen.lock().unwrap();
        let before = seen.contains(&key);
        seen.push(key);
        before
    };
    match fault {
        Fault::LetsEverybodyIn => {
            parts.headers.insert("x-api-key", HeaderValue::from_static(KEY));
        }
        Fault::RefusesUnknownFields if String::from_utf8_lossy(&body).contains("added-later") => {
            return StatusCode::BAD_REQUEST.into_response();
        }
        Fault::AnswersLate => tokio::time::sleep(Duration::from_secs(2)).await,
        Fault::RefusesRepetitions if before => return StatusCode::CONFLICT.into_response(),
        Fault::OffersNoTakeover if parts.method == Method::GET => {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        Fault::OffersNoTakeover if parts.uri.path() == "/repetitions" => {
            return StatusCode::NOT_FOUND.into_response();
        }
        Fault::ListsNothing if parts.method == Method::GET => {
            return axum::Json(serde_json::json!({ "deliveries": [] })).into_response();
        }
        Fault::RepeatsNothing if parts.uri.path() == "/repetitions" => {
            return StatusCode::ACCEPTED.into_response();
        }
        Fault::IgnoresRecalls if is_recall => return StatusCode::OK.into_response(),
        Fault::TakesDeliveredParcelsBack if is_recall => {
            return axum::Json(serde_json::json!({ "recalled": true })).into_response();
        }
        _ => {}
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    let refused = answer.status() == StatusCode::BAD_REQUEST;
    if fault == Fault::TakesNonsense && refused {
        return StatusCode::ACCEPTED.into_response();
    }
    answer
}

/// Checks a carrier with this fault, and returns the rules that it violates.
async fn broken(fault: Fault) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/logistics", listener.local_addr().unwrap());
    let off = if fault == Fault::SignsAnHourLate { -1 } else { 0 };
    let clock = Arc::new(SystemTime { off: SignedDuration::from_hours(0) });
    let late = Arc::new(SystemTime { off: SignedDuration::from_hours(off) });
    let other = fault == Fault::SignsWithAnotherSecret;
    let secret = if other { "a secret of somebody else" } else { SECRET };
    let secret: WebhookSecret = secret.parse().unwrap();
    let secrets = Arc::new(WebhookSecrets::from(secret));
    let honest = HttpWebhook::new(url.clone(), secrets, late);
    let webhook = Arc::new(Reports { fault, honest, url, attempts: AtomicU64::new(0) });
    let store = Shop::over(&[CARRIER_TABLE]).store;
    let carrier = Carrier::new(store, clock, webhook, CarrierConfig::new(ApiKey::new(KEY)));
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let app: Router = router(Arc::clone(&carrier));
    let app = app.layer(from_fn_with_state((fault, seen), faulty));
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let candidate = Candidate {
        url: format!("http://{}", address.local_addr().unwrap()),
        api_key: KEY.to_owned(),
        secrets: WebhookSecrets::from(SECRET.parse::<WebhookSecret>().unwrap()),
        answers_within: Duration::from_secs(1),
        reports_within: Duration::from_secs(4),
    };
    let serving = tokio::spawn(async move { axum::serve(address, app).await });
    let working = tokio::spawn(carrier.run());
    let verified = verify(candidate, listener, &format!("{fault:?}")).await;
    serving.abort();
    working.abort();
    assert!(verified.len() > 10, "{verified:?}");
    let broken = verified.into_iter().filter(|it| it.fault.is_some());
    broken.map(|it| format!("{}: {}", it.rule, it.fault.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_carrier_keeps_the_contract() {
    assert_eq!(broken(Fault::None).await, [""; 0]);
}

/// Only a shop in two regions needs the list of parcels and repeated callbacks, so the contract
/// does not require them.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_without_a_list_and_without_repetitions_keeps_the_contract() {
    assert_eq!(broken(Fault::OffersNoTakeover).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_carrier_does_wrong_is_named() {
    let tried =
        FAULTS.map(|(fault, rule)| tokio::spawn(async move { (fault, rule, broken(fault).await) }));
    for tried in tried {
        let (fault, rule, broken) = tried.await.unwrap();
        let named = broken.iter().any(|it| it.starts_with(rule));
        assert!(named, "{fault:?} breaks \"{rule}\", and named is {broken:#?}");
    }
}

#[test]
fn the_test_vectors_of_the_document_are_signed_as_the_shop_demands() {
    let document = document();
    let report = &document["webhooks"]["parcel-update"]["post"];
    let vectors = report["x-signature-test-vectors"].as_array().unwrap();
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let secret: WebhookSecret = vector["secret"].as_str().unwrap().parse().unwrap();
        let body = vector["body"].as_str().unwrap().as_bytes();
        let header = |name: &'static str| vector["headers"][name].as_str();
        let now = header(chorus_webhook_signature::TIMESTAMP_HEADER).unwrap().parse().unwrap();
        let signed = Signed::of(header, body).unwrap();
        assert_eq!(signed.verify(&WebhookSecrets::from(secret), now), Ok(()));
    }
}

#[test]
fn every_schema_that_the_document_refers_to_is_in_it() {
    let document = document();
    let text = document.to_string();
    let mut found = 0;
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
        found += 1;
    }
    assert!(found >= 5 && !text.contains("#/$defs/"));
}

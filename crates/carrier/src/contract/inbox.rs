//! Serves the shop's webhooks while a carrier's implementation is checked against the contract.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chorus_events::commands::LogisticsUpdate;
use chorus_webhook_signature::{ID_HEADER, Signed, WebhookSecrets};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::document::example_address;

#[derive(Debug, Clone)]
pub(super) struct Report {
    /// The id that the carrier gave the report, in a header of the request.
    pub(super) id: String,
    pub(super) update: Result<LogisticsUpdate, String>,
    /// Why the signature is not valid; `None` for a valid signature.
    pub(super) unsigned: Option<String>,
    /// Whether the report was rejected, so that the carrier has to repeat it.
    pub(super) turned_away: bool,
}

/// Receives reports, and rejects the first attempt of each report.
#[derive(Debug)]
pub(super) struct Inbox {
    secrets: WebhookSecrets,
    reports: Mutex<Vec<Report>>,
    /// The order id and status of each report that was received at least once. A repetition of such
    /// a report is accepted.
    attempted: Mutex<BTreeSet<String>>,
    pub(super) came: Notify,
}

impl Inbox {
    pub(super) fn new(secrets: WebhookSecrets) -> Arc<Self> {
        Arc::new(Self {
            secrets,
            reports: Mutex::default(),
            attempted: Mutex::default(),
            came: Notify::new(),
        })
    }

    pub(super) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/webhooks/logistics", post(take))
            .route("/webhooks/address", post(show))
            .with_state(Arc::clone(self))
    }

    fn reports(&self) -> MutexGuard<'_, Vec<Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reports about this order and all reports that cannot be read, in the order of arrival.
    pub(super) fn about(&self, order_id: &str) -> Vec<Report> {
        let about = |report: &&Report| match &report.update {
            Ok(update) => update.order_id.as_str() == order_id,
            Err(_) => true,
        };
        self.reports().iter().filter(about).cloned().collect()
    }

    fn take(&self, headers: &HeaderMap, body: &Bytes) -> StatusCode {
        let header = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
        let now = Timestamp::now().as_second();
        let signed = Signed::of(header, body).and_then(|signed| signed.verify(&self.secrets, now));
        let id = header(ID_HEADER).unwrap_or_default().to_owned();
        let update: Result<LogisticsUpdate, String> =
            serde_json::from_slice(body).map_err(|error| error.to_string());
        let mut attempted = self.attempted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_first =
            |it: &LogisticsUpdate| attempted.insert(format!("{} {:?}", it.order_id, it.status));
        let turned_away = signed.is_ok() && update.as_ref().is_ok_and(&mut is_first);
        let unsigned = signed.err().map(|error| error.to_string());
        let status = match (&unsigned, &update, turned_away) {
            (Some(_), _, _) => StatusCode::UNAUTHORIZED,
            (None, Err(_), _) => StatusCode::BAD_REQUEST,
            (None, Ok(_), true) => StatusCode::SERVICE_UNAVAILABLE,
            (None, Ok(_), false) => StatusCode::ACCEPTED,
        };
        self.reports().push(Report { id, update, unsigned, turned_away });
        self.came.notify_waiters();
        status
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.take(&headers, &body)
}

/// Answers a request for a parcel's address: 401 if the signature is not valid, otherwise an
/// address that is the same for every parcel.
async fn show(
    State(inbox): State<Arc<Inbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let header = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    let now = Timestamp::now().as_second();
    let signed = Signed::of(header, &body).and_then(|signed| signed.verify(&inbox.secrets, now));
    if signed.is_err() {
        return (StatusCode::UNAUTHORIZED, Json(Value::Null));
    }
    (StatusCode::OK, Json(json!({ "shipping-address": example_address() })))
}

//! The carrier's client of the shop's webhook.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use chorus_events::commands::{LogisticsStatus, LogisticsUpdate, ShowAddress};
use chorus_events::{OrderId, Tracking};
use chorus_kernel::{Clock, derived_id};
use chorus_table::Handle;
use chorus_webhook_signature::{SecretSource, WebhookSecret, headers};
use jiff::Timestamp;

/// How long the carrier waits for the shop's answer to a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    pub order_id: OrderId,
    /// The handle by which the shop recognizes the parcel.
    pub handle: Handle,
    pub status: LogisticsStatus,
    /// The reason, for a status that needs one.
    pub reason: Option<String>,
    /// The tracking number, in the callback for the pickup.
    pub tracking: Option<Tracking>,
}

impl Callback {
    /// The id of the callback, identical at every attempt.
    #[must_use]
    pub fn id(&self) -> String {
        let derived_from = format!("{} {:?}", self.order_id, self.status);
        derived_id("carrier-callback", &derived_from, 0).simple().to_string()
    }

    /// The request to the webhook at `url`, signed with `secret` at the time `at`.
    ///
    /// # Errors
    /// If `url` is not a URL.
    pub fn request(
        &self,
        url: &str,
        secret: &WebhookSecret,
        at: Timestamp,
    ) -> Result<Request<Vec<u8>>, NotAccepted> {
        let Self { order_id, handle, status, reason, tracking } = self.clone();
        let update = LogisticsUpdate { order_id, status, handle, reason, tracking };
        let body = serde_json::to_vec(&update).map_err(|error| NotAccepted(error.to_string()))?;
        let mut request = Request::post(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers(secret, &self.id(), at.as_second(), &body) {
            request = request.header(name, value);
        }
        request.body(body).map_err(|error| NotAccepted(error.to_string()))
    }
}

/// The shop did not accept a callback, or did not answer a request for an address. The carrier will
/// retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the shop did not accept the carrier's request: {0}")]
pub struct NotAccepted(pub String);

/// Sends callbacks to the shop, and fetches parcels' addresses from the shop.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// Sends a callback. Returns `Ok` if the shop has accepted it.
    ///
    /// # Errors
    /// If the shop did not accept the callback, or the outcome is unknown.
    async fn post(&self, callback: &Callback) -> Result<(), NotAccepted>;

    /// Fetches a parcel's address. Returns false if the shop no longer has the address.
    ///
    /// # Errors
    /// If the shop did not answer.
    async fn fetch_address(&self, _: &OrderId, _: &Handle) -> Result<bool, NotAccepted> {
        Ok(true)
    }
}

/// The request that asks the shop for a parcel's address. `url` is the URL of the shop's webhook;
/// the result is `None` if `url` does not have the path of that webhook.
///
/// # Errors
/// If `url` is not a URL.
pub fn address_request(
    url: &str,
    order_id: &OrderId,
    handle: &Handle,
    secret: &WebhookSecret,
    at: Timestamp,
) -> Result<Option<Request<Vec<u8>>>, NotAccepted> {
    let Some(shop) = url.strip_suffix("/webhooks/logistics") else { return Ok(None) };
    let asked = ShowAddress { order_id: order_id.clone(), handle: handle.clone() };
    let body = serde_json::to_vec(&asked).map_err(|error| NotAccepted(error.to_string()))?;
    let id = derived_id("carrier-address", order_id.as_str(), 0).simple().to_string();
    let mut request =
        Request::post(format!("{shop}/webhooks/address")).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers(secret, &id, at.as_second(), &body) {
        request = request.header(name, value);
    }
    request.body(body).map(Some).map_err(|error| NotAccepted(error.to_string()))
}

/// Whether a response with this status contains the parcel's address; false if the shop no longer
/// has the address.
///
/// # Errors
/// If the request has to be retried.
pub fn has_address(status: StatusCode) -> Result<bool, NotAccepted> {
    match status.as_u16() {
        200..=299 => Ok(true),
        404 | 409 | 410 => Ok(false),
        _ => Err(NotAccepted(format!("it answered {status}"))),
    }
}

/// A client of the shop's webhook. It signs its requests.
pub struct HttpWebhook {
    url: String,
    secrets: Arc<dyn SecretSource>,
    clock: Arc<dyn Clock>,
    client: reqwest::Client,
}

impl HttpWebhook {
    /// Returns a client that posts to `url`, and signs with the current secret of `secrets` and the
    /// time of `clock`.
    #[must_use]
    pub fn new(
        url: impl Into<String>,
        secrets: Arc<dyn SecretSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { url: url.into(), secrets, clock, client: reqwest::Client::new() }
    }
}

impl std::fmt::Debug for HttpWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpWebhook").field("url", &self.url).finish_non_exhaustive()
    }
}

#[async_trait]
impl Webhook for HttpWebhook {
    async fn post(&self, callback: &Callback) -> Result<(), NotAccepted> {
        let failed = |error: reqwest::Error| NotAccepted(error.to_string());
        let secrets = self.secrets.read().await;
        let secrets = secrets.map_err(|error| NotAccepted(error.to_string()))?;
        let request = callback.request(&self.url, secrets.current(), self.clock.now())?;
        let status = self.send(request).await.map_err(failed)?;
        if status.is_success() {
            return Ok(());
        }
        Err(NotAccepted(format!("it answered {status}")))
    }

    async fn fetch_address(
        &self,
        order_id: &OrderId,
        handle: &Handle,
    ) -> Result<bool, NotAccepted> {
        let secrets = self.secrets.read().await;
        let secrets = secrets.map_err(|error| NotAccepted(error.to_string()))?;
        let (secret, now) = (secrets.current(), self.clock.now());
        let request = address_request(&self.url, order_id, handle, secret, now)?;
        let Some(request) = request else { return Ok(true) };
        let status = self.send(request).await.map_err(|error| NotAccepted(error.to_string()))?;
        has_address(status)
    }
}

impl HttpWebhook {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<reqwest::StatusCode, reqwest::Error> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(TIMEOUT);
        Ok(self.client.execute(request).await?.status())
    }
}

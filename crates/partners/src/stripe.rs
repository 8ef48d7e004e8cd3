//! The part of Stripe's PaymentIntents API that a shop needs.
//!
//! Requests have no idempotency key: Stripe forgets a key after a day, and until then repeats its
//! first response to the key, even a status 500. The caller needs no key, because it never confirms
//! a second intent for an order. It also reads each intent by its id before it confirms, cancels or
//! refunds the intent. This module does not check that the caller reads the intent first.

mod answer;
mod currency;
mod http;
mod key;
#[cfg(feature = "secrets-manager")]
mod secret;

pub use answer::{
    Charge, Intent, IntentPage, IntentStatus, NextAction, Redirection, Refund, RefundStatus,
};
pub use currency::{Currency, UnknownCurrency};
pub use key::{FixedKey, InvalidKey, KeyError, KeySource, SecretKey};
#[cfg(feature = "secrets-manager")]
pub use secret::KeyInSecretsManager;

use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;
use url::form_urlencoded::Serializer;

use self::http::{Exchange, Http};

/// The API version for which this module was written. It is sent with every request, so that the
/// default version of the Stripe account does not matter.
pub const API_VERSION: &str = "2026-05-27.dahlia";

/// The base URL of Stripe's API.
pub const STRIPE: &str = "https://api.stripe.com";

/// The key of the order's id in an intent's metadata.
pub const ORDER_ID: &str = "order-id";

/// The maximum number of intents in one response. Stripe allows 100, but a response with so many
/// could be longer than this client reads.
const PAGE: &str = "50";

/// How long a response may take. Before Stripe answers a confirmation, it asks the customer's bank.
/// That may take ten seconds, though rarely.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// The parts of Stripe's error response that this client reads. The message contains no card number
/// and no name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StripeMessage {
    pub code: Option<String>,
    /// The bank's reason for declining the card.
    pub decline_code: Option<String>,
    pub message: String,
}

/// A request failed, or its outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StripeError {
    /// No response, a 5xx, or a response that cannot be read: Stripe may have acted.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// Stripe did nothing: there were too many requests, or another request was using the intent.
    #[error("Stripe is busy; retry later: {}", .0.message)]
    Busy(StripeMessage),
    /// 402: the customer's bank declined the card.
    #[error("the card was declined: {}", .0.message)]
    Declined(StripeMessage),
    /// 400 or 404: the intent is not in the state that the request expects. Read the intent before
    /// treating this as a failure: an earlier attempt may have succeeded.
    #[error("Stripe refuses the request: {}", .0.message)]
    Invalid(StripeMessage),
    /// 401 or 403: the key is not valid, or lacks the permission.
    #[error("Stripe refuses the key: {}", .0.message)]
    Key(StripeMessage),
    /// The key could not be read from its source.
    #[error("the key for Stripe cannot be read: {0}")]
    NoKey(#[from] KeyError),
}

/// The content of a new intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntent {
    /// The amount in the currency's minor unit.
    pub amount: u64,
    pub currency: Currency,
    /// The token of a payment method, `pm_…`, never a card number.
    pub payment_method: Option<String>,
    /// The order's id. It is stored in the intent's metadata, so that Stripe's dashboard shows it.
    pub order_id: String,
    pub capture: CaptureMethod,
}

/// When Stripe takes the amount of a confirmed intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureMethod {
    /// Stripe takes the amount as soon as the intent is confirmed.
    Automatic,
    /// Stripe takes the amount when [`Stripe::capture`] is called; until then, the bank holds it.
    Manual,
}

impl NewIntent {
    fn form(&self) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("amount", &self.amount.to_string());
        form.append_pair("currency", self.currency.code());
        form.append_pair("payment_method_types[0]", "card");
        let capture = match self.capture {
            CaptureMethod::Automatic => "automatic",
            CaptureMethod::Manual => "manual",
        };
        form.append_pair("capture_method", capture);
        form.append_pair(&format!("metadata[{ORDER_ID}]"), &self.order_id);
        if let Some(method) = &self.payment_method {
            form.append_pair("payment_method", method);
        }
        form.finish()
    }
}

/// A client of Stripe, or of another server with the same API.
#[derive(Clone)]
pub struct Stripe {
    http: Http,
    base: Url,
    key: Arc<dyn KeySource>,
}

impl std::fmt::Debug for Stripe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stripe").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// The URL cannot be used: it is invalid, or would send the key unencrypted to another machine.
#[derive(Debug, Error)]
pub enum StripeUrlError {
    #[error("this is not a URL")]
    Url(#[from] url::ParseError),
    #[error("a key must not leave this machine unencrypted: write https://")]
    Unencrypted,
}

impl Stripe {
    /// A client of the server at `url`: any `https://` URL, such as [`STRIPE`], or `http://` on
    /// this machine.
    ///
    /// # Errors
    /// If `url` is invalid, or would send the key unencrypted to another machine.
    pub fn at(url: &str, key: Arc<dyn KeySource>) -> Result<Self, StripeUrlError> {
        let base = Url::parse(url)?;
        if base.scheme() != "https" && !crate::is_this_machine(&base) {
            return Err(StripeUrlError::Unencrypted);
        }
        Ok(Self { http: Http::new(TIMEOUT), base, key })
    }

    /// Sets how long a response may take.
    #[must_use]
    pub fn patient_for(self, timeout: Duration) -> Self {
        Self { http: Http::new(timeout), ..self }
    }

    /// Creates an intent. No money moves.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_intent(&self, new: &NewIntent) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents"], new.form()).await
    }

    /// Reads an intent with its latest charge.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::GET, &["payment_intents", id], "expand[]=latest_charge".to_owned()).await
    }

    /// Reads a page of intents with their latest charges, the newest first. With `since` (seconds
    /// since the Unix epoch), the page has no intents that were created earlier. `after` is the id
    /// of the last intent of the previous page.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn intents(
        &self,
        since: Option<i64>,
        after: Option<&str>,
    ) -> Result<IntentPage, StripeError> {
        let query = Serializer::new(String::new())
            .extend_pairs([("limit", PAGE), ("expand[]", "data.latest_charge")])
            .extend_pairs(since.map(|since| ("created[gte]", since.to_string())))
            .extend_pairs(after.map(|intent| ("starting_after", intent)))
            .finish();
        self.ask(Method::GET, &["payment_intents"], query).await
    }

    /// Confirms an intent: Stripe charges the customer, or the bank holds the amount (see
    /// [`CaptureMethod`]). The bank may first ask the customer to confirm. The bank provides a page
    /// for this only if there is a `return_url`. After that page, the bank sends the customer back
    /// to the `return_url`.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn confirm(&self, id: &str, return_url: Option<&str>) -> Result<Intent, StripeError> {
        let form = Serializer::new(String::new())
            .extend_pairs(return_url.map(|url| ("return_url", url)))
            .finish();
        self.ask(Method::POST, &["payment_intents", id, "confirm"], form).await
    }

    /// Takes the whole amount that the bank holds for an intent. Read the intent first: some
    /// servers with Stripe's API do not reject a second capture.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn capture(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents", id, "capture"], String::new()).await
    }

    /// Cancels an intent that has not been charged, and releases the amount that the bank holds.
    /// This is final.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn cancel(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents", id, "cancel"], String::new()).await
    }

    /// Refunds the whole charge of an intent. Read the intent first: some servers with Stripe's API
    /// do not reject a second refund.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn refund(&self, intent: &str) -> Result<Refund, StripeError> {
        let form = Serializer::new(String::new()).append_pair("payment_intent", intent).finish();
        self.ask(Method::POST, &["refunds"], form).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        form: String,
    ) -> Result<A, StripeError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        let body = if method == Method::GET {
            url.set_query(Some(&form));
            String::new()
        } else {
            form
        };
        let key = self.key.key().await?;
        let exchange = Exchange { method, url: url.as_str(), key: key.as_str(), body };
        let (status, answer) =
            self.http.exchange(exchange).await.map_err(StripeError::OutcomeUnknown)?;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|error| {
                StripeError::OutcomeUnknown(format!("Stripe's answer cannot be read: {error}"))
            });
        }
        let refusal = refusal(status, &answer);
        if matches!(refusal, StripeError::Key(_)) {
            self.key.refused().await;
        }
        Err(refusal)
    }
}

/// The error for a response whose status is not a success.
fn refusal(status: StatusCode, answer: &[u8]) -> StripeError {
    let message = answer::error_in(answer).unwrap_or_else(|| StripeMessage {
        message: format!("status {}, without a reason", status.as_u16()),
        ..StripeMessage::default()
    });
    match status {
        StatusCode::PAYMENT_REQUIRED => StripeError::Declined(message),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => StripeError::Busy(message),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StripeError::Key(message),
        status if status.is_client_error() => StripeError::Invalid(message),
        status => {
            StripeError::OutcomeUnknown(format!("status {}: {}", status.as_u16(), message.message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripe(url: &str) -> Result<Stripe, StripeUrlError> {
        let key: SecretKey = "sk_test_4eC39HqLyjWDarjtT1zdp7dc".parse().unwrap();
        Stripe::at(url, Arc::new(FixedKey(key)))
    }

    #[test]
    fn a_key_leaves_this_machine_encrypted_only() {
        for url in [STRIPE, "http://127.0.0.1:8420", "http://localhost:8420", "http://[::1]:1"] {
            assert!(stripe(url).is_ok(), "{url}");
        }
        for url in ["http://api.stripe.com", "http://localhost.example.com", "ftp://10.0.0.1"] {
            assert!(matches!(stripe(url), Err(StripeUrlError::Unencrypted)), "{url}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", stripe(STRIPE).unwrap());
        assert!(!shown.contains("sk_"), "{shown}");
    }

    #[test]
    fn a_status_means_what_stripe_says_it_does() {
        let body = br#"{"error": {"type": "card_error", "code": "card_declined",
            "decline_code": "insufficient_funds", "message": "Your card has insufficient funds."}}"#;
        let message = StripeMessage {
            code: Some("card_declined".to_owned()),
            decline_code: Some("insufficient_funds".to_owned()),
            message: "Your card has insufficient funds.".to_owned(),
        };
        let of = |status| refusal(StatusCode::from_u16(status).unwrap(), body);
        assert_eq!(of(402), StripeError::Declined(message.clone()));
        assert_eq!(of(429), StripeError::Busy(message.clone()));
        assert_eq!(of(409), StripeError::Busy(message.clone()));
        assert_eq!(of(400), StripeError::Invalid(message.clone()));
        assert_eq!(of(401), StripeError::Key(message));
        assert!(matches!(of(500), StripeError::OutcomeUnknown(_)));
        assert!(matches!(
            refusal(StatusCode::BAD_GATEWAY, b"<html>"),
            StripeError::OutcomeUnknown(_)
        ));
    }
}

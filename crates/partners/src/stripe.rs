//! Stripe's API of PaymentIntents, as far as a shop needs it.
//!
//! No request has an idempotency key. Stripe forgets one after a day and repeats a stored 500 until
//! then, and none is needed: a second intent is never confirmed, and what is confirmed, canceled or
//! refunded is named by the intent's id and read first. Whoever calls keeps that order.

mod answer;
mod currency;
mod http;
mod key;
#[cfg(feature = "secrets-manager")]
mod secret;

pub use answer::{Charge, Intent, IntentStatus, Refund, RefundStatus};
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

/// The version of the API that this module was written for, whatever the account's default is.
pub const API_VERSION: &str = "2026-05-27.dahlia";

/// Stripe's address.
pub const STRIPE: &str = "https://api.stripe.com";

/// How long an answer may take. A confirmation asks the customer's bank, and rarely takes ten seconds.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// What an error has to be read for: its message names no card and no person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StripeMessage {
    pub code: Option<String>,
    /// Why the customer's bank declined.
    pub decline_code: Option<String>,
    pub message: String,
}

/// Why a request did not go through.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StripeError {
    /// No answer, a 5xx, or none that can be read: Stripe may have acted.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// Nothing was done: too many requests, or another is at work on the intent.
    #[error("Stripe is busy; retry later: {}", .0.message)]
    Busy(StripeMessage),
    /// 402: the customer's bank declined.
    #[error("the card was declined: {}", .0.message)]
    Declined(StripeMessage),
    /// 400 or 404: the intent is not in the state that the request expects. Fetch it before
    /// failing; an earlier attempt may have succeeded.
    #[error("Stripe refuses the request: {}", .0.message)]
    Invalid(StripeMessage),
    /// 401 or 403: the key is not valid, or may not do this.
    #[error("Stripe refuses the key: {}", .0.message)]
    Key(StripeMessage),
    /// The key cannot be read.
    #[error("the key for Stripe cannot be read: {0}")]
    NoKey(#[from] KeyError),
}

/// What an intent is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntent {
    /// In the currency's minor unit.
    pub amount: u64,
    pub currency: Currency,
    /// A payment method's token, `pm_…`; never a card.
    pub payment_method: Option<String>,
    /// Stands in the intent's metadata, for whoever looks at Stripe's dashboard.
    pub order_id: String,
}

impl NewIntent {
    fn form(&self) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("amount", &self.amount.to_string());
        form.append_pair("currency", self.currency.code());
        form.append_pair("payment_method_types[0]", "card");
        form.append_pair("capture_method", "automatic");
        form.append_pair("metadata[order-id]", &self.order_id);
        if let Some(method) = &self.payment_method {
            form.append_pair("payment_method", method);
        }
        form.finish()
    }
}

/// Stripe, or a server that speaks its API.
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

/// Why there is no Stripe at a URL.
#[derive(Debug, Error)]
pub enum StripeUrlError {
    #[error("this is not a URL")]
    Url(#[from] url::ParseError),
    #[error("a key must not leave this machine unencrypted: write https://")]
    Unencrypted,
}

impl Stripe {
    /// The server at `url`: [`STRIPE`], or, on this machine alone, an `http://` address.
    ///
    /// # Errors
    /// Where it is no such URL.
    pub fn at(url: &str, key: Arc<dyn KeySource>) -> Result<Self, StripeUrlError> {
        let base = Url::parse(url)?;
        if base.scheme() != "https" && !crate::is_this_machine(&base) {
            return Err(StripeUrlError::Unencrypted);
        }
        Ok(Self { http: Http::new(TIMEOUT), base, key })
    }

    /// The same, which gives an answer up after `timeout`.
    #[must_use]
    pub fn patient_for(self, timeout: Duration) -> Self {
        Self { http: Http::new(timeout), ..self }
    }

    /// Prepares an intent: no money moves.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_intent(&self, new: &NewIntent) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents"], new.form()).await
    }

    /// Reads an intent, with its latest charge.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn intent(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::GET, &["payment_intents", id], "expand[]=latest_charge".to_owned()).await
    }

    /// Charges an intent that waits for its confirmation.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn confirm(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents", id, "confirm"], String::new()).await
    }

    /// Cancels an intent that has not charged, for good.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn cancel(&self, id: &str) -> Result<Intent, StripeError> {
        self.ask(Method::POST, &["payment_intents", id, "cancel"], String::new()).await
    }

    /// Refunds all that an intent charged. Read it first: not every server refuses a second refund.
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

/// What an answer other than a success means.
fn refusal(status: StatusCode, answer: &[u8]) -> StripeError {
    let told = answer::told(answer).unwrap_or_else(|| StripeMessage {
        message: format!("status {}, without a reason", status.as_u16()),
        ..StripeMessage::default()
    });
    match status {
        StatusCode::PAYMENT_REQUIRED => StripeError::Declined(told),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT => StripeError::Busy(told),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StripeError::Key(told),
        status if status.is_client_error() => StripeError::Invalid(told),
        status => {
            StripeError::OutcomeUnknown(format!("status {}: {}", status.as_u16(), told.message))
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
        let told = StripeMessage {
            code: Some("card_declined".to_owned()),
            decline_code: Some("insufficient_funds".to_owned()),
            message: "Your card has insufficient funds.".to_owned(),
        };
        let of = |status| refusal(StatusCode::from_u16(status).unwrap(), body);
        assert_eq!(of(402), StripeError::Declined(told.clone()));
        assert_eq!(of(429), StripeError::Busy(told.clone()));
        assert_eq!(of(409), StripeError::Busy(told.clone()));
        assert_eq!(of(400), StripeError::Invalid(told.clone()));
        assert_eq!(of(401), StripeError::Key(told));
        assert!(matches!(of(500), StripeError::OutcomeUnknown(_)));
        assert!(matches!(
            refusal(StatusCode::BAD_GATEWAY, b"<html>"),
            StripeError::OutcomeUnknown(_)
        ));
    }
}

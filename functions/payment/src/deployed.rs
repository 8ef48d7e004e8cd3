//! Reads the configuration of a deployed function from environment variables: the payment provider,
//! the currency, and the secrets with which the provider signs its notices to the shop.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_aws::{StartError, parsed, sdk_config, variable};
use chorus_events::{Currency, PaymentCapture};
use chorus_partners::stripe::{KeyInSecretsManager, STRIPE, Stripe};
use chorus_webhook_signature::{SecretSource, SecretUnavailable, WebhookSecrets};

use crate::{PaymentProvider, StripeProvider};

/// The environment variable that names the secret in which Stripe's key is stored.
pub const STRIPE_KEY_SECRET: &str = "STRIPE_KEY_SECRET";

/// Reads the currency of all prices from the variable `CURRENCY`.
///
/// # Errors
/// If the variable is missing or is not a currency's code.
pub fn currency() -> Result<Currency, StartError> {
    parsed("CURRENCY", "a code of ISO 4217")
}

/// Reads from the variable `PAYMENT_CAPTURE` whether the amount of a new charge is taken at once or
/// when the parcel leaves.
///
/// # Errors
/// If the variable is missing or has an unknown value.
pub fn capture() -> Result<PaymentCapture, StartError> {
    parsed("PAYMENT_CAPTURE", "at-once or when-shipped")
}

/// Returns Stripe as the provider; none if the variable [`STRIPE_KEY_SECRET`], which names the
/// secret with Stripe's key, is not set. Three more variables are optional:
///
/// - `STRIPE_URL` is the URL of a server that is called instead of Stripe's.
/// - If `STRIPE_LIVE_ONLY` is set, test keys are refused.
/// - `PAYMENT_RETURN_URL` is the page to which a bank sends a customer back.
///
/// # Errors
/// If a variable is not valid.
pub fn stripe(currency: Currency) -> Result<Option<Arc<dyn PaymentProvider>>, StartError> {
    let Some(secret) = variable(STRIPE_KEY_SECRET) else { return Ok(None) };
    let live_only = variable("STRIPE_LIVE_ONLY").is_some();
    let key = Arc::new(KeyInSecretsManager::new(&sdk_config(), secret, live_only));
    let url = variable("STRIPE_URL").unwrap_or_else(|| STRIPE.to_owned());
    let elsewhere = |_| StartError::Meaningless { name: "STRIPE_URL", rule: "an https:// URL" };
    let stripe = Stripe::at(&url, key).map_err(elsewhere)?;
    let unknown =
        |_| StartError::Meaningless { name: "CURRENCY", rule: "a code that Stripe knows" };
    let currency = currency.code().parse().map_err(unknown)?;
    let provider = StripeProvider::new(stripe, currency).capturing(capture()?);
    Ok(Some(Arc::new(provider.returning_to(variable("PAYMENT_RETURN_URL")))))
}

/// Returns the source of the secrets with which the provider signs its notices to the shop: the
/// versions of the secret that `STRIPE_WEBHOOK_SECRET` names. If that variable is not set, every
/// notice is answered with 503.
#[must_use]
pub fn webhook_secrets() -> Arc<dyn SecretSource> {
    variable("STRIPE_WEBHOOK_SECRET")
        .map_or_else(|| Arc::new(NoSecret) as _, chorus_aws::webhook_secrets)
}

/// The source of secrets if `STRIPE_WEBHOOK_SECRET` is not set: every read fails.
#[derive(Debug)]
struct NoSecret;

#[async_trait]
impl SecretSource for NoSecret {
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
        Err(SecretUnavailable("the variable STRIPE_WEBHOOK_SECRET is not set".to_owned()))
    }
}

//! Who charges for a deployed function, by its variables.

use std::sync::Arc;

use chorus_aws::{StartError, parsed, sdk_config, variable};
use chorus_events::Currency;
use chorus_partners::stripe::{KeyInSecretsManager, STRIPE, Stripe};

use crate::{PaymentProvider, StripeProvider};

/// The variable with the name of the secret that holds Stripe's key.
pub const STRIPE_KEY_SECRET: &str = "STRIPE_KEY_SECRET";

/// What prices are in, by `CURRENCY`.
///
/// # Errors
/// Where the variable is missing or means nothing.
pub fn currency() -> Result<Currency, StartError> {
    parsed("CURRENCY", "a code of ISO 4217")
}

/// Stripe, by the key in the secret that [`STRIPE_KEY_SECRET`] names; nobody, where it names none.
/// `STRIPE_URL` names another server that speaks Stripe's API; with `STRIPE_LIVE_ONLY`, test keys are
/// refused.
///
/// # Errors
/// Where a variable means nothing.
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
    Ok(Some(Arc::new(StripeProvider::new(stripe, currency))))
}

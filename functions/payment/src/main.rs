//! The Payment service on Lambda: charges an order at most once, and refunds a canceled one.
//!
//! Its variables are those of [`chorus_aws::run`], and `STRIPE_KEY_SECRET`, `STRIPE_LIVE_ONLY` and
//! `CURRENCY`: with the first, Stripe charges, by the key in that secret; without, nobody is charged.
//! `STRIPE_URL` names another server that speaks Stripe's API.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_aws::{StartError, parsed, sdk_config, variable};
use chorus_events::Currency;
use chorus_kernel::Kernel;
use chorus_partners::stripe::{KeyInSecretsManager, STRIPE, Stripe};
use chorus_payment::{PaymentProvider, SimulatedProvider, StripeProvider};

fn main() -> ExitCode {
    chorus_aws::run(|kernel| {
        let currency = parsed("CURRENCY", "a code of ISO 4217")?;
        Ok(chorus_payment::function(provider(kernel, currency)?, currency))
    })
}

fn provider(kernel: &Kernel, currency: Currency) -> Result<Arc<dyn PaymentProvider>, StartError> {
    let Some(secret) = variable("STRIPE_KEY_SECRET") else {
        let (store, clock) = (Arc::clone(&kernel.store), Arc::clone(&kernel.clock));
        return Ok(Arc::new(SimulatedProvider::new(store, clock)));
    };
    let live_only = variable("STRIPE_LIVE_ONLY").is_some();
    let key = Arc::new(KeyInSecretsManager::new(&sdk_config(), secret, live_only));
    let url = variable("STRIPE_URL").unwrap_or_else(|| STRIPE.to_owned());
    let elsewhere = |_| StartError::Meaningless { name: "STRIPE_URL", rule: "an https:// URL" };
    let stripe = Stripe::at(&url, key).map_err(elsewhere)?;
    let unknown =
        |_| StartError::Meaningless { name: "CURRENCY", rule: "a code that Stripe knows" };
    let currency = currency.code().parse().map_err(unknown)?;
    Ok(Arc::new(StripeProvider::new(stripe, currency)))
}

//! Connects to the payment provider of a deployed shop. The environment variables of the function
//! Payment determine the provider.

use std::sync::Arc;

use anyhow::Context;
use chorus_aws::SystemClock;
use chorus_aws_operator::Operator;
use chorus_kernel::Store;
use chorus_partners::stripe::STRIPE;
use chorus_payment::{PaymentProvider, SimulatedProvider};

use crate::command::up::{stripe_at, stripe_key};

/// The name of the function that calls the payment provider.
const FUNCTION: &str = "payment";

/// The function's environment variable with the ARN of the secret that contains Stripe's key. The
/// variable is empty if the payment provider is simulated.
const KEY_SECRET: &str = "STRIPE_KEY_SECRET";

/// Returns a stack's payment provider. Reads Stripe's key from this process's environment variable
/// `STRIPE_KEY`; if the variable is not set, reads the key from the stack's secret.
pub(crate) async fn provider_of(
    operator: &Operator,
    store: Arc<dyn Store>,
) -> anyhow::Result<Arc<dyn PaymentProvider>> {
    let configured = operator.variables(FUNCTION).await?;
    let variable = |name: &str| configured.get(name).filter(|text| !text.is_empty());
    if variable(KEY_SECRET).is_none() {
        return Ok(Arc::new(SimulatedProvider::new(store, Arc::new(SystemClock))));
    }
    let key = match stripe_key() {
        Some(key) => key,
        None => operator.secret(FUNCTION, KEY_SECRET).await?.current().await?,
    };
    let currency =
        variable("CURRENCY").context("the function Payment must have the variable CURRENCY")?;
    let currency =
        currency.parse().context("the variable CURRENCY of the function Payment is invalid")?;
    let url = variable("STRIPE_URL").map_or(STRIPE, String::as_str);
    let key = key
        .parse()
        .context("the key in STRIPE_KEY or in the stack's secret must be a secret key of Stripe")?;
    Ok(Arc::new(stripe_at(url, key, currency)?))
}

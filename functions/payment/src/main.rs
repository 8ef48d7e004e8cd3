//! The Payment service on Lambda: charges an order at most once, and refunds a canceled order.
//!
//! The function's environment variables are those of [`chorus_aws::run`] and of
//! [`chorus_payment::deployed`]. Stripe makes the charges. Every stage except prod runs
//! `payment-simulated` instead.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_payment::deployed::{STRIPE_KEY_SECRET, currency, stripe, webhook_secrets};

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let currency = currency()?;
        let stripe = stripe(currency)?.ok_or(StartError::Missing(STRIPE_KEY_SECRET))?;
        Ok(chorus_payment::function(stripe, webhook_secrets(), currency))
    })
}

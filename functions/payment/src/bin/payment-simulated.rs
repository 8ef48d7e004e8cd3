//! The Payment service on Lambda, for every stage except prod. If no key of Stripe is configured,
//! the service uses a simulated provider, which charges nobody.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_payment::SimulatedProvider;
use chorus_payment::deployed::{capture, currency, stripe, webhook_secrets};

fn main() -> ExitCode {
    chorus_aws::run(|kernel| {
        let currency = currency()?;
        let (store, clock) = (Arc::clone(&kernel.store), Arc::clone(&kernel.clock));
        let simulated = SimulatedProvider::new(store, clock).capturing(capture()?);
        let simulated = || Arc::new(simulated) as _;
        let provider = stripe(currency)?.unwrap_or_else(simulated);
        Ok(chorus_payment::function(provider, webhook_secrets(), currency))
    })
}

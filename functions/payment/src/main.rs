//! The Payment service on Lambda: charges an order at most once, and refunds a canceled one.
//!
//! Beside the variables of [`chorus_aws::run`], `PAYMENT_PROVIDER` says who moves the money.

use std::process::ExitCode;
use std::sync::Arc;

use chorus_aws::StartError;
use chorus_kernel::Kernel;
use chorus_payment::{PaymentProvider, SimulatedProvider};

fn main() -> ExitCode {
    chorus_aws::run(|kernel| Ok(chorus_payment::function(provider(kernel)?)))
}

/// The provider that the environment names; a real one is one more arm.
fn provider(kernel: &Kernel) -> Result<Arc<dyn PaymentProvider>, StartError> {
    match chorus_aws::variable("PAYMENT_PROVIDER").as_deref() {
        None | Some("simulated") => {
            let (store, clock) = (Arc::clone(&kernel.store), Arc::clone(&kernel.clock));
            Ok(Arc::new(SimulatedProvider::new(store, clock)))
        }
        Some(_) => Err(StartError::Meaningless { name: "PAYMENT_PROVIDER", rule: "`simulated`" }),
    }
}

//! The Delivery service on Lambda: plans deliveries, and follows them to their end.
//!
//! Beside the variables of [`chorus_aws::run`], `WEBHOOK_SECRET_ARN` names the secret in Secrets
//! Manager that the carrier signs with.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_delivery::function(chorus_delivery::webhook_secrets()?)))
}

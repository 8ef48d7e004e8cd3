//! The Delivery service on Lambda: plans deliveries, and follows parcels until they arrive or the
//! delivery is canceled.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads
//! `WEBHOOK_SECRET_ARN`: the secret in Secrets Manager with which the carrier signs its webhooks.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_delivery::function(chorus_delivery::webhook_secrets()?)))
}

//! The Delivery service on Lambda: plans deliveries, and follows them to their end.
//!
//! Beside the variables of [`chorus_aws::run`], `WEBHOOK_SECRET` is what the carrier signs with.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_webhook_signature::SecretTooShort;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let secret = chorus_aws::variable("WEBHOOK_SECRET");
        let secret = secret.ok_or(StartError::Missing("WEBHOOK_SECRET"))?;
        Ok(chorus_delivery::function(secret.parse().map_err(too_short)?))
    })
}

fn too_short(_: SecretTooShort) -> StartError {
    StartError::Meaningless { name: "WEBHOOK_SECRET", rule: "of at least 16 bytes" }
}

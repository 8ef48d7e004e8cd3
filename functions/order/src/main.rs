//! The Order service on Lambda: takes orders, and knows when they end.
//!
//! Beside the variables of [`chorus_aws::run`], `ORDER_ID_SECRET` is what the ids of new orders are
//! derived with.

use std::process::ExitCode;

use chorus_aws::StartError;
use chorus_order::IdSecretTooShort;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let secret = chorus_aws::variable("ORDER_ID_SECRET");
        let secret = secret.ok_or(StartError::Missing("ORDER_ID_SECRET"))?;
        Ok(chorus_order::function(secret.parse().map_err(too_short)?))
    })
}

fn too_short(_: IdSecretTooShort) -> StartError {
    StartError::Meaningless { name: "ORDER_ID_SECRET", rule: "of at least 16 bytes" }
}

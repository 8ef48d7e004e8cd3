//! The Enterprise service on Lambda: publishes what other accounts may know of orders.
//!
//! Beside the variables of [`chorus_aws::run`], `CURRENCY` is what the shop's prices are in.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_enterprise::function(parsed("CURRENCY", "a code of ISO 4217")?)))
}

//! The Enterprise service on Lambda: publishes public events about orders for other accounts.
//!
//! Beside the variables of [`chorus_aws::run`], `CURRENCY` is the currency of all prices.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_enterprise::function(parsed("CURRENCY", "a code of ISO 4217")?)))
}

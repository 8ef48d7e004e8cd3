//! The Inventory service on Lambda: items, their prices and their stock.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads `CURRENCY`: the
//! currency of all prices.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_inventory::function(chorus_aws::parsed("CURRENCY", "a code of ISO 4217")?))
    })
}

//! The Analytics service on Lambda: counts orders, and adds up their totals.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads `CURRENCY`: the
//! currency of all prices.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_analytics::function(chorus_aws::parsed("CURRENCY", "a code of ISO 4217")?))
    })
}

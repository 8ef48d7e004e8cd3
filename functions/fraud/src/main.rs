//! The Fraud service on Lambda: a person reviews every order of high value.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads `CURRENCY`: the
//! currency of all prices.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_fraud::function(chorus_aws::parsed("CURRENCY", "a code of ISO 4217")?))
    })
}

//! The Enterprise service on Lambda: publishes events about orders, to which other accounts may
//! subscribe.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads `CURRENCY`: the
//! currency of all prices.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_enterprise::function(parsed("CURRENCY", "a code of ISO 4217")?)))
}

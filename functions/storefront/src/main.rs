//! The Storefront service on Lambda: signs what the shop's own front end is told of its orders.
//!
//! Beside the variables of [`chorus_aws::run`], `FRONT_END_SECRET` is what it signs with.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_storefront::function(parsed("FRONT_END_SECRET", "of at least 32 bytes")?))
    })
}

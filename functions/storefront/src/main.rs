//! The Storefront service on Lambda: signs the updates on orders for the shop's own front end.
//!
//! Beside the variables of [`chorus_aws::run`], `FRONT_END_SECRET` is the secret it signs with.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        Ok(chorus_storefront::function(parsed("FRONT_END_SECRET", "of at least 32 bytes")?))
    })
}

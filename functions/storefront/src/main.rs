//! The Storefront service on Lambda: signs the updates on orders for the shop's own front end.
//!
//! Beside the variables of [`chorus_aws::run`], `FRONT_END_SECRET_ARN` names the secret in Secrets
//! Manager that it signs with.

use std::process::ExitCode;

use chorus_aws::secret_named_by;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_storefront::function(secret_named_by("FRONT_END_SECRET_ARN")?)))
}

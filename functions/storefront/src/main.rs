//! The Storefront service on Lambda: signs the updates on orders for the shop's own front end.
//!
//! Besides the environment variables of [`chorus_aws::run`], the function reads
//! `FRONT_END_SECRET_ARN`, the ARN of a secret in Secrets Manager. The service signs with this
//! secret.

use std::process::ExitCode;

use chorus_aws::secret_named_by;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_storefront::function(secret_named_by("FRONT_END_SECRET_ARN")?)))
}

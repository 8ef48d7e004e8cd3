//! The Customs service on Lambda: declares the orders that leave the country.
//!
//! The function's environment variables are those of [`chorus_aws::run`]: for the bus, the
//! function's tables, and the failure queue.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_customs::function()))
}

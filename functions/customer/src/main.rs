//! The Customer service on Lambda: who orders, and who may not.
//!
//! The function's environment variables are those of [`chorus_aws::run`]: the bus, its tables, its
//! failure queue.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_customer::function()))
}

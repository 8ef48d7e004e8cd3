//! The Order service on Lambda: takes orders, and knows when they end.
//!
//! Its variables are those of [`chorus_aws::run`]: the bus, its tables, its failure queue.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_order::function()))
}

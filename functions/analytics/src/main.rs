//! The Analytics service on Lambda: counts orders, and what they are worth.
//!
//! Its variables are those of [`chorus_aws::run`]: the bus, its tables, its failure queue.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_analytics::function()))
}

//! The Fraud service on Lambda: a person looks at every order of high value.
//!
//! Its variables are those of [`chorus_aws::run`]: the bus, its tables, its failure queue.

use std::process::ExitCode;

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(chorus_fraud::function()))
}

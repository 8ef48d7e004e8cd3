//! The sweeper on Lambda: publishes what was committed by a caller who went away.
//!
//! It belongs to no service, as the idempotency records that it looks through belong to all.

use std::process::ExitCode;

use chorus_kernel::Function;
use chorus_table::Service;

/// The sweeper, named as if it were a service of its own.
const SWEEPER: Service = Service {
    name: "sweeper",
    title: "Sweeper",
    source: "",
    meaning: "Publishes what was committed and not published.",
};

fn main() -> ExitCode {
    chorus_aws::run(|_| Ok(Function::of(SWEEPER)))
}

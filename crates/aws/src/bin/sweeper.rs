//! The sweeper on Lambda: publishes what was committed by a caller who went away.
//!
//! It belongs to no service, as the idempotency records that it looks through belong to all. The variable
//! `ROW_OUTPUTS` tells what each row may publish: what a record says beyond that is not published.

use std::process::ExitCode;

use chorus_aws::{ROW_OUTPUTS, StartError, variable};
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
    chorus_aws::run(|_| {
        variable(ROW_OUTPUTS).ok_or(StartError::Missing(ROW_OUTPUTS))?;
        Ok(Function::of(SWEEPER))
    })
}

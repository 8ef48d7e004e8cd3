//! The sweeper on Lambda: publishes the events of committed decisions whose own invocation did not
//! publish them.
//!
//! It belongs to no service, because the idempotency records that it reads belong to all of them.
//! The variable `ROW_OUTPUTS` lists the events that each row may publish; the sweeper publishes no
//! others.

use std::process::ExitCode;

use chorus_aws::{ROW_OUTPUTS, StartError, variable};
use chorus_kernel::Function;
use chorus_table::Service;

/// The sweeper, named as if it were a service of its own.
const SWEEPER: Service = Service {
    name: "sweeper",
    title: "Sweeper",
    source: "",
    meaning: "Publishes committed events that were left unpublished.",
};

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        variable(ROW_OUTPUTS).ok_or(StartError::Missing(ROW_OUTPUTS))?;
        Ok(Function::of(SWEEPER))
    })
}

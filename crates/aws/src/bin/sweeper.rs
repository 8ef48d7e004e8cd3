//! The sweeper on Lambda: publishes events that an invocation committed to the tables, but did not
//! publish.
//!
//! The sweeper belongs to no service, because the idempotency records that it reads belong to all
//! services. The environment variable `ROW_OUTPUTS` lists the events that each row of the design
//! table may publish; the sweeper publishes no other events.

use std::process::ExitCode;

use chorus_aws::{ROW_OUTPUTS, StartError, variable};
use chorus_kernel::Function;
use chorus_table::Service;

/// The sweeper is no service, but its function needs a service's name.
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

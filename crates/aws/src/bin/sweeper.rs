//! The sweeper on Lambda: publishes what was committed by a caller who went away.
//!
//! It belongs to no service, as the idempotency records that it looks through belong to all.

use std::process::ExitCode;

use chorus_events::Service;
use chorus_kernel::Function;

fn main() -> ExitCode {
    // A tick needs no action. Events never come here; an error would name this service.
    chorus_aws::run(|_| Ok(Function::of(Service::EventLog)))
}

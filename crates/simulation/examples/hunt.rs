//! Runs one seed after the other until something is violated, and tells after how many. What the
//! mutation check runs; without a mutant, nothing must be found.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use chorus_simulation::{Campaign, Faults, Setting};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let seeds: u64 = arguments.next().and_then(|seeds| seeds.parse().ok()).unwrap_or(1_000);
    let must_survive = arguments.next().is_some();
    let setting = Setting { most_failures: 1, shrinks: false, ..Setting::default() };
    let campaign = Campaign::Seeds { seeds: 0..seeds, faults: Faults::all(), orders: 4 };
    let report = campaign.run(&setting, &|_| {});
    let killed = report.failures.first();
    let violation = killed.and_then(|failure| failure.violations.first());
    match violation {
        Some(violation) => println!("{name:40} killed after {:5} seeds: {violation}", report.runs),
        None => println!("{name:40} survived {:5} seeds", report.runs),
    }
    if killed.is_some() == must_survive { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

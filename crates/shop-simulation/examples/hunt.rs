//! Runs one seed after another until a run has a violation, and prints how many runs that took.
//! `make mutants` runs this example for each mutant, which is the code without one of its guards,
//! such as a condition. With all guards in place, no run may find a violation.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use chorus_shop_simulation::{Campaign, Simulator, all_faults, faults};
use chorus_simulation::{Setting, Trouble};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let seeds: u64 = arguments.next().and_then(|seeds| seeds.parse().ok()).unwrap_or(1_000);
    let must_survive = arguments.next().is_some();
    let setting = Setting { most_failures: 1, shrinks: false, ..Setting::default() };
    // These faults make no call fail. They come from customers, reviewers and banks, and from the
    // bus, which copies and delays events.
    let people = faults("customers,forgetting,refunds,reviews,duplicates,delays");
    let simulator = Simulator::new();
    let (mut runs, mut violation) = (0, None);
    let mut regions = all_faults();
    regions.0.insert(Trouble::REGIONS);
    let people = people.expect("these are names of troubles");
    // If a guard that keeps two regions apart is missing, only runs with two regions show it. If a
    // guard between tenants is missing, only runs with a noisy tenant show it.
    let mut noisy = all_faults();
    noisy.0.insert(Trouble::NOISY_TENANT);
    let runs_of = match name.split('-').next() {
        Some("region") => vec![regions],
        Some("tenants") => vec![noisy],
        _ => vec![all_faults(), people, regions, noisy],
    };
    for faults in runs_of {
        let campaign = Campaign::Seeds { seeds: 0..seeds, faults, size: 4 };
        let report = simulator.campaign(&campaign, &setting, &|_| {});
        let report = report.expect("the shop can be set up");
        runs += report.runs;
        violation = report.failures.first().and_then(|failure| failure.violations.first().cloned());
        if violation.is_some() {
            break;
        }
    }
    match &violation {
        Some(violation) => println!("{name:40} killed after {runs:5} seeds: {violation}"),
        None => println!("{name:40} survived {runs:5} seeds"),
    }
    if violation.is_some() == must_survive { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

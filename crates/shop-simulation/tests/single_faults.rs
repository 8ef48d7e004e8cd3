//! Tries every fault at every call of fixed scripts, one fault in each run.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use chorus_shop_simulation::{Campaign, Report, Simulator, Story};
use chorus_simulation::Setting;

/// Tries every fault at every call of `story`, which must have two orders.
#[track_caller]
fn nothing_goes_wrong(story: Story) -> Report {
    let simulator = Simulator::new();
    let campaign = Campaign::Single { story };
    let report = simulator.campaign(&campaign, &Setting::default(), &|_| {}).unwrap();
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    assert_eq!(report.failed, 0, "{}", serde_json::to_string_pretty(&report.failures).unwrap());
    assert_eq!(report.runs, simulator.single_faults(story).unwrap().len() as u64);
    assert!(report.runs > 500, "{}", report.runs);
    assert_eq!(report.ends.delivered + report.ends.canceled, 2 * report.runs, "{:?}", report.ends);
    report
}

#[test]
fn no_single_fault_at_any_call_loses_or_doubles_anything() {
    let report = nothing_goes_wrong(Story::Both);
    // One of the two orders is delivered, and the other one is canceled.
    assert_eq!(report.ends.delivered, report.runs, "{:?}", report.ends);
}

#[test]
fn no_single_fault_charges_an_order_twice_that_is_charged_when_it_leaves_or_keeps_an_amount_held() {
    let report = nothing_goes_wrong(Story::WhenShipped);
    assert_eq!(report.ends.delivered, report.runs, "{:?}", report.ends);
}

#[test]
fn no_single_fault_keeps_a_customer_from_being_forgotten_or_from_coming_back() {
    let report = nothing_goes_wrong(Story::Forgotten);
    assert_eq!(report.ends.forgotten, report.runs, "{:?}", report.ends);
    // A fault can delay the first order until its customer's data is erased. The order is then
    // canceled.
    assert!(report.ends.delivered >= report.runs - 10, "{:?}", report.ends);
}

//! Every fault at every call of one fixed script, one in each run.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use chorus_shop_simulation::{Campaign, Simulator, Story};
use chorus_simulation::Setting;

#[test]
fn no_single_fault_at_any_call_loses_or_doubles_anything() {
    let (simulator, story) = (Simulator::new(), Story::Both);
    let campaign = Campaign::Single { story };
    let report = simulator.campaign(&campaign, &Setting::default(), &|_| {}).unwrap();
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    assert_eq!(report.failed, 0, "{}", serde_json::to_string_pretty(&report.failures).unwrap());
    assert_eq!(report.runs, simulator.single_faults(story).unwrap().len() as u64);
    assert!(report.runs > 500, "{}", report.runs);
    // One of the two orders is delivered, and the other one is canceled.
    assert_eq!(report.ends.delivered, report.runs, "{:?}", report.ends);
    assert_eq!(report.ends.canceled, report.runs, "{:?}", report.ends);
}

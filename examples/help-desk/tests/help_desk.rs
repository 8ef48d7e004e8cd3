//! The help desk holds: its flow closes, its template is the committed one, and seeds hold.
#![allow(clippy::unwrap_used)]

use chorus_simulation::{Setting, Simulator};
use help_desk::simulation::{HelpDesk, campaign};

#[test]
fn the_flow_closes_and_the_code_does_what_the_table_says() {
    assert_eq!(help_desk::flaws(), []);
}

#[test]
fn the_template_is_clean_and_the_committed_one() {
    let stack = help_desk::stack();
    let template = chorus_template::synthesize(&stack);
    assert_eq!(chorus_template::check(&template.document(), &stack), []);
    let committed = std::fs::read_to_string(stack.root.join("template.yaml")).unwrap();
    assert!(committed == template.to_yaml(), "`cargo run -p help-desk -- synth --write`");
}

#[test]
fn every_ticket_ends_and_frees_its_agent_whatever_goes_wrong() {
    let simulator = Simulator::<HelpDesk>::new();
    let report = simulator.campaign(&campaign(200), &Setting::default(), &|_| {}).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.failures);
    assert!(0 < report.ends && report.ends < 400, "{} tickets were withdrawn", report.ends);
}

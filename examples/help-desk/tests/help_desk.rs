//! The help desk's flow is complete, its template is the committed one, and simulated runs find no
//! violation.
#![allow(clippy::unwrap_used)]

use help_desk::simulation::HelpDesk;

#[test]
fn the_flow_closes_and_the_template_is_clean_and_the_committed_one() {
    let stack = help_desk::stack();
    assert_eq!(chorus_cli::findings(&stack), []);
    let committed = std::fs::read_to_string(stack.root.join("template.yaml")).unwrap();
    let printed = chorus_template::synthesize(&stack).to_yaml();
    assert!(committed == printed, "`cargo run -p help-desk -- synth --write`");
}

#[test]
fn every_ticket_ends_and_frees_its_agent_whatever_goes_wrong() {
    let report = chorus_cli::simulate::<HelpDesk>(200).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.failures);
    assert!(0 < report.ends && report.ends < 400, "{} tickets were withdrawn", report.ends);
}

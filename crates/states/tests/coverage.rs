//! Coverage tells which states and transitions a set of runs has covered, and which are missing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use states::{Coverage, Machine, Mocks, RunOptions, run};

const MACHINE: &str = r#"{"StartAt":"Ask","States":{
    "Ask":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Next":"Choose",
      "Catch":[{"ErrorEquals":["Down"],"Next":"Choose"},{"ErrorEquals":["States.ALL"],"Next":"No"}]},
    "Choose":{"Type":"Choice","Choices":[{"Variable":"$.n","IsPresent":true,"Next":"Yes"}],
      "Default":"Yes"},
    "Yes":{"Type":"Succeed"},"No":{"Type":"Fail"}}}"#;

fn missing(coverage: &Coverage) -> (Vec<&str>, Vec<String>) {
    let states = coverage.states().filter(|(_, times)| *times == 0).map(|(name, _)| name);
    let transitions = coverage.transitions().filter(|(_, times)| *times == 0);
    (states.collect(), transitions.map(|(it, _)| format!("{} {}", it.from, it.field)).collect())
}

#[test]
fn two_transitions_to_the_same_state_are_told_apart() {
    let machine = Machine::parse(MACHINE).unwrap();
    let mut coverage = Coverage::new(&machine);
    let mut try_with = |mocks: &str| {
        let mut mocks = Mocks::parse(mocks).unwrap();
        let ran = run(&machine, states::Json::Null, &mut mocks, RunOptions::default()).unwrap();
        coverage.add(&ran);
        (coverage.is_whole(), coverage.clone())
    };
    let (_, after) = try_with(r#"{"Ask":{"Return":{}}}"#);
    let missed = ["Ask Catch[0].Next", "Ask Catch[1].Next", "Choose Choices[0].Next"];
    assert_eq!(missing(&after), (vec!["No"], missed.map(str::to_owned).to_vec()));
    try_with(r#"{"Ask":{"Throw":{"Error":"Down"}}}"#);
    try_with(r#"{"Ask":{"Throw":{"Error":"Other"}}}"#);
    let (whole, after) = try_with(r#"{"Ask":{"Return":{"n":1}}}"#);
    assert!(whole, "{:?}", missing(&after));
}

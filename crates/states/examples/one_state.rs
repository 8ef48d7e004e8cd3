//! Tests a single state and prints what Step Functions' `TestState` would answer.
//!
//! `cargo run -p states --example one_state`

use std::error::Error;
use std::io::Write;

use states::{Failure, Machine, Mocks, StateTest};

const MACHINE: &str = r#"{
  "StartAt": "Charge",
  "States": {
    "Charge": {
      "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {"FunctionName": "charge", "Payload.$": "$.order"},
      "Catch": [{"ErrorEquals": ["Declined"], "ResultPath": "$.error", "Next": "Refused"}],
      "End": true
    },
    "Refused": {"Type": "Fail"}
  }
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let machine = Machine::parse(MACHINE)?;
    let outcome = Some(Err(Failure::new("Declined", "no funds")));
    let test = StateTest { outcome, ..StateTest::new(r#"{"order": {"id": 7}}"#.parse()?) };
    let inspected = machine.test_state("Charge", test, &mut Mocks::default())?;
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&inspected)?)?;
    Ok(())
}

//! Runs a machine in virtual time, with mocks for its tasks, and prints the history.
//!
//! `cargo run -p states --example order`

use std::error::Error;
use std::io::Write;

use states::{Machine, Mocks, RunOptions, run};

const MACHINE: &str = r#"{
  "StartAt": "Charge",
  "States": {
    "Charge": {
      "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
      "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
      "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 2}],
      "ResultSelector": {"id.$": "$.Payload.id"}, "ResultPath": "$.charge", "Next": "Large?"
    },
    "Large?": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.total", "NumericGreaterThan": 1000, "Next": "Review"}],
      "Default": "Done"
    },
    "Review": {"Type": "Wait", "Seconds": 3600, "Next": "Done"},
    "Done": {"Type": "Succeed"}
  }
}"#;

const MOCKS: &str = r#"{"Charge": [
  {"Throw": {"Error": "Busy", "Cause": "try again"}},
  {"Return": {"Payload": {"id": "ch_1"}}}
]}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let machine = Machine::parse(MACHINE)?;
    let input = r#"{"total": 1200}"#.parse()?;
    let ran = run(&machine, input, &mut Mocks::parse(MOCKS)?, RunOptions::default())?;
    let mut out = std::io::stdout().lock();
    for event in &ran.history {
        writeln!(out, "{:>3} {} {}", event.id, event.timestamp, event.kind)?;
    }
    writeln!(out, "{:?} after {} s", ran.status, ran.ended.as_second())?;
    Ok(())
}

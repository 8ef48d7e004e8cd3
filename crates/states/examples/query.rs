//! Runs a machine whose query language is JSONata.
//!
//! `cargo run -p states --features jsonata --example query`

use std::error::Error;
use std::io::Write;

use states::{Machine, Mocks, RunOptions, run};

const MACHINE: &str = r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "Total",
  "States": {
    "Total": {
      "Type": "Pass",
      "Assign": {"total": "{% $sum($states.input.lines.(price * quantity)) %}"},
      "Output": "{% $states.input %}", "Next": "Large?"
    },
    "Large?": {
      "Type": "Choice",
      "Choices": [{"Condition": "{% $total > 1000 %}", "Next": "Review"}],
      "Default": "Done"
    },
    "Review": {"Type": "Fail", "Error": "TooLarge", "Cause": "{% $total & ' is too much' %}"},
    "Done": {"Type": "Succeed", "Output": {"total": "{% $total %}"}}
  }
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let machine = Machine::parse(MACHINE)?;
    for price in [10, 600] {
        let input = format!(r#"{{"lines": [{{"price": {price}, "quantity": 2}}]}}"#).parse()?;
        let ran = run(&machine, input, &mut Mocks::default(), RunOptions::default())?;
        writeln!(std::io::stdout(), "{:?}", ran.status)?;
    }
    Ok(())
}

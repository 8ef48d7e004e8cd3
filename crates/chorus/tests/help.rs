//! Every command tells what it does.

use crate::{chorus, well};

const COMMANDS: [&str; 16] = [
    "demo",
    "up",
    "import",
    "order",
    "trace",
    "events",
    "dlq",
    "design",
    "projections",
    "pattern",
    "states",
    "synth",
    "partners",
    "simulate",
    "replay",
    "doctor",
];

#[test]
fn every_command_is_listed_and_has_help_of_its_own() {
    let help = well(&["--help"]);
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in\n{help}");
        let own = well(&[command, "--help"]);
        assert!(own.contains("Usage: chorus"), "{own}");
    }
}

#[test]
fn the_design_table_is_printed_and_its_flow_closes() {
    let table = well(&["design"]);
    assert!(table.contains("ReserveItem") && table.contains("ItemNotAvailable"), "{table}");
    assert!(!table.contains('\u{1b}'), "plain in a pipe");
    assert!(well(&["design", "--check"]).starts_with("The flow closes"));
    let rows: serde_json::Value = serde_json::from_str(&well(&["design", "--json"])).unwrap();
    assert!(rows.as_array().unwrap().len() >= 25);
}

#[test]
fn a_shop_that_does_not_run_is_said_so_with_what_to_do() {
    let output = chorus(&["order", "--url", "http://127.0.0.1:9", "show", "some-order"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("start one with `chorus up"), "{error}");
    let output = chorus(&["dlq", "--data", "/nonexistent/shop", "list"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("there is no shop in /nonexistent/shop"), "{error}");
}

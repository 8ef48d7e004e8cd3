//! Every command has a help text.

use crate::{chorus, stdout_of, well};

const COMMANDS: [&str; 30] = [
    "demo",
    "up",
    "token",
    "webhook",
    "console",
    "import",
    "order",
    "trace",
    "events",
    "dlq",
    "cost",
    "design",
    "projections",
    "pattern",
    "states",
    "synth",
    "partners",
    "simulate",
    "replay",
    "doctor",
    "payment",
    "review",
    "export",
    "forget",
    "accounts",
    "settle",
    "backup",
    "restore",
    "failover",
    "upgrade",
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
    assert!(!table.contains('\u{1b}'), "a pipe must get no escape sequences");
    assert!(well(&["design", "--check"]).starts_with("The flow has no gaps"));
    let rows: serde_json::Value = serde_json::from_str(&well(&["design", "--json"])).unwrap();
    assert!(rows.as_array().unwrap().len() >= 25);
}

#[test]
fn a_shop_that_does_not_run_is_reported_with_what_to_do() {
    let output = chorus(&["order", "--url", "http://127.0.0.1:9", "show", "some-order"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains(" up --data DIR`"), "{error}");
    let output = chorus(&["dlq", "--data", "/nonexistent/shop", "list"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("there is no shop in /nonexistent/shop"), "{error}");
    assert!(error.contains("up --data /nonexistent/shop"), "{error}");
    let output = chorus(&["upgrade", "--check", "/nonexistent/shop"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("`chorus up --data /nonexistent/shop` starts a new one"), "{error}");
}

#[test]
fn a_stale_template_is_a_finding_and_json_stays_one_value() {
    let empty = tempfile::tempdir().unwrap();
    let root = empty.path().display().to_string();
    let check = ["synth", "--check", "--root", &root];
    let output = chorus(&[&check[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let stale = serde_json::json!({
        "subject": "template.yaml",
        "problem": "is stale",
        "remedy": "Run `chorus synth --write`",
    });
    assert!(findings.as_array().unwrap().contains(&stale), "{findings}");
    let output_text = stdout_of(&chorus(&check));
    assert!(output_text.contains("template.yaml: is stale. Run"), "{output_text}");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_done() {
    for (arguments, stdout_of) in [
        (
            &["order", "list", "--customer", "a", "--url", "nonsense"][..],
            "must be an http or https URL",
        ),
        (&["events", "--last", "0"], "1..=10000"),
        (&["import", "northwind"], "--data <DIR>|--url <URL>"),
        (&["order", "place", "--customer", "ana", "--line", "chai:0"], "from 1 to 10000"),
    ] {
        let output = chorus(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(stdout_of), "{arguments:?}: {error}");
    }
    let output = chorus(&["design", "--write", "--root", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!std::path::Path::new("/nonexistent").exists(), "the command must create no directory");
}

#[test]
fn a_reader_who_goes_away_is_no_error_and_a_full_disk_is_one() {
    let table = |stdout: std::process::Stdio| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chorus"));
        command.arg("design").stdout(stdout).output().unwrap()
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    if let Ok(full) = full {
        let output = table(full.into());
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("cannot be written") && !error.contains("panicked"), "{error}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = table(writer.into());
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn a_directory_that_holds_something_else_is_named() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("store.db"), "this is not a database").unwrap();
    let data = place.path().display().to_string();
    for arguments in [&["order", "list", "--customer", "ana"][..], &["up", "--port", "0"]] {
        let output = chorus(&[arguments, &["--data", &data]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
        let output_text = format!("the shop in {data} cannot be opened");
        assert!(
            error.contains(&output_text) && !error.contains("panicked"),
            "{arguments:?}: {error}"
        );
    }
}

//! `chorus pattern` tells a match, no match and an invalid pattern apart, and why.

use std::path::{Path, PathBuf};

use crate::{chorus, said, well};

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn sample(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events/samples");
    root.join(name).display().to_string()
}

#[test]
fn a_pattern_is_tried_on_an_event_and_the_deciding_field_is_named() {
    let place = tempfile::tempdir().unwrap();
    let high = r#"{"detail":{"data":{"total":[{"numeric":[">=",1000]}]}}}"#;
    let pattern = file(place.path(), "high.json", high);
    let output = chorus(&[
        "pattern",
        "test",
        "--pattern",
        &pattern,
        "--event",
        &sample("OrderCreated.json"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("no match") && said(&output).contains("237.51"),
        "{}",
        said(&output)
    );
    let high_event = sample("OrderCreated-2.json");
    let matched = well(&["pattern", "test", "--pattern", &pattern, "--event", &high_event]);
    assert!(matched.starts_with("match\n  + detail.data.total is "), "{matched}");
    let invalid = file(place.path(), "invalid.json", r#"{"detail":{"total":[{"numeric":[">"]}]}}"#);
    let output = chorus(&["pattern", "test", "--pattern", &invalid, "--event", &high_event]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("$.detail.total"), "{error}");
    let gone = chorus(&["pattern", "test", "--pattern", "gone.json", "--event", &high_event]);
    assert_eq!(gone.status.code(), Some(2), "what cannot be read is not 'no match'");
}

#[test]
fn cases_are_run_and_disagreements_are_counted() {
    let place = tempfile::tempdir().unwrap();
    let agree = r#"{"name":"a","pattern":{"a":[1]},"event":{"a":1},"expected":true}"#;
    let differ = r#"{"name":"b","pattern":{"a":[1]},"event":{"a":1},"expected":false}"#;
    let refused = r#"{"name":"c","pattern":{"a":1},"event":{"a":1},"expected":"invalid"}"#;
    let cases = file(place.path(), "agree.jsonl", &format!("{agree}\n{refused}\n"));
    assert!(well(&["pattern", "check", "--cases", &cases]).ends_with("2 cases, 0 disagreements\n"));
    let cases = file(place.path(), "differ.jsonl", &format!("{agree}\n{differ}\n"));
    let output = chorus(&["pattern", "check", "--cases", &cases]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).ends_with("2 cases, 1 disagreements\n"), "{}", said(&output));
}

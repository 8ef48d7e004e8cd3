//! `chorus design --compat` compares the contract, that is the schemas of all messages, with the
//! contract in a folder or a commit.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{chorus, stdout_of, well};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Copies the published schemas to a folder below `root`. In the copy, the total of `OrderCreated`
/// is a string.
fn edited(root: &Path) -> String {
    let folder = root.join("events/schemas/published");
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(Path::new(ROOT).join("events/schemas/published")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let edited = folder.join("OrderCreated.v1.json");
    let mut schema: Value =
        serde_json::from_str(&std::fs::read_to_string(&edited).unwrap()).unwrap();
    schema["properties"]["total"] = serde_json::json!({ "type": "string" });
    std::fs::write(&edited, schema.to_string()).unwrap();
    folder.display().to_string()
}

#[track_caller]
fn breaks_the_total(arguments: &[&str]) {
    let output = chorus(&[&["design", "--compat", "--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<Value> = serde_json::from_str(&stdout_of(&output)).unwrap();
    let directions: Vec<&str> = found.iter().map(|it| it["direction"].as_str().unwrap()).collect();
    assert_eq!(directions, ["new-producers-old-consumers", "old-events-new-consumers"]);
    for finding in &found {
        assert_eq!(
            (&finding["event"], &finding["path"]),
            (&"OrderCreated".into(), &"total".into())
        );
        let rows = finding["rows"].as_array().unwrap();
        assert!(rows.contains(&"ReviewOrder".into()) && !rows.contains(&"RecordEvent".into()));
        assert!(finding["remedy"].as_str().unwrap().contains("version 2"), "{finding}");
    }
}

#[test]
fn the_contract_is_compatible_with_what_was_published() {
    assert!(well(&["design", "--compat", "--root", ROOT]).starts_with("Compatible with "));
    assert_eq!(well(&["design", "--compat", "--root", ROOT, "--json"]).trim(), "[]");
}

#[test]
fn a_change_is_judged_against_a_folder_and_against_a_commit() {
    let place = tempfile::tempdir().unwrap();
    let folder = edited(place.path());
    breaks_the_total(&["--against", &folder]);
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(place.path()).args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        assert!(git.args(arguments).output().unwrap().status.success(), "{arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "Publish"]);
    std::fs::remove_dir_all(place.path().join("events")).unwrap();
    let root = place.path().display().to_string();
    breaks_the_total(&["--root", &root, "--against", "HEAD"]);
}

#[test]
fn what_is_neither_a_folder_nor_a_commit_is_refused_as_such() {
    let output = chorus(&["design", "--compat", "--root", ROOT, "--against", "no-such-release"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("no-such-release") && error.contains("must be a folder"), "{error}");
}

#[test]
fn nothing_is_written_or_published_of_a_contract_that_breaks_somebody() {
    let place = tempfile::tempdir().unwrap();
    edited(place.path());
    std::fs::create_dir_all(place.path().join("events/src")).unwrap();
    std::fs::write(place.path().join("events/src/table.rs"), "").unwrap();
    let root = place.path().display().to_string();
    for what in ["--write", "--publish"] {
        let output = chorus(&["design", what, "--root", &root]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{what}");
        assert!(error.contains("OrderCreated version 1: total may be"), "{what}: {error}");
        assert!(!place.path().join("events/schemas/OrderCreated.v1.json").exists(), "{what}");
    }
}

#[test]
fn a_schema_that_differs_in_words_only_is_not_published_again() {
    let place = tempfile::tempdir().unwrap();
    edited(place.path());
    std::fs::create_dir_all(place.path().join("events/src")).unwrap();
    std::fs::write(place.path().join("events/src/table.rs"), "").unwrap();
    let root = place.path().display().to_string();
    let edited = place.path().join("events/schemas/published/OrderCreated.v1.json");
    std::fs::remove_file(&edited).unwrap();
    assert_ne!(well(&["design", "--publish", "--root", &root]), "0 new schemas published.\n");
    let mut schema: Value =
        serde_json::from_str(&std::fs::read_to_string(&edited).unwrap()).unwrap();
    schema["description"] = "Other words.".into();
    std::fs::write(&edited, schema.to_string()).unwrap();
    assert_eq!(well(&["design", "--publish", "--root", &root]), "0 new schemas published.\n");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&edited).unwrap()).unwrap();
    assert_eq!(written["description"], "Other words.");
}

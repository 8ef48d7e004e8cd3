//! Follows `docs/ADD-A-ROW.md` to the letter, on a copy of what it touches.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The rooms that the table stands on.
const ROOMS: [&str; 4] = ["events", "crates/table", "crates/design", "crates/event-pattern"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The code blocks of the page, in order, with their language.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n")));
        }
    }
    blocks
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_owned();
        if path.is_dir() {
            if name != "target" && name != "fuzz" {
                copy(&path, &to.join(name));
            }
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A workspace of just those rooms, with a binary that proves the flow as `chorus design --check`.
fn workspace(place: &Path) {
    for room in ROOMS {
        copy(&root().join(room), &place.join(room));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    let workspace = manifest["workspace"].as_table_mut().unwrap();
    workspace.insert("members".to_owned(), ROOMS.map(toml::Value::from).to_vec().into());
    workspace.insert("default-members".to_owned(), vec![toml::Value::from("crates/design")].into());
    workspace.remove("exclude");
    manifest.remove("profile");
    std::fs::write(place.join("Cargo.toml"), manifest.to_string()).unwrap();
    std::fs::copy(root().join("Cargo.lock"), place.join("Cargo.lock")).unwrap();
    std::fs::create_dir_all(place.join("crates/design/examples")).unwrap();
    let proof = "//! Proves the flow.\nfn main() {\n    let table = chorus_events::table::TABLE;\n    \
        let found = chorus_design::check(table.rows, &table.messages());\n    \
        for found in &found { println!(\"{found}\"); }\n    \
        if found.is_empty() { println!(\"The flow closes\"); }\n}\n";
    std::fs::write(place.join("crates/design/examples/proof.rs"), proof).unwrap();
}

/// What the check says there.
fn check(place: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "chorus-design", "--example", "proof"])
        .current_dir(place)
        .env("CARGO_TARGET_DIR", root().join("target/walkthrough"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let (said, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    said.into_owned()
}

fn edit(path: &Path, change: impl FnOnce(&str) -> String) {
    let before = std::fs::read_to_string(path).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "{} is as before", path.display());
    std::fs::write(path, after).unwrap();
}

#[test]
fn the_page_that_adds_a_row_is_true() {
    let page = std::fs::read_to_string(root().join("docs/ADD-A-ROW.md")).unwrap();
    let blocks = blocks(&page);
    let of = |language: &str| -> Vec<&str> {
        let of = blocks.iter().filter(|(other, _)| other == language);
        of.map(|(_, block)| block.as_str()).collect()
    };
    let ([event, row, terminal], [open, closed]) =
        (of("rust").try_into().unwrap(), of("text").try_into().unwrap());

    let place = tempfile::tempdir().unwrap();
    workspace(place.path());
    let notification = place.path().join("events/src/notification.rs");
    edit(&notification, |source| format!("{source}\n{event}\n"));
    let before = "    /// Keeps every event, for good.\n";
    edit(&place.path().join("events/src/table.rs"), |source| {
        source.replacen(before, &format!("{row}\n\n{before}"), 1)
    });
    assert_eq!(check(place.path()).trim(), open);
    let step = terminal.replace("Terminal", "Step");
    edit(&notification, |source| source.replacen(&step, terminal, 1));
    assert_eq!(check(place.path()).trim(), closed);
}

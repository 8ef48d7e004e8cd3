//! Rules for source files: their names, lengths and first comments, and no unfinished work.

use std::path::{Path, PathBuf};

use crate::root;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

pub(crate) fn all() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for room in ["events", "crates", "functions", "tests", "infra", "examples"] {
        let room = root().join(room);
        if room.exists() {
            sources(&room, &mut found);
        }
    }
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    found.into_iter().map(read).collect()
}

#[test]
fn every_file_says_what_it_is_for() {
    for (path, text) in all() {
        let says_its_purpose = text.starts_with("#![doc = include_str!")
            || text.lines().take(5).any(|line| line.starts_with("//! "));
        assert!(
            says_its_purpose,
            "{} must begin with a `//!` comment that says what the file is for",
            path.display()
        );
    }
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    for (path, text) in all() {
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it by meaning", path.display());
    }
}

#[test]
fn no_file_that_is_ignored_is_committed() {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--ignored", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout),
        "",
        "files that .gitignore names must not be committed"
    );
}

#[test]
fn nothing_is_left_undone() {
    let leftovers = ["todo", "unimplemented"].map(|word| format!("{word}!("));
    let marks = ["FIX", "HACK", "XXX"]
        .map(|word| format!("{word}{}", if word == "FIX" { "ME" } else { ":" }));
    for (path, text) in all() {
        for leftover in leftovers.iter().chain(&marks) {
            assert!(!text.contains(leftover.as_str()), "{} has {leftover}", path.display());
        }
    }
}

#[test]
fn no_name_says_nothing() {
    let banned =
        ["utils", "util", "common", "helpers", "helper", "manager", "types", "models", "misc"];
    for (path, _) in all() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(
            !banned.contains(&stem.as_str()),
            "{}: the name must say what is in the file",
            path.display()
        );
    }
}

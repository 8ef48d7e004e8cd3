//! The checked-in files that derive from the design table equal what the table generates now.

use std::collections::BTreeSet;

use chorus_design::{Contract, Finding, PUBLISHED, compare, files, published};
use chorus_events::table::TABLE;

use crate::root;

#[test]
fn generated_files_are_what_the_table_says() {
    for file in files(&TABLE, "events/src/table.rs").unwrap() {
        let there = std::fs::read_to_string(root().join(&file.path)).unwrap_or_default();
        let stale = format!("{} is stale: run `make generate`", file.path);
        assert!(there == file.content, "{stale}");
    }
}

#[test]
fn the_contract_for_carriers_is_what_the_code_says() {
    let file = chorus_infra::carrier_contract().unwrap();
    let there = std::fs::read_to_string(root().join(&file.path)).unwrap_or_default();
    assert!(there == file.content, "{} is stale: run `make generate`", file.path);
}

#[test]
fn no_schema_sample_or_page_is_left_of_an_event_that_is_no_more() {
    let generated: BTreeSet<String> =
        files(&TABLE, "events/src/table.rs").unwrap().into_iter().map(|file| file.path).collect();
    for folder in ["events/schemas", "events/samples", "docs/events"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                continue; // Published schemas are never deleted.
            }
            assert!(
                generated.contains(&path),
                "{path} belongs to no event of the design table: delete the file"
            );
        }
    }
}

#[test]
fn the_contract_can_be_spoken_with_what_was_published() {
    let old = published(&root().join(PUBLISHED), &TABLE).unwrap();
    assert!(!old.schemas.is_empty());
    let found = compare(&old, &Contract::of(&TABLE).unwrap());
    let lines: Vec<String> =
        found.into_iter().map(|found| Finding::from(found).to_string()).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

//! Dependencies point one way: table ← kernel ← (http | local | aws) ← shop ← binaries. A second
//! application, the help desk in `examples`, depends on the same engine, but not on the shop.

use std::collections::{BTreeMap, BTreeSet};

use crate::root;

/// The section of a manifest that names the dependencies of the crate itself.
const OWN: &[&str] = &["dependencies"];
/// The sections that name the dependencies of the crate and of its tests.
const WITH_TESTS: &[&str] = &["dependencies", "dev-dependencies"];

/// Returns, for each crate of the project, the dependencies in these sections of the crate's
/// manifest, without optional dependencies.
fn dependencies(sections: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for room in ["events", "infra", "crates", "functions", "examples"] {
        for manifest in manifests(room) {
            let text = std::fs::read_to_string(&manifest).unwrap();
            let toml: toml::Table = text.parse().unwrap();
            let name = toml["package"]["name"].as_str().unwrap().to_owned();
            let required = |(_, spec): &(&String, &toml::Value)| {
                !spec.get("optional").and_then(toml::Value::as_bool).unwrap_or(false)
            };
            let tables = sections.iter().filter_map(|section| toml.get(*section)?.as_table());
            let names = tables.flatten().filter(required);
            all.insert(name, names.map(|(name, _)| name.clone()).collect());
        }
    }
    all
}

fn manifests(room: &str) -> Vec<std::path::PathBuf> {
    let room = root().join(room);
    if room.join("Cargo.toml").exists() {
        return vec![room.join("Cargo.toml")];
    }
    let folders = std::fs::read_dir(&room).into_iter().flatten();
    folders
        .map(|entry| entry.unwrap().path().join("Cargo.toml"))
        .filter(|path| path.exists())
        .collect()
}

fn services() -> Vec<String> {
    chorus_events::services::ALL.iter().map(|service| format!("chorus-{}", service.name)).collect()
}

#[track_caller]
fn knows_only(name: &str, sections: &[&str], allowed: &[&str]) {
    let all = dependencies(sections);
    let ours: BTreeSet<&String> =
        all[name].iter().filter(|dependency| all.contains_key(*dependency)).collect();
    let unexpected: Vec<_> =
        ours.into_iter().filter(|known| !allowed.contains(&known.as_str())).collect();
    assert!(unexpected.is_empty(), "{name} must not depend on {unexpected:?}");
}

/// The crates of the engine, which every application with a design table uses.
const ENGINE: [&str; 13] = [
    "chorus-table",
    "chorus-kernel",
    "chorus-http",
    "chorus-local",
    "chorus-aws",
    "chorus-aws-operator",
    "chorus-design",
    "chorus-template",
    "chorus-simulation",
    "chorus-cli",
    "chorus-test-table",
    "event-pattern",
    "states",
];

#[test]
fn neither_the_engine_nor_its_tests_know_the_shop() {
    for name in ENGINE {
        knows_only(name, WITH_TESTS, &ENGINE);
    }
}

#[test]
fn a_second_application_stands_on_the_engine_alone() {
    knows_only("help-desk", WITH_TESTS, &ENGINE);
}

#[test]
fn the_tools_stand_alone_and_the_table_and_the_kernel_know_little() {
    knows_only("event-pattern", OWN, &[]);
    knows_only("states", OWN, &[]);
    knows_only("cloudformation-template", OWN, &[]);
    knows_only("which-rule", OWN, &["cloudformation-template", "event-pattern"]);
    knows_only("chorus-table", OWN, &[]);
    knows_only("chorus-kernel", OWN, &["chorus-table"]);
    knows_only("chorus-events", OWN, &["chorus-table"]);
    knows_only("chorus-partners", OWN, &[]);
}

#[test]
fn services_never_know_of_each_other() {
    let shared = ["chorus-events", "chorus-http", "chorus-kernel", "chorus-table"];
    for service in services() {
        knows_only(
            &service,
            OWN,
            &[&shared[..], &["chorus-partners", "chorus-webhook-signature"]].concat(),
        );
    }
}

#[test]
fn an_action_knows_nothing_of_aws() {
    let all = dependencies(OWN);
    for service in services().iter().map(String::as_str).chain([
        "chorus-events",
        "chorus-kernel",
        "chorus-table",
    ]) {
        let aws = |name: &&String| {
            name.starts_with("aws") || name.starts_with("lambda") || *name == "chorus-aws"
        };
        let found: Vec<_> = all[service].iter().filter(aws).collect();
        assert!(found.is_empty(), "{service} depends on {found:?}");
    }
}

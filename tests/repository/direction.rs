//! Dependencies point one way: events ← kernel ← functions ← (aws | local) ← binaries.

use std::collections::{BTreeMap, BTreeSet};

use crate::root;

/// The project's own crates that each of them depends on, not counting tests and optional ones.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for room in ["events", "infra", "crates", "functions"] {
        for manifest in manifests(room) {
            let text = std::fs::read_to_string(&manifest).unwrap();
            let toml: toml::Table = text.parse().unwrap();
            let name = toml["package"]["name"].as_str().unwrap().to_owned();
            let required = |(_, spec): &(&String, &toml::Value)| {
                !spec.get("optional").and_then(toml::Value::as_bool).unwrap_or(false)
            };
            let dependencies = toml.get("dependencies").and_then(toml::Value::as_table);
            let names = dependencies.into_iter().flatten().filter(required);
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
    chorus_events::Service::ALL.iter().map(|service| format!("chorus-{}", service.name())).collect()
}

#[track_caller]
fn knows_only(name: &str, allowed: &[&str]) {
    let all = dependencies();
    let ours: BTreeSet<&String> =
        all[name].iter().filter(|dependency| all.contains_key(*dependency)).collect();
    let unexpected: Vec<_> =
        ours.into_iter().filter(|known| !allowed.contains(&known.as_str())).collect();
    assert!(unexpected.is_empty(), "{name} must not know of {unexpected:?}");
}

#[test]
fn the_contract_knows_of_nothing_and_the_kernel_of_the_contract() {
    knows_only("chorus-events", &[]);
    knows_only("chorus-kernel", &["chorus-events"]);
    knows_only("event-pattern", &[]);
    knows_only("states", &[]);
    knows_only("cloudformation-template", &[]);
}

#[test]
fn services_never_know_of_each_other() {
    for service in services() {
        knows_only(&service, &["chorus-events", "chorus-kernel", "chorus-webhook-signature"]);
    }
}

#[test]
fn an_action_knows_nothing_of_aws() {
    let all = dependencies();
    for service in services().iter().map(String::as_str).chain(["chorus-events", "chorus-kernel"]) {
        let aws = |name: &&String| {
            name.starts_with("aws") || name.starts_with("lambda") || *name == "chorus-aws"
        };
        let found: Vec<_> = all[service].iter().filter(aws).collect();
        assert!(found.is_empty(), "{service} depends on {found:?}");
    }
}

#[test]
fn engines_do_not_know_of_services() {
    knows_only("chorus-local", &["chorus-events", "chorus-kernel", "event-pattern", "states"]);
}

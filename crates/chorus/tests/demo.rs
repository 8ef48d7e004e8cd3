//! The demo runs seven orders, and its stock and money add up.

use serde_json::Value;

use crate::{chorus, said};

#[test]
fn seven_stories_are_told_and_nothing_is_left_behind() {
    let place = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_chorus"))
        .arg("demo")
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let told = said(&output);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for story in 1..=7 {
        assert!(told.contains(&format!("\n{story}. ")) || told.starts_with("1. "), "{told}");
    }
    assert!(told.contains("It adds up"), "{told}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "something is left behind");
}

#[test]
fn machines_get_every_event_with_its_cause() {
    let output = chorus(&["demo", "--json"]);
    let told: Value = serde_json::from_str(&said(&output)).unwrap();
    let stories = told["stories"].as_array().unwrap();
    assert_eq!(stories.len(), 7);
    let delivered = stories[0]["events"].as_array().unwrap();
    let said: Vec<&str> = delivered.iter().map(|e| e["detail-type"].as_str().unwrap()).collect();
    assert_eq!(said[0], "OrderCreated");
    let forward = [
        "ItemReserved",
        "ItemDescribed",
        "CustomerDescribed",
        "DeliveryEstimated",
        "PaymentMade",
        "ItemRemoved",
        "DeliveryMarkedAsStarted",
        "DeliveryStarted",
        "Delivered",
        "DeliveryWasDelivered",
        "OrderDelivered",
    ];
    let mut places = forward.iter().map(|event| said.iter().position(|other| other == event));
    assert!(places.all(|place| place.is_some()), "{said:?}");
    assert_eq!(told["books"]["problems"], serde_json::json!([]));
}

#[test]
fn whoever_interrupts_it_finds_nothing_left_behind_either() {
    let place = tempfile::tempdir().unwrap();
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_chorus"))
        .arg("demo")
        .env("TMPDIR", place.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let there = || std::fs::read_dir(place.path()).unwrap().count();
    crate::running::until("the temporary shop", || {
        std::fs::read_dir(place.path())
            .unwrap()
            .flatten()
            .any(|shop| shop.path().join("store.db-wal").exists())
    });
    let id = demo.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_eq!(there(), 0, "something is left behind");
}

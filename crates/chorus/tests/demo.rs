//! The demo runs seven orders, and its stock and money add up.

use serde_json::Value;

use crate::{chorus, stdout_of};

#[test]
fn seven_stories_are_printed_and_nothing_is_left_behind() {
    let place = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_chorus"))
        .arg("demo")
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let output_text = stdout_of(&output);
    assert!(output.status.success(), "{output_text}{}", String::from_utf8_lossy(&output.stderr));
    for story in 1..=7 {
        assert!(
            output_text.contains(&format!("\n{story}. ")) || output_text.starts_with("1. "),
            "{output_text}"
        );
    }
    assert!(output_text.contains("It adds up"), "{output_text}");
    assert_eq!(
        std::fs::read_dir(place.path()).unwrap().count(),
        0,
        "the demo must delete its directory"
    );
}

#[test]
fn machines_get_every_event_with_its_cause() {
    let output = chorus(&["demo", "--json"]);
    let output_text: Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    let stories = output_text["stories"].as_array().unwrap();
    assert_eq!(stories.len(), 7);
    let delivered = stories[0]["events"].as_array().unwrap();
    let stdout_of: Vec<&str> =
        delivered.iter().map(|e| e["detail-type"].as_str().unwrap()).collect();
    assert_eq!(stdout_of[0], "OrderCreated");
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
    let mut places = forward.iter().map(|event| stdout_of.iter().position(|other| other == event));
    assert!(places.all(|place| place.is_some()), "{stdout_of:?}");
    assert_eq!(output_text["books"]["problems"], serde_json::json!([]));
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
    assert_eq!(there(), 0, "the demo must delete its directory");
}

//! A replay of archived events whose idempotency records have expired.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use chorus_events::Settings;
use chorus_events::services::ANALYTICS;
use chorus_events::table::TABLE;
use chorus_http::HttpFunction;
use chorus_kernel::{Clock, IDEMPOTENCY_TABLE, Item, Publisher};
use chorus_local::{Local, LocalConfig, Replay, Replayed, VirtualClock};
use chorus_shop::{Partners, Secrets, ShopConfig, functions};
use chorus_table::Entry;
use jiff::Timestamp;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const SOON: Duration = Duration::from_secs(30);

/// Returns the sample of `OrderCreated` with the time `at`, and with ids and an idempotency key
/// that derive from `number`.
fn order_created(number: u32, at: Timestamp) -> Entry {
    let sample = include_str!("../../../events/samples/OrderCreated.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    let metadata = &mut event["detail"]["metadata"];
    metadata["idempotency-key"] = json!(format!("order-{number}"));
    metadata["event-id"] = json!(format!("00000000-0000-5000-8000-{number:012}"));
    metadata["occurred-at"] = json!(at);
    Entry {
        source: event["source"].as_str().unwrap().to_owned(),
        detail_type: event["detail-type"].as_str().unwrap().to_owned(),
        detail: event["detail"].to_string(),
    }
}

fn counted(local: &Local) -> Vec<Item> {
    let mut items = local.store().scan("analytics", None, None).unwrap().items;
    items.retain(|item| !item.is_empty());
    items
}

async fn replay_all(local: &Local, name: &str) -> Replayed {
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let replay = Replay { name: name.to_owned(), from, to, rule: None, dry_run: false };
    let replayed = local.replay(&replay).await.unwrap();
    local.runner().run_until_idle(SOON).await.unwrap();
    replayed
}

#[tokio::test]
async fn a_replay_of_forty_days_counts_once() {
    let partners = Partners::open(&ShopConfig::default()).unwrap();
    let (mut services, _) = HttpFunction::split(functions(
        &partners,
        Arc::new(partners.mailer()),
        Secrets::fixed(),
        Settings::DEFAULT,
    ));
    services.retain(|function| function.service == ANALYTICS);
    let clock = VirtualClock::at("2026-10-01T00:00:00Z".parse().unwrap());
    let mut config = LocalConfig::new(&TABLE, services).virtual_time(&clock);
    config.retention = 60 * DAY;
    let local = Local::open(config).unwrap();
    // One order is placed each day.
    for number in 0..40 {
        local.bus().put_events(&[order_created(number, clock.now())]).await.unwrap();
        local.runner().run_until_idle(SOON).await.unwrap();
        clock.advance(DAY);
    }
    local.store().sweep_expired().unwrap();
    let records = local.store().scan(IDEMPOTENCY_TABLE.name, None, None).unwrap().items.len();
    assert!(records < 20, "most records have expired: {records} are left");

    let before = counted(&local);
    assert!(!before.is_empty());
    for name in ["first", "second"] {
        let replayed = replay_all(&local, name).await;
        assert_eq!(replayed.deliveries["analytics-CountOrder"], 40, "all of it is delivered");
        assert_eq!(counted(&local), before, "and counted once");
    }
}

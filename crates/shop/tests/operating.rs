//! What an operator can do with a running shop, requested from its router.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_kernel::{IDEMPOTENCY_TABLE, Key, Publisher, Store, Write};
use chorus_shop::audit::{self, Act, AuditEntry};
use chorus_shop::doctor::{Checkup, DoctorError, Stuck, examine};
use chorus_shop::{DeadLetterView, Shop, ShopConfig};
use chorus_table::Entry;
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::AttributeValue;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn ask(shop: &Shop, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(path);
    let request = request.header("idempotency-key", format!("{method}-{path}"));
    let request = request.header("content-type", "application/json").body(body).unwrap();
    let answer = shop.router().oneshot(request).await.unwrap();
    let (status, body) = (answer.status(), to_bytes(answer.into_body(), 10_000_000).await.unwrap());
    assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

async fn rest(shop: &Shop) {
    let rested = shop.local().bus().rested();
    tokio::time::timeout(Duration::from_secs(60), rested).await.unwrap();
}

/// Starts a shop with an order of `customer`, and waits until nothing more happens to it.
async fn shop_with_an_order(customer: &str, price: u32) -> (Shop, String) {
    let shop = Shop::start(&ShopConfig::default()).await.unwrap();
    ask(&shop, "PUT", "/items/chai", &json!({ "name": "Chai", "price": price, "stock": 39 })).await;
    let kept = json!({ "name": customer, "email": "somebody@example.com" });
    ask(&shop, "PUT", &format!("/customers/{customer}"), &kept).await;
    rest(&shop).await;
    let order = json!({
        "customer-id": customer, "lines": [{ "sku": "chai", "quantity": 1 }],
        "shipping-address":
            { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
    });
    let placed = ask(&shop, "POST", "/orders", &order).await;
    rest(&shop).await;
    let id = placed["order-id"].as_str().unwrap().to_owned();
    (shop, id)
}

async fn stuck_in(shop: &Shop, ahead: SignedDuration) -> Result<Vec<Stuck>, DoctorError> {
    let now = Timestamp::now() + ahead;
    let checkup = examine(shop.local().store().as_ref(), now, Timestamp::UNIX_EPOCH).await?;
    assert_eq!(checkup.orders, 1);
    Ok(checkup.stuck)
}

async fn letters(shop: &Shop) -> Vec<DeadLetterView> {
    serde_json::from_value(ask(shop, "GET", "/operator/dead-letters", &Value::Null).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_never_calls_back_is_named_with_the_event_that_never_came() {
    let (shop, id) = shop_with_an_order("ana-carrier-silent", 18).await;
    assert_eq!(stuck_in(&shop, SignedDuration::ZERO).await.unwrap(), []);
    let stuck = stuck_in(&shop, SignedDuration::from_hours(48)).await.unwrap();
    let named: Vec<_> = stuck.iter().map(|it| (&*it.order_id, &*it.after, &*it.action)).collect();
    assert_eq!(named, [(&*id, "DeliveryMarkedAsStarted", "StartDelivery")], "{stuck:#?}");
    assert_eq!(stuck[0].expected, ["DeliveryStarted"]);
    assert_eq!(stuck[0].within_seconds, 86_400);
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_nobody_decides_is_named_after_a_day() {
    let (shop, _) = shop_with_an_order("ana", 5_000).await;
    let stuck = stuck_in(&shop, SignedDuration::from_hours(25)).await.unwrap();
    let reviews = stuck.iter().filter(|it| it.action == "ReviewOrder");
    assert_eq!(reviews.count(), 1, "{stuck:#?}");
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_records_nobody_can_know_and_no_healthy_order_is_called_stuck() {
    // Payment and Delivery answer the order's cancellation without an event: only their records
    // show it.
    let (shop, _) = shop_with_an_order("ana-declined", 18).await;
    let store = shop.local().store();
    let examined = |ahead| async move {
        examine(store.as_ref(), Timestamp::now() + ahead, Timestamp::UNIX_EPOCH).await.unwrap()
    };
    let before = examined(SignedDuration::from_hours(48)).await;
    assert!(before.is_well() && before.unknowable == 0, "{before:#?}");
    store.clear(IDEMPOTENCY_TABLE.name).unwrap();
    for hours in [48, 16 * 24] {
        let after = examined(SignedDuration::from_hours(hours)).await;
        assert!(after.is_well(), "{after:#?}");
        assert_eq!(after.unknowable, 1, "after {hours} hours");
    }
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_nobody_calls_is_named_with_the_reason() {
    let (shop, _) = shop_with_an_order("ana", 18).await;
    let (pk, sk) = ("partner#mailer".to_owned(), "circuit".to_owned());
    let key = Key { table: IDEMPOTENCY_TABLE.name, pk, sk };
    let mut item = key.to_item();
    for name in ["version", "failures", "failed-at", "probe-at", "probes", "open-since"] {
        item.insert(name.to_owned(), AttributeValue::N("5".to_owned()));
    }
    item.insert("reason".to_owned(), AttributeValue::S("no answer".to_owned()));
    let put = Write::Put { key, item, condition: None };
    shop.local().store().write(&[put]).await.unwrap();
    let store = shop.local().store();
    let now = Timestamp::now();
    let checkup = examine(store.as_ref(), now, Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(!checkup.is_well());
    let [found] = &checkup.unavailable[..] else { panic!("{checkup:#?}") };
    assert_eq!((&*found.partner, &*found.reason), ("mailer", "no answer"));
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_or_is_forged_is_skipped_and_named_and_the_shop_opens() {
    let directory = tempfile::tempdir().unwrap();
    let config = ShopConfig { data: Some(directory.path().to_owned()), ..ShopConfig::default() };
    let shop = Shop::start(&config).await.unwrap();
    let key = |pk: &str| Key {
        table: IDEMPOTENCY_TABLE.name,
        pk: pk.to_owned(),
        sk: "CreateOrder".to_owned(),
    };
    let forged = r#"[{"source":"com.payment","detail-type":"PaymentMade","detail":"{}"}]"#;
    for (pk, events) in [("a-damaged", "[{"), ("b-readable", "[]"), ("c-forged", forged)] {
        let mut item = key(pk).to_item();
        let parts = [
            ("unpublished", "yes"),
            ("recorded-at", "2026-01-01T00:00:00.000000000Z"),
            ("fingerprint", "0"),
            ("events", events),
        ];
        for (name, value) in parts {
            item.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
        }
        let put = Write::Put { key: key(pk), item, condition: None };
        shop.local().store().write(&[put]).await.unwrap();
    }
    shop.stop().await.unwrap();
    drop(shop);

    let shop = Shop::start(&config).await.unwrap();
    let published = shop.local().store().get(&key("b-readable")).await.unwrap().unwrap();
    assert!(!published.contains_key("unpublished"), "the sweeper went on behind the damaged one");
    let checkup: Checkup =
        serde_json::from_value(ask(&shop, "GET", "/operator/doctor", &Value::Null).await).unwrap();
    let answer = checkup.unpublished.iter();
    let answer: Vec<_> = answer
        .map(|it| (it.idempotency_key.as_str(), it.unreadable.clone().unwrap_or_default()))
        .collect();
    assert_eq!(answer.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a-damaged", "c-forged"]);
    assert!(
        answer[1].1.contains("PaymentMade of com.payment, which CreateOrder never"),
        "{answer:?}"
    );
    let forged = shop.local().store().get(&key("c-forged")).await.unwrap().unwrap();
    assert!(forged.contains_key("unpublished"), "nothing of it was published");
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_has_ended_waits_for_nothing() {
    let (shop, id) = shop_with_an_order("ana-declined", 18).await;
    let order = ask(&shop, "GET", &format!("/orders/{id}"), &Value::Null).await;
    assert_eq!(order["status"], "Canceled");
    assert_eq!(stuck_in(&shop, SignedDuration::from_hours(48)).await.unwrap(), []);
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_go_back_by_their_code_to_their_own_target_and_that_is_kept() {
    let shop = Shop::start(&ShopConfig::default()).await.unwrap();
    let unreadable = Entry {
        source: "com.inventory".to_owned(),
        detail_type: "ItemReserved".to_owned(),
        detail: r#"{"hello":"world"}"#.to_owned(),
    };
    let rejected = shop.local().bus().put_events(&[unreadable]).await.unwrap();
    assert_eq!(rejected.len(), 0);
    rest(&shop).await;
    let before = letters(&shop).await;
    let rules: Vec<&str> = before.iter().map(|letter| letter.rule.as_str()).collect();
    assert!(rules.contains(&"inventory-DescribeItem"), "{rules:?}");
    let code = before[0].attributes["ERROR_CODE"].clone();

    let path = "/operator/dead-letters/redrive";
    let answer = ask(&shop, "POST", path, &json!({ "code": code, "dry-run": true })).await;
    assert_eq!(answer.as_array().unwrap().len(), before.len());
    assert_eq!(letters(&shop).await.len(), before.len(), "a dry run sends nothing");
    let none = ask(&shop, "POST", path, &json!({ "code": "SomethingElse" })).await;
    assert_eq!(none, json!([]));
    ask(&shop, "POST", path, &json!({ "ids": [before[0].id], "per-second": 5 })).await;
    rest(&shop).await;

    let after = letters(&shop).await;
    let sorted = |letters: &[DeadLetterView]| {
        let mut rules: Vec<String> = letters.iter().map(|letter| letter.rule.clone()).collect();
        rules.sort();
        rules
    };
    assert_eq!(sorted(&after), sorted(&before), "it came back from its own target, and no other");
    let same = after.iter().find(|letter| letter.rule == before[0].rule).unwrap();
    assert_eq!(same.event, before[0].event, "the same event, to the byte");
    let entries: Vec<AuditEntry> =
        serde_json::from_value(ask(&shop, "GET", "/operator/audit", &Value::Null).await).unwrap();
    assert_eq!(entries.len(), 2, "{entries:#?}");
    assert_eq!(entries[1].outcome.as_ref().unwrap()["letters"][0]["rule"], before[0].rule.as_str());
    let checkup = ask(&shop, "GET", "/operator/doctor", &Value::Null).await;
    let lie: u64 = checkup["dead-letters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|depth| depth["letters"].as_u64().unwrap())
        .sum();
    assert_eq!(lie, after.len() as u64);
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_kept_before_it_is_done_and_in_order() {
    let shop = Shop::start(&ShopConfig::default()).await.unwrap();
    let store = shop.local().store().as_ref();
    let act = |millisecond, what| {
        let at = Timestamp::from_millisecond(millisecond).unwrap();
        Act { at, by: "maria", what, asked: json!({ "ids": [7] }) }
    };
    let later = audit::begin(store, act(1_500, "replay")).await.unwrap();
    let broken_off = audit::begin(store, act(1_000, "redrive")).await;
    drop(broken_off.unwrap());
    let same = audit::begin(store, act(1_000, "replay")).await;
    assert!(same.is_err(), "no record takes the place of another");
    later.end(store, json!({ "events": 3 })).await.unwrap();
    let answer: Vec<_> = audit::entries(store).await.unwrap();
    assert!(answer.iter().all(|deed| deed.by.as_deref() == Some("maria")), "{answer:?}");
    let answer: Vec<_> = answer.iter().map(|deed| (deed.what.as_str(), &deed.outcome)).collect();
    assert_eq!(answer, [("redrive", &None), ("replay", &Some(json!({ "events": 3 })))]);
    shop.stop().await.unwrap();
}

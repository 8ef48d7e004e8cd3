//! What an operator can do with a running shop. The tests send requests to the shop's router.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_events::Money;
use chorus_kernel::{IDEMPOTENCY_TABLE, Key, Publisher, Store, Write, text};
use chorus_payment::Charge;
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

async fn wait_until_idle(shop: &Shop) {
    let idle = shop.local().bus().until_idle();
    tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap();
}

/// Starts a shop with an order of `customer`, and waits until nothing more happens to the order.
async fn shop_with_an_order(customer: &str, price: u32) -> (Shop, String) {
    let shop = Shop::start(&ShopConfig::default()).await.unwrap();
    let id = place(&shop, customer, price).await;
    wait_until_idle(&shop).await;
    (shop, id)
}

/// Places an order of a customer for an item of this price, and returns the order's id.
async fn place(shop: &Shop, customer: &str, price: u32) -> String {
    ask(shop, "PUT", "/items/chai", &json!({ "name": "Chai", "price": price, "stock": 39 })).await;
    let kept = json!({ "name": customer, "email": "somebody@example.com" });
    ask(shop, "PUT", &format!("/customers/{customer}"), &kept).await;
    wait_until_idle(shop).await;
    let order = json!({
        "customer-id": customer, "lines": [{ "sku": "chai", "quantity": 1 }],
        "shipping-address":
            { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
    });
    let placed = ask(shop, "POST", "/orders", &order).await;
    placed["order-id"].as_str().unwrap().to_owned()
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
    // Payment and Delivery handle the order's cancellation, but publish no event. So only the
    // idempotency records show that both services have handled the cancellation.
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
async fn a_carrier_that_does_not_answer_the_bus_is_named_with_the_last_error() {
    let mut config = ShopConfig::default();
    config.policies.partner.first_pause = Duration::from_millis(10);
    let shop = Shop::start(&config).await.unwrap();
    place(&shop, "ana-carrier-down", 18).await;
    let named = async {
        loop {
            let checkup = ask(&shop, "GET", "/operator/doctor", &Value::Null).await;
            let checkup: Checkup = serde_json::from_value(checkup).unwrap();
            if !checkup.unavailable.is_empty() {
                return checkup;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let checkup = tokio::time::timeout(Duration::from_secs(60), named).await.unwrap();
    let [found] = &checkup.unavailable[..] else { panic!("{checkup:#?}") };
    assert_eq!(found.partner, "carrier");
    assert!(found.reason.contains("503"), "{found:?}");
    assert!(!checkup.is_well() && checkup.stuck.is_empty(), "{checkup:#?}");
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
    wait_until_idle(&shop).await;
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
    wait_until_idle(&shop).await;

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

async fn doctor(shop: &Shop) -> Checkup {
    serde_json::from_value(ask(shop, "GET", "/operator/doctor", &Value::Null).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_no_payment_has_is_named_and_refunded_once_by_the_command_that_is_named() {
    let (shop, _) = shop_with_an_order("ana", 18).await;
    assert_eq!(doctor(&shop).await.discrepancies, []);
    let provider = shop.partners().provider();
    let lost = Charge {
        order_id: "0123456789abcdef0123".parse().unwrap(),
        customer_id: "ana".parse().unwrap(),
        amount: Money::from_minor(1_800),
        payment_method: None,
    };
    let intent = provider.prepare(&lost).await.unwrap();
    assert_eq!(doctor(&shop).await.discrepancies, [], "an intent alone charges nothing");
    provider.confirm(&intent, &lost).await.unwrap();

    let found = doctor(&shop).await.discrepancies;
    let [found] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(found.about, lost.order_id.to_string());
    assert!(found.problem.contains(&intent.0), "{found:?}");
    let command = format!("chorus payment refund-unrecorded {}", lost.order_id);
    assert!(found.remedy.starts_with(&command), "{found:?}");
    let books = ask(&shop, "GET", "/operator/accounts", &Value::Null).await;
    assert!(books["problems-of-ended"].to_string().contains(&intent.0), "{books:#}");

    let path = "/operator/refund-unrecorded";
    let of_order = json!({ "order-id": lost.order_id });
    let refunds = ask(&shop, "POST", path, &of_order).await;
    assert_eq!(refunds, json!([{ "intent": intent.0, "refunded": 18 }]));
    assert_eq!(doctor(&shop).await.discrepancies, []);
    let again = Request::post(path).header("content-type", "application/json");
    let again = again.body(Body::from(of_order.to_string())).unwrap();
    assert_eq!(shop.router().oneshot(again).await.unwrap().status(), 404, "once");
    let audit = ask(&shop, "GET", "/operator/audit", &Value::Null).await;
    assert_eq!(audit[0]["what"], "refund-unrecorded");
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_event_log_does_not_have_is_named_with_the_replay_that_delivers_it() {
    let (shop, order) = shop_with_an_order("ana", 18).await;
    let (store, now) = (shop.local().store().as_ref(), Timestamp::now());
    let later = now + SignedDuration::from_mins(20);
    let all = |now| examine(store, now, Timestamp::UNIX_EPOCH);
    assert_eq!(all(later).await.unwrap().discrepancies, []);

    store.clear(chorus_event_log::TABLE.name).unwrap();
    assert_eq!(all(now).await.unwrap().discrepancies, [], "the log may be late");
    let found = all(later).await.unwrap().discrepancies;
    let [found] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(found.about, order);
    let (from, to) = found.remedy.split_once(" --to ").unwrap();
    let from = from.strip_prefix("chorus replay --from ").unwrap();
    let to = to.split(',').next().unwrap();
    let replayed = json!({ "from": from, "to": to });
    ask(&shop, "POST", "/operator/replay", &replayed).await;
    wait_until_idle(&shop).await;
    assert_eq!(all(later).await.unwrap().discrepancies, []);
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_the_events_that_are_older_than_the_records_of_their_answers() {
    let shop = Shop::start(&ShopConfig::default()).await.unwrap();
    let old = (Timestamp::now() - SignedDuration::from_hours(24 * 20)).to_string();
    let mut sample: Value =
        serde_json::from_str(include_str!("../../../events/samples/OrderCreated.json")).unwrap();
    sample["detail"]["metadata"]["occurred-at"] = json!(old);
    let event = Entry {
        source: sample["source"].as_str().unwrap().to_owned(),
        detail_type: "OrderCreated".to_owned(),
        detail: sample["detail"].to_string(),
    };
    shop.local().bus().put_events(&[event]).await.unwrap();
    wait_until_idle(&shop).await;

    let day = |days: i64| (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string();
    let asked =
        json!({ "from": day(-1), "to": day(1), "dry-run": true, "rule": "analytics-CountOrder" });
    let report = ask(&shop, "POST", "/operator/replay", &asked).await;
    let [rule] = &report["rules"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!(
        (&rule["too-old"], &rule["acts"], &rule["absorbed"]),
        (&json!(1), &json!(0), &json!(0))
    );
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_action_of_an_operator_is_answered_and_recorded_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let data = Some(directory.path().join("shop"));
    let shop = Shop::start(&ShopConfig { data, ..ShopConfig::default() }).await.unwrap();
    let occupied = json!({ "to": directory.path() });
    let asked = Request::post("/operator/backup").header("content-type", "application/json");
    let asked = asked.body(Body::from(occupied.to_string())).unwrap();
    let answer = shop.router().oneshot(asked).await.unwrap();
    assert_eq!(answer.status(), 409);
    let audit = ask(&shop, "GET", "/operator/audit", &Value::Null).await;
    let failed = audit[0]["outcome"]["failed"].as_str().unwrap();
    assert!(failed.contains("is not empty"), "{audit:#}");
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_were_not_examined_are_not_called_well() {
    let (shop, _) = shop_with_an_order("ana", 18).await;
    let (store, now) = (shop.local().store().as_ref(), Timestamp::now());
    let all = examine(store, now, Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!((all.orders, all.only_since), (1, None));
    let since = now + SignedDuration::from_hours(1);
    let none = examine(store, now, since).await.unwrap();
    assert_eq!((none.orders, none.only_since), (0, Some(since)));
    assert_eq!(none.records_since, Some(now - SignedDuration::from_hours(15 * 24)));
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_events_were_recorded_and_did_not_reach_the_log_is_stuck() {
    let (shop, id) = shop_with_an_order("ana", 18).await;
    let (store, table) = (shop.local().store(), chorus_event_log::TABLE.name);
    let lost = store.all(table).unwrap().into_iter().filter(|item| {
        text(item, "pk").is_some_and(|pk| pk.contains(&id))
            && text(item, "detail-type").is_some_and(|kind| kind != "OrderCreated")
    });
    let deletions: Vec<Write> =
        lost.map(|item| Write::Delete { key: Key::of(table, &item).unwrap() }).collect();
    assert!(!deletions.is_empty());
    for deletion in deletions {
        store.write(&[deletion]).await.unwrap();
    }
    let stuck = stuck_in(&shop, SignedDuration::from_hours(1)).await.unwrap();
    let named: Vec<_> = stuck.iter().map(|it| (&*it.order_id, &*it.action)).collect();
    assert!(named.contains(&(&*id, "ReserveItem")), "{stuck:#?}");
    shop.stop().await.unwrap();
}

//! A shop is backed up while it works, and restored.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_local::restore;
use chorus_order::Status;
use chorus_shop::{Shop, ShopConfig};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt;

const CUSTOMERS: [&str; 5] =
    ["ana", "ben-declined", "cleo-carrier-cancels", "dora-provider-twice", "emil-carrier-twice"];

/// How many orders are acknowledged before the backup begins. Customers place more orders during
/// the backup.
const BEFORE: usize = 60;

/// The number of requests so far, from which each request's idempotency key is made.
static KEYS: AtomicUsize = AtomicUsize::new(0);

async fn ask(router: &Router, method: &str, path: &str, body: Value) -> Option<Value> {
    let request = Request::builder().method(method).uri(path);
    let key = KEYS.fetch_add(1, Ordering::Relaxed);
    let request = request.header("idempotency-key", format!("key-{key}"));
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let fine = answer.status().is_success();
    let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    fine.then(|| serde_json::from_slice(&body).unwrap())
}

async fn start(data: &Path) -> Shop {
    let config = ShopConfig { data: Some(data.to_owned()), ..ShopConfig::default() };
    Shop::start(&config).await.unwrap()
}

async fn wait_until_idle(shop: &Shop) {
    let idle = shop.local().bus().until_idle();
    tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap();
}

/// Places one order after another until the task is aborted, and adds the ids of the acknowledged
/// orders to `acknowledged`.
async fn keep_ordering(router: Router, acknowledged: Arc<Mutex<BTreeSet<String>>>) {
    for number in 0.. {
        let order = json!({
            "customer-id": CUSTOMERS[number % CUSTOMERS.len()],
            "lines": [{ "sku": "chai", "quantity": 1 }],
            "shipping-address":
                { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
        });
        let placed = ask(&router, "POST", "/orders", order).await.unwrap();
        acknowledged.lock().unwrap().insert(placed["order-id"].as_str().unwrap().to_owned());
        // The pause limits the number of orders, so that even a slow machine completes them within
        // the minute for which the test waits.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until `count` orders are acknowledged.
async fn until_placed(
    count: usize,
    acknowledged: &Mutex<BTreeSet<String>>,
    customers: &[JoinHandle<()>],
) {
    while acknowledged.lock().unwrap().len() < count {
        assert!(!customers.iter().any(JoinHandle::is_finished), "one gave up");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_restores_to_a_shop_that_has_every_order_acknowledged_before_the_backup_began_and_no_half_of_one_each_ends_and_all_adds_up()
 {
    let place = tempfile::tempdir().unwrap();
    let (data, backup, to) =
        (place.path().join("data"), place.path().join("backup"), place.path().join("to"));
    let shop = start(&data).await;
    let router = shop.router();
    let item = json!({ "name": "Chai", "price": 18, "stock": 100_000 });
    ask(&router, "PUT", "/items/chai", item).await.unwrap();
    for customer in CUSTOMERS {
        let kept = json!({ "name": customer, "email": "somebody@example.com" });
        ask(&router, "PUT", &format!("/customers/{customer}"), kept).await.unwrap();
    }
    wait_until_idle(&shop).await;

    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let customers: Vec<_> = (0..4)
        .map(|_| tokio::spawn(keep_ordering(router.clone(), Arc::clone(&acknowledged))))
        .collect();
    until_placed(BEFORE, &acknowledged, &customers).await;
    let before = acknowledged.lock().unwrap().clone();
    ask(&router, "POST", "/operator/backup", json!({ "to": backup })).await.unwrap();
    // The shop still accepts orders.
    until_placed(before.len() + 1, &acknowledged, &customers).await;
    customers.iter().for_each(JoinHandle::abort);
    shop.stop().await.unwrap();
    drop(shop);

    restore(&backup, &to).unwrap();
    let shop = start(&to).await;
    for _ in 0..240 {
        if shop.accounts().await.unwrap().count(Status::Open) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    wait_until_idle(&shop).await;
    let accounts = shop.accounts().await.unwrap();
    assert_eq!(accounts.problems, Vec::<String>::new());
    let restored: BTreeSet<String> =
        accounts.orders.iter().map(|order| order.order_id.to_string()).collect();
    let lost: Vec<_> = before.difference(&restored).collect();
    assert!(lost.is_empty(), "{lost:?}");
    for status in [Status::Delivered, Status::Canceled] {
        assert!(accounts.count(status) > 0, "{status:?}: the load was none");
    }
    shop.stop().await.unwrap();
}

#[tokio::test]
async fn a_backup_has_an_absolute_path_and_is_in_the_audit() {
    let place = tempfile::tempdir().unwrap();
    let shop = start(&place.path().join("data")).await;
    let router = shop.router();
    for elsewhere in ["backup", "../backup"] {
        let to = json!({ "to": elsewhere });
        assert_eq!(ask(&router, "POST", "/operator/backup", to).await, None, "{elsewhere}");
    }
    let around = place.path().join("data/../backup");
    assert_eq!(ask(&router, "POST", "/operator/backup", json!({ "to": around })).await, None);
    let to = place.path().join("backup");
    ask(&router, "POST", "/operator/backup", json!({ "to": to })).await.unwrap();
    let expected = json!([["backup", { "to": to }, "made"]]);
    assert_eq!(audit_of(&shop).await, expected);
    shop.stop().await.unwrap();

    // The backup's outcome was recorded in the shop's audit after the data was copied. It must be
    // in the copy's audit as well.
    let restored = place.path().join("restored");
    restore(&to, &restored).unwrap();
    let shop = start(&restored).await;
    assert_eq!(audit_of(&shop).await, expected);
    shop.stop().await.unwrap();
}

/// Returns three fields of each entry in the shop's audit: what was done, the request, and the
/// outcome.
async fn audit_of(shop: &Shop) -> Value {
    let audit = ask(&shop.router(), "GET", "/operator/audit", Value::Null).await.unwrap();
    let entries = audit.as_array().unwrap().iter();
    entries.map(|entry| json!([entry["what"], entry["asked"], entry["outcome"]])).collect()
}

//! No file contains a customer's personal data unencrypted. Once the customer is forgotten, none of
//! the data can be decrypted.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_kernel::{PERSON_KEYS_TABLE, PersonKey};
use chorus_shop::{Shop, ShopConfig};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The values of the fields with personal data; the test searches files for these values.
const CANARIES: [&str; 5] =
    ["Xanthippe-Canary", "canary@nest.example", "Canary-Street", "Canarytown", "CNRY-1"];

/// Customers whose orders end in all possible ways.
const CUSTOMERS: [&str; 6] = [
    "ana",
    "ben-declined",
    "cleo-carrier-cancels",
    "dora-mail-bounces",
    "emil-carrier-refuses-recall",
    "fay-provider-twice",
];

static KEYS: AtomicUsize = AtomicUsize::new(0);

async fn ask(router: &Router, method: &str, path: &str, body: Value) -> (u16, Value) {
    let key = KEYS.fetch_add(1, Ordering::Relaxed);
    let request = Request::builder().method(method).uri(path);
    let request = request.header("idempotency-key", format!("key-{key}"));
    let request = request.header("content-type", "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let answer = router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(router: &Router, path: &str) -> (u16, Value) {
    ask(router, "GET", path, Value::Null).await
}

async fn start(data: &Path) -> Shop {
    let config = ShopConfig { data: Some(data.to_owned()), ..ShopConfig::default() };
    Shop::start(&config).await.unwrap()
}

async fn wait_until_idle(shop: &Shop) {
    let idle = shop.local().bus().until_idle();
    tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap();
}

/// Adds an item, and stores every customer with the canaries as personal data.
async fn seed(shop: &Shop) {
    let item = json!({ "name": "Chai", "price": 18, "stock": 1_000 });
    assert!(ask(&shop.router(), "PUT", "/items/chai", item).await.0 < 300);
    for customer in CUSTOMERS {
        let kept = json!({ "name": CANARIES[0], "email": CANARIES[1] });
        let path = format!("/customers/{customer}");
        assert_eq!(ask(&shop.router(), "PUT", &path, kept).await.0, 201);
    }
    wait_until_idle(shop).await;
}

async fn order(shop: &Shop, customer: &str) -> String {
    let order = json!({
        "customer-id": customer,
        "lines": [{ "sku": "chai", "quantity": 1 }],
        "shipping-address": {
            "name": CANARIES[0], "street": CANARIES[2], "city": CANARIES[3],
            "postal-code": CANARIES[4], "country": "DE",
        },
    });
    let (status, placed) = ask(&shop.router(), "POST", "/orders", order).await;
    assert_eq!(status, 201, "{placed}");
    assert_eq!(placed["shipping-address"]["street"], CANARIES[2], "{placed}");
    placed["order-id"].as_str().unwrap().to_owned()
}

/// Returns, for each file of a directory (including write-ahead logs) that contains one of these
/// texts, the text and the file.
fn files_with(data: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(data).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for text in texts {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!("{text} in {}", path.display()));
            }
        }
    }
    found
}

fn key_of(shop: &Shop, customer: &str) -> Option<String> {
    let keys = shop.local().store().scan(PERSON_KEYS_TABLE.name, None, None).unwrap();
    let keys = keys.items.into_iter().map(|item| serde_dynamo::from_item(item).unwrap());
    let kept: PersonKey = keys.into_iter().find(|key: &PersonKey| key.person == customer)?;
    kept.key.map(|key| json!(key).as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_holds_what_is_said_about_a_customer_and_whoever_is_forgotten_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let shop = start(&data).await;
    seed(&shop).await;
    let mut orders = Vec::new();
    for customer in CUSTOMERS {
        orders.push((customer, order(&shop, customer).await));
    }
    let silent = &orders[4].1;
    tokio::time::sleep(Duration::from_millis(300)).await;
    ask(&shop.router(), "POST", &format!("/orders/{silent}/cancel"), Value::Null).await;
    wait_until_idle(&shop).await;
    assert_eq!(files_with(&data, &CANARIES), Vec::<String>::new());

    let router = shop.router();
    let mut keys = Vec::new();
    for (customer, order) in &orders {
        let key = key_of(&shop, customer).unwrap();
        assert!(!files_with(&data, &[&key]).is_empty(), "the search finds what is there");
        keys.push(key);
        let (status, answer) =
            ask(&router, "DELETE", &format!("/customers/{customer}"), Value::Null).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["left"][0].as_str().unwrap().contains("bookkeeping"), "{answer}");
        let (_, shown) = get(&router, &format!("/orders/{order}")).await;
        assert!(shown["order-id"] == order.as_str(), "{shown}");
    }
    wait_until_idle(&shop).await;
    let everything = json!({ "from": "2026-01-01T00:00:00Z", "to": "2126-01-01T00:00:00Z" });
    let (status, replayed) = ask(&router, "POST", "/operator/replay", everything).await;
    assert_eq!(status, 200, "{replayed}");
    wait_until_idle(&shop).await;
    assert_eq!(shop.accounts().await.unwrap().problems, Vec::<String>::new());
    shop.stop().await.unwrap();
    drop((shop, router));

    // The shop keeps customers' encryption keys in memory for up to a minute. A restart removes
    // these keys from memory.
    let shop = start(&data).await;
    wait_until_idle(&shop).await;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(files_with(&data, &keys), Vec::<String>::new());
    let router = shop.router();
    for (customer, order) in &orders {
        assert_eq!(get(&router, &format!("/customers/{customer}")).await.0, 404);
        let (_, shown) = get(&router, &format!("/orders/{order}")).await;
        assert!(shown["shipping-address"].is_null(), "{shown}");
        assert!(shown["customer-id"] == *customer, "{shown}");
    }
    // A forgotten customer who comes back is a new customer under the same id.
    let kept = json!({ "name": "Ana", "email": "ana@example.com" });
    assert_eq!(ask(&router, "PUT", "/customers/ana", kept).await.0, 200);
    let (_, back) = get(&router, "/customers/ana").await;
    assert_eq!((&back["name"], &back["revision"]), (&json!("Ana"), &json!(3)));
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_forgotten_while_an_order_is_under_way_unless_that_is_wanted() {
    let place = tempfile::tempdir().unwrap();
    let shop = start(&place.path().join("data")).await;
    seed(&shop).await;
    let order = order(&shop, "emil-carrier-refuses-recall").await;
    wait_until_idle(&shop).await;
    let router = shop.router();
    let path = "/customers/emil-carrier-refuses-recall";
    let (status, answer) = ask(&router, "DELETE", path, Value::Null).await;
    assert_eq!(
        (status, answer["detail"].as_str().unwrap().contains(&order)),
        (409, true),
        "{answer}"
    );
    let despite = format!("{path}?despite-orders-under-way=true");
    assert_eq!(ask(&router, "DELETE", &despite, Value::Null).await.0, 200);
    assert_eq!(ask(&router, "DELETE", &despite, Value::Null).await.0, 200, "once more is not news");
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_shown_all_that_is_kept_about_them() {
    let place = tempfile::tempdir().unwrap();
    let shop = start(&place.path().join("data")).await;
    seed(&shop).await;
    let order = order(&shop, "ana").await;
    wait_until_idle(&shop).await;
    let (status, kept) = get(&shop.router(), "/customers/ana/export").await;
    assert_eq!(status, 200, "{kept}");
    assert_eq!(kept["orders"][0]["shipping-address"]["street"], CANARIES[2]);
    let elsewhere = kept["elsewhere"].as_array().unwrap();
    for path in [format!("/payments/{order}"), format!("/orders/{order}/events")] {
        assert!(elsewhere.contains(&json!(path)), "{path}: {kept}");
    }
    for path in elsewhere {
        let (status, there) = get(&shop.router(), path.as_str().unwrap()).await;
        assert_eq!(status, 200, "{path}: {there}");
    }
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_has_keys_for_a_day() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let shop = start(&at("data")).await;
    seed(&shop).await;
    let order = order(&shop, "ana").await;
    wait_until_idle(&shop).await;
    let (key, to) = (key_of(&shop, "ana").unwrap(), json!({ "to": at("backup") }));
    ask(&shop.router(), "POST", "/operator/backup", to).await;
    shop.stop().await.unwrap();
    drop(shop);
    let with_key = files_with(&at("backup"), &[&key]);
    assert!(
        matches!(with_key.as_slice(), [one] if one.contains("person-keys.json")),
        "{with_key:?}"
    );

    chorus_local::restore(&at("backup"), &at("restored")).unwrap();
    let shop = start(&at("restored")).await;
    let (_, shown) = get(&shop.router(), &format!("/orders/{order}")).await;
    assert_eq!(shown["shipping-address"]["street"], CANARIES[2], "{shown}");
    shop.stop().await.unwrap();
    drop(shop);

    let file = at("backup").join("person-keys.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["made-at"] = json!("2026-01-01T00:00:00Z");
    std::fs::write(&file, kept.to_string()).unwrap();
    chorus_local::restore(&at("backup"), &at("late")).unwrap();
    let shop = start(&at("late")).await;
    let (_, shown) = get(&shop.router(), &format!("/orders/{order}")).await;
    assert!(shown["shipping-address"].is_null(), "{shown}");
    shop.stop().await.unwrap();
}

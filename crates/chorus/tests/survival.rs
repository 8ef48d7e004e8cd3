//! The shop is killed with SIGKILL at any moment under load, and started again: every accepted
//! order ends, exactly once.
//!
//! `CHORUS_KILLS` is the number of kills; by default, twelve.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chorus_table::policy::{FUNCTION_TIMEOUT, INVOCATION};
use serde_json::{Value, json};

use crate::running::{Running, until};

const CUSTOMERS: [&str; 4] = ["ana", "ben-declined", "cleo-carrier-cancels", "dora-provider-twice"];

/// How many customers place orders at the same time.
const AT_ONCE: usize = 8;

/// The options of the shop: a customer may place any number of orders in a minute.
const OPTIONS: [&str; 2] = ["--orders-per-minute", "0"];

/// After the last order is placed, the shop may take this time for each order, until all orders
/// have ended. An order syncs the disk 70 times, so a disk that syncs 70 times a second is fast
/// enough.
const EACH_ORDER_WITHIN: Duration = Duration::from_secs(1);

/// The shop is stuck if work is left, but nothing has changed for longer than this time: the
/// longest pause before a retry plus the longest attempt.
const NOTHING_CHANGES_FOR: Duration =
    Duration::from_secs(INVOCATION.longest_pause.as_secs() + FUNCTION_TIMEOUT.as_secs());

const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The id of each accepted order, by the request's idempotency key.
type Accepted = Arc<Mutex<BTreeMap<String, String>>>;

/// Places an order; returns the order's id, if the shop answered before it was killed.
async fn order(client: &reqwest::Client, url: &str, key: &str) -> Option<String> {
    let number: usize = key.rsplit('-').next()?.parse().ok()?;
    let body = json!({
        "customer-id": CUSTOMERS[number % CUSTOMERS.len()],
        "lines": [{ "sku": "chai", "quantity": 1 }],
        "shipping-address":
            { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
    });
    let request = client.post(format!("{url}/orders")).header("idempotency-key", key);
    let text = request.body(body.to_string()).send().await.ok()?.text().await.ok()?;
    let order: Value = serde_json::from_str(&text).ok()?;
    order["order-id"].as_str().map(ToOwned::to_owned)
}

/// Places orders as long as the shop answers, and adds the accepted orders to `accepted`.
async fn load(url: &str, round: usize, accepted: &Accepted) {
    let client = reqwest::Client::new();
    let mut customers = tokio::task::JoinSet::new();
    for customer in 0..AT_ONCE {
        let (client, url, accepted) = (client.clone(), url.to_owned(), Arc::clone(accepted));
        customers.spawn(async move {
            for number in (customer..200).step_by(AT_ONCE) {
                let key = format!("round-{round}-{number}");
                let Some(id) = order(&client, &url, &key).await else { return };
                accepted.lock().unwrap().insert(key, id);
            }
        });
    }
    while customers.join_next().await.is_some() {}
}

async fn seed(url: &str) {
    let client = reqwest::Client::new();
    let put = async |path: String, body: Value| {
        let request = client.put(format!("{url}{path}")).body(body.to_string());
        assert!(request.send().await.unwrap().status().is_success(), "{path}");
    };
    put("/items/chai".to_owned(), json!({ "name": "Chai", "price": 1, "stock": 1_000_000 })).await;
    for customer in CUSTOMERS {
        let body = json!({ "name": customer, "email": "somebody@example.com" });
        put(format!("/customers/{customer}"), body).await;
    }
}

fn ask(url: &str, path: &str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let asking = async {
        let answer = reqwest::get(format!("{url}{path}")).await.ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    };
    runtime.block_on(asking).unwrap_or_default()
}

fn rounds(data: &Path, kills: usize) -> BTreeMap<String, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let accepted = Accepted::default();
    let began = Instant::now();
    let mut printed = Instant::now();
    for round in 0..kills {
        let opening = Instant::now();
        let running = Running::with(data, &OPTIONS);
        let opened = opening.elapsed();
        let url = running.url.clone();
        if round == 0 {
            runtime.block_on(seed(&url));
            until("the price", || ask(&url, "/operator/load")["pending"] == 0);
        }
        // The moment of the kill differs from round to round: right after the start, or under load.
        let moment = Duration::from_millis(40 + (round as u64 * 97) % 400);
        runtime.block_on(async {
            tokio::select! {
                () = load(&url, round, &accepted) => {}
                () = tokio::time::sleep(moment) => {}
            }
        });
        running.kill();
        if printed.elapsed() > PROGRESS_EVERY || round + 1 == kills {
            printed = Instant::now();
            let (seconds, orders) = (began.elapsed().as_secs(), accepted.lock().unwrap().len());
            println!(
                "{seconds} s: {} of {kills} kills, {orders} orders; opened in {opened:.1?}",
                round + 1
            );
        }
    }
    let accepted = accepted.lock().unwrap();
    accepted.clone()
}

/// Waits until every order has ended, and the shop's accounts of stock and money add up. Fails if
/// nothing changes for too long, or after the time that this number of orders may take.
fn wait_for_the_end(url: &str, orders: usize) {
    let began = Instant::now();
    let limit = NOTHING_CHANGES_FOR + EACH_ORDER_WITHIN * u32::try_from(orders).unwrap();
    let (mut before, mut changed, mut printed) = (Value::Null, began, began);
    loop {
        let load = ask(url, "/operator/load");
        let idle = load["pending"] == 0 && load["in-flight"] == 0;
        // The accounts are read only while the shop is idle, because reading them again and again
        // would slow the shop down.
        let problems =
            if idle { ask(url, "/operator/accounts")["problems"].clone() } else { Value::Null };
        if problems == json!([]) {
            println!("{:.1?} for the rest of {orders} orders", began.elapsed());
            return;
        }
        if printed.elapsed() > PROGRESS_EVERY {
            printed = Instant::now();
            println!("{} s of at most {}: {load}", began.elapsed().as_secs(), limit.as_secs());
        }
        let now = json!({ "load": load, "problems": problems });
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        let still = changed.elapsed();
        assert!(still < NOTHING_CHANGES_FOR, "nothing has changed for {still:.0?}: {before}");
        assert!(began.elapsed() < limit, "{orders} orders did not end within {limit:?}: {before}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_shop_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice() {
    let kills = std::env::var("CHORUS_KILLS").ok().and_then(|kills| kills.parse().ok());
    let place = tempfile::tempdir().unwrap();
    let accepted = rounds(place.path(), kills.unwrap_or(12));
    assert!(!accepted.is_empty(), "no order was accepted before a kill");
    let running = Running::with(place.path(), &OPTIONS);
    let url = running.url.clone();
    wait_for_the_end(&url, accepted.len());
    let books = ask(&url, "/operator/accounts");
    let orders = books["orders"].as_array().unwrap();
    for id in accepted.values() {
        let order = orders.iter().find(|order| order["order-id"] == json!(id));
        let order = order.unwrap_or_else(|| panic!("the accepted order {id} is lost"));
        assert_ne!(order["status"], "Open", "{order}");
    }
    assert_eq!(books["items"][0]["received"], 1_000_000);
    // A customer who lost the response repeats the request, and gets the order of the first
    // request. No order is added.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (key, id) in accepted.iter().step_by(7) {
        let again = runtime.block_on(order(&reqwest::Client::new(), &url, key));
        assert_eq!(again.as_ref(), Some(id), "{key}");
    }
    assert_eq!(ask(&url, "/operator/accounts")["orders"], books["orders"]);
    let dead = ask(&url, "/operator/dead-letters");
    assert_eq!(dead, json!([]), "there must be no dead letters");
}

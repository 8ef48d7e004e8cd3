//! Killed with SIGKILL at any moment under load, and started again: every accepted order goes on
//! to its end, exactly once.
//!
//! `CHORUS_KILLS` says how often it is killed; the quick run does it six times.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::running::{Running, until};

const CUSTOMERS: [&str; 4] = ["ana", "ben-declined", "cleo-carrier-cancels", "dora-provider-twice"];

/// Places orders for as long as the shop answers, and remembers which were accepted.
async fn load(url: &str, round: usize, accepted: &mut Vec<String>) {
    let client = reqwest::Client::new();
    for place in 0..200 {
        let customer = CUSTOMERS[place % CUSTOMERS.len()];
        let body = json!({
            "customer-id": customer, "lines": [{ "sku": "chai", "quantity": 1 }],
            "shipping-address":
                { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "Germany" },
        });
        let request = client
            .post(format!("{url}/orders"))
            .header("idempotency-key", format!("round-{round}-{place}"))
            .body(body.to_string());
        let Ok(answer) = request.send().await else { return };
        let Ok(text) = answer.text().await else { return };
        let order: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(id) = order["order-id"].as_str() {
            accepted.push(id.to_owned());
        }
    }
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

fn rounds(data: &Path, kills: usize) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut accepted = Vec::new();
    for round in 0..kills {
        let running = Running::on(data);
        let url = running.url.clone();
        if round == 0 {
            runtime.block_on(seed(&url));
            until("the price", || ask(&url, "/operator/load")["pending"] == 0);
        }
        // A different moment each time, from at once to well under way.
        let moment = Duration::from_millis(40 + (round as u64 * 97) % 400);
        runtime.block_on(async {
            tokio::select! {
                () = load(&url, round, &mut accepted) => {}
                () = tokio::time::sleep(moment) => {}
            }
        });
        running.kill();
    }
    accepted
}

#[test]
fn a_shop_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice() {
    let kills = std::env::var("CHORUS_KILLS").ok().and_then(|kills| kills.parse().ok());
    let place = tempfile::tempdir().unwrap();
    let accepted = rounds(place.path(), kills.unwrap_or(6));
    assert!(!accepted.is_empty(), "no order was accepted before a kill");
    let running = Running::on(place.path());
    let url = running.url.clone();
    until("the end of every order", || {
        let load = ask(&url, "/operator/load");
        let idle = load["pending"] == 0 && load["in-flight"] == 0;
        let books = ask(&url, "/operator/accounts");
        idle && books["problems"].as_array().is_some_and(Vec::is_empty)
    });
    let books = ask(&url, "/operator/accounts");
    let orders = books["orders"].as_array().unwrap();
    for id in &accepted {
        let order = orders.iter().find(|order| order["order-id"] == json!(id));
        let order = order.unwrap_or_else(|| panic!("the accepted order {id} is lost"));
        assert_ne!(order["status"], "Open", "{order}");
    }
    assert_eq!(books["items"][0]["received"], 1_000_000);
    let dead = ask(&url, "/operator/dead-letters");
    assert_eq!(dead, json!([]), "nothing may end among the dead letters");
}

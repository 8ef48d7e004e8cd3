//! What an operator does with a running shop: redrives, replays, asks the doctor.

use serde_json::{Value, json};

use crate::running::{Running, until};
use crate::{chorus, said, well};

fn ask(url: &str, method: &str, path: &str, body: &Value) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = reqwest::Client::new()
        .request(method.parse().unwrap(), format!("{url}{path}"))
        .header("content-type", "application/json")
        .body(if body.is_null() { String::new() } else { body.to_string() });
    runtime.block_on(async {
        let answer = request.send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    })
}

/// A shop in which one order was delivered.
fn shop_with_an_order(running: &Running) -> String {
    let url = &running.url;
    let item = json!({ "name": "Chai", "price": 18, "stock": 39 });
    ask(url, "PUT", "/items/chai", &item);
    ask(url, "PUT", "/customers/ana", &json!({ "name": "Ana", "email": "ana@example.com" }));
    let place = ["order", "--url", url, "--json", "place", "--customer", "ana", "--line", "chai:2"];
    let place = [&place[..], &["--idempotency-key", "first"]].concat();
    until("the price", || chorus(&place).status.success());
    let order: Value = serde_json::from_str(&well(&place)).unwrap();
    let id = order["order-id"].as_str().unwrap().to_owned();
    until("the end of the order", || {
        let load = ask(url, "GET", "/operator/load", &Value::Null);
        let ended = well(&["order", "--url", url, "show", &id]).contains("Delivered");
        ended && load["pending"] == 0 && load["in-flight"] == 0
    });
    id
}

#[test]
fn a_replay_tells_first_what_it_would_do_and_then_does_nothing_twice() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.as_str();
    shop_with_an_order(&running);
    let books = ask(url, "GET", "/operator/accounts", &Value::Null);
    let foreseen = well(&["replay", "--url", url, "--from", "1h"]);
    assert!(foreseen.contains("Nothing was delivered"), "{foreseen}");
    let line = |rule: &str| {
        let line = foreseen.lines().find(|line| line.contains(rule));
        line.unwrap_or_else(|| panic!("{rule} is not in\n{foreseen}")).to_owned()
    };
    assert!(line("order-ProjectOrder").contains("folded into its view again"));
    assert!(line("inventory-ReserveItem").contains("1 absorbed by its records: nothing happens"));
    assert!(line("payment-CollectPayment").contains("kept from the outside"));
    let went = well(&["replay", "--url", url, "--from", "1h", "--yes"]);
    assert!(went.contains("Under way"), "{went}");
    until("the end of the replay", || {
        let load = ask(url, "GET", "/operator/load", &Value::Null);
        load["pending"] == 0 && load["in-flight"] == 0
    });
    assert_eq!(ask(url, "GET", "/operator/accounts", &Value::Null), books, "nothing happens twice");
    let audit = well(&["dlq", "--url", url, "audit"]);
    assert!(audit.contains("replay") && audit.contains("dry-run"), "{audit}");
    let unknown = chorus(&["replay", "--url", url, "--from", "1h", "--rule", "nobody"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no rule nobody"));
}

#[test]
fn the_doctor_finds_nothing_in_a_healthy_shop() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.as_str();
    shop_with_an_order(&running);
    let told = well(&["doctor", "--url", url]);
    assert!(told.contains("✓ 0 of 1 orders wait"), "{told}");
    assert!(told.contains("✓ 0 rules differ from the design table"), "{told}");
    let output = chorus(&["doctor", "--url", url, "--json"]);
    let checkup: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(checkup["orders"], 1);
}

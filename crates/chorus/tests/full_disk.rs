//! If a shop's disk is full, the shop logs one line for each file that cannot be written, and
//! `chorus doctor` names these files. No accepted order is lost.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::running::Running;

/// Sends a request; returns the status and the body of the response.
async fn ask(method: &str, url: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().request(method.parse().unwrap(), url);
    let key = format!("{}-{}", body["price"], body["lines"][0]["quantity"]);
    let request = request.header("idempotency-key", key);
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// Places orders until one is refused; returns the ids of the accepted orders.
async fn orders_until_the_disk_is_full(url: &str) -> BTreeSet<String> {
    let item = json!({ "name": "Chai", "price": 1, "stock": 100_000 });
    assert!(ask("PUT", &format!("{url}/items/chai"), &item).await.0 < 300);
    let customer = json!({ "name": "Ana", "email": "ana@example.com" });
    assert!(ask("PUT", &format!("{url}/customers/ana"), &customer).await.0 < 300);
    let mut accepted = BTreeSet::new();
    for number in 1..=5_000 {
        let order = json!({
            "customer-id": "ana", "lines": [{ "sku": "chai", "quantity": number }],
            "shipping-address":
                { "name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE" },
        });
        let (status, placed) = ask("POST", &format!("{url}/orders"), &order).await;
        match (status, placed["order-id"].as_str()) {
            (_, Some(id)) => _ = accepted.insert(id.to_owned()),
            // The Order service does not know the price yet.
            (409 | 422, _) => {}
            (503, _) => return accepted,
            other => panic!("{other:?}: {placed}"),
        }
    }
    panic!("no order was refused");
}

#[test]
fn a_full_disk_is_logged_once_and_named_by_doctor_and_no_accepted_order_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let (data, log) = (place.path().join("data"), place.path().join("log"));
    let running = Running::on_a_small_disk(&data, std::fs::File::create(&log).unwrap().into());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let accepted = runtime.block_on(orders_until_the_disk_is_full(&running.url));
    assert!(!accepted.is_empty());

    let doctor = crate::chorus(&["doctor", "--url", &running.url, "--json"]);
    let checkup: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let unwritable = checkup["unwritable"].as_array().unwrap();
    assert!(!unwritable.is_empty() && doctor.status.code() == Some(1), "{checkup:#}");
    let text = crate::chorus(&["doctor", "--url", &running.url]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("files cannot be written") && text.contains("free space"), "{text}");
    let log = std::fs::read_to_string(&log).unwrap();
    for found in unwritable {
        let line = format!("{} cannot be written", found["file"].as_str().unwrap());
        let lines: Vec<&str> = log.lines().filter(|it| it.contains(&line)).collect();
        assert!(lines.len() == 1 && lines[0].contains(" WARN "), "{lines:#?}");
    }

    running.kill();
    let running = Running::on(&data);
    let request = |method: &str, path: &str, body: &Value| {
        runtime.block_on(ask(method, &format!("{}{path}", running.url), body))
    };
    let (_, books) = request("GET", "/operator/accounts", &Value::Null);
    let orders = books["orders"].as_array().unwrap().iter();
    let known: BTreeSet<&str> = orders.filter_map(|it| it["order-id"].as_str()).collect();
    assert!(accepted.iter().all(|id| known.contains(&**id)));
    let chai = json!({ "name": "Chai", "price": 2, "stock": 100_000 });
    let (status, answer) = request("PUT", "/items/chai", &chai);
    assert!(status < 300, "the restarted shop must write again: {status} {answer}");
    let (_, checkup) = request("GET", "/operator/doctor", &Value::Null);
    assert_eq!(checkup["unwritable"], json!([]));
}

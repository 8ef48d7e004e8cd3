//! An operator's commands on a running shop, such as redrive, replay and doctor.

use serde_json::{Value, json};

use crate::running::{Running, until};
use crate::{chorus, stdout_of, well};

pub(crate) fn ask(url: &str, method: &str, path: &str, body: &Value) -> Value {
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

/// Places an order of `customer` for two pieces at this price, and waits until the shop is idle.
fn order_of(running: &Running, customer: &str, price: u32) -> String {
    let url = &running.url;
    let item = json!({ "name": "Chai", "price": price, "stock": 39 });
    ask(url, "PUT", "/items/chai", &item);
    let kept = json!({ "name": "Ana", "email": "ana@example.com" });
    ask(url, "PUT", &format!("/customers/{customer}"), &kept);
    let place =
        ["order", "--url", url, "--json", "place", "--customer", customer, "--line", "chai:2"];
    let place = [&place[..], &["--idempotency-key", customer]].concat();
    until("the price", || chorus(&place).status.success());
    let order: Value = serde_json::from_str(&well(&place)).unwrap();
    order["order-id"].as_str().unwrap().to_owned()
}

fn wait_until_idle(url: &str) {
    until("the end of all deliveries", || {
        let load = ask(url, "GET", "/operator/load", &Value::Null);
        load["pending"] == 0 && load["in-flight"] == 0
    });
}

/// Places an order and waits until it is delivered; returns its id.
fn shop_with_an_order(running: &Running) -> String {
    let id = order_of(running, "ana", 18);
    until("the end of the order", || {
        well(&["order", "--url", &running.url, "show", &id]).contains("Delivered")
    });
    wait_until_idle(&running.url);
    id
}

#[test]
fn a_refused_refund_is_named_with_its_remedy() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.as_str();
    // The carrier gives up on the parcel of a paid order, and the provider refuses the refund.
    let id = order_of(&running, "refund-refused-carrier-cancels", 18);
    until("the refusal", || {
        well(&["events", "--url", url, "--order", &id]).contains("ErrorPaymentCanceled")
    });
    wait_until_idle(url);
    let ill = chorus(&["doctor", "--url", url]);
    assert_eq!(ill.status.code(), Some(1));
    let output_text = stdout_of(&ill);
    assert!(output_text.contains("✗ 1 errors wait for an operator"), "{output_text}");
    let remedy = format!("→ chorus payment retry-refund {id}");
    assert!(
        output_text.contains(&remedy) && output_text.contains("refuses to refund"),
        "{output_text}"
    );
    let books = chorus(&["accounts", "--url", url]);
    assert!(!books.status.success() && stdout_of(&books).contains(&id), "{}", stdout_of(&books));

    let retried = well(&["payment", "--url", url, "retry-refund", &id]);
    assert!(retried.contains("refunded"), "{retried}");
    let output_text = well(&["doctor", "--url", url]);
    assert!(output_text.contains("✓ 0 errors wait for an operator"), "{output_text}");
    assert!(well(&["accounts", "--url", url]).contains("Everything adds up"));
    let again = well(&["payment", "--url", url, "retry-refund", &id]);
    assert!(
        again.contains("36 charged, 36 refunded"),
        "a second retry must refund nothing: {again}"
    );
}

#[test]
fn what_an_operator_has_settled_is_named_no_more() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.as_str();
    let id = order_of(&running, "refund-refused-carrier-cancels", 18);
    until("the refusal", || !chorus(&["doctor", "--url", url]).status.success());
    wait_until_idle(url);
    well(&["settle", "--url", url, &id, "--reason", "refunded by bank transfer"]);
    let output_text = well(&["doctor", "--url", url]);
    assert!(output_text.contains("✓ 0 errors wait for an operator"), "{output_text}");
    assert!(well(&["dlq", "--url", url, "audit"]).contains("by bank transfer"));
}

#[test]
fn a_review_is_listed_and_decided_by_its_order() {
    let place = tempfile::tempdir().unwrap();
    let running = Running::on(place.path());
    let url = running.url.as_str();
    let id = order_of(&running, "ana", 5_000);
    until("the review", || well(&["review", "--url", url, "list"]).contains("  waits"));
    assert!(well(&["review", "--url", url, "list"]).contains(&id));
    let approved = well(&["review", "--url", url, "approve", &id]);
    assert!(approved.contains("approve by local"), "{approved}");
    until("the delivery", || well(&["order", "--url", url, "show", &id]).contains("Delivered"));
    assert!(well(&["review", "--url", url, "list"]).contains("No review waits"));
}

#[test]
fn a_replay_lists_first_what_it_would_do_and_then_does_nothing_twice() {
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
    assert!(line("order-ProjectOrder").contains("are folded into its view again"));
    assert!(line("inventory-ReserveItem").contains("1 were processed before, and are skipped"));
    assert!(
        line("payment-CollectPayment").contains("are ignored, because it has external effects")
    );
    let went = well(&["replay", "--url", url, "--from", "1h", "--yes"]);
    assert!(went.contains("Under way"), "{went}");
    until("the end of the replay", || {
        let load = ask(url, "GET", "/operator/load", &Value::Null);
        load["pending"] == 0 && load["in-flight"] == 0
    });
    assert_eq!(
        ask(url, "GET", "/operator/accounts", &Value::Null),
        books,
        "a replay must not change the accounts"
    );
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
    let output_text = well(&["doctor", "--url", url]);
    assert!(output_text.contains("✓ 0 of 1 orders wait"), "{output_text}");
    assert!(output_text.contains("✓ 0 rules differ from the design table"), "{output_text}");
    let output = chorus(&["doctor", "--url", url, "--json"]);
    let checkup: Value = serde_json::from_str(&stdout_of(&output)).unwrap();
    assert_eq!(checkup["orders"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_stops_no_order() {
    let place = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let running = Running::logging_to(place.path(), full.into());
    // Each failed call to the provider writes a line to the log.
    order_of(&running, "x-provider-down", 18);
    let id = order_of(&running, "ana", 18);
    until("the end of the order", || {
        well(&["order", "--url", &running.url, "show", &id]).contains("Delivered")
    });
}

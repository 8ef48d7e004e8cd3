//! Attacks over HTTP on a shop that requires tokens: the shop refuses each of them.
//! docs/SECURITY.md lists all attacks.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use chorus_kernel::derived_id;
use chorus_webhook_signature::{WebhookSecret, headers};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::running::{Running, until};
use crate::tokens::{answer, token};
use crate::well;

/// A shop with the items chai and ring, and the customers ana and bob.
struct Shop {
    directory: tempfile::TempDir,
    running: Running,
    ana: String,
    bob: String,
    staff: String,
}

impl Shop {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        let running = Running::with(data, &["--require-tokens"]);
        let of = |who: &[&str]| token(data, who);
        let (ana, bob) = (of(&["--customer", "ana"]), of(&["--customer", "bob"]));
        let staff = of(&["--staff"]);
        let shop = Self { directory, running, ana, bob, staff };
        for (sku, price) in [("chai", 18), ("ring", 1_500)] {
            let item = json!({ "name": sku, "price": price, "stock": 39 });
            assert_eq!(shop.ask(&shop.staff, &format!("PUT /items/{sku}"), &[], &item).0, 201);
        }
        for (name, token) in [("ana", &shop.ana), ("bob", &shop.bob)] {
            let customer = json!({ "name": name, "email": format!("{name}@example.com") });
            assert_eq!(shop.ask(token, &format!("PUT /customers/{name}"), &[], &customer).0, 201);
        }
        shop
    }

    fn data(&self) -> &Path {
        self.directory.path()
    }

    fn ask(&self, token: &str, request: &str, more: &[&str], body: &Value) -> (u16, Value) {
        let host = format!("Host: {}", self.running.url.trim_start_matches("http://"));
        let bearer = format!("Authorization: Bearer {token}");
        let mut headers = vec![host.as_str()];
        headers.extend((!token.is_empty()).then_some(bearer.as_str()));
        headers.extend(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        answer(&self.running.url, request, &headers, &body)
    }

    /// Places an order with this idempotency key; waits until the Order service knows the price.
    fn order(&self, customer: &str, token: &str, sku: &str, key: &str) -> String {
        let key = format!("Idempotency-Key: {key}");
        let body = json!({
            "customer-id": customer,
            "lines": [{ "sku": sku, "quantity": 1 }],
            "shipping-address": {
                "name": customer, "street": "Torstr. 1", "city": "Berlin", "country": "DE",
            },
        });
        let mut id = String::new();
        until("the order", || {
            let (status, placed) = self.ask(token, "POST /orders", &[&key], &body);
            id = placed["order-id"].as_str().unwrap_or_default().to_owned();
            status == 201
        });
        id
    }

    /// Asks for server-sent events; returns the status, and the connection that stays open.
    fn follow(&self, token: &str, path: &str) -> (u16, TcpStream) {
        let host = self.running.url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Accept: text/event-stream\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 12];
        socket.read_exact(&mut head).unwrap();
        let status = String::from_utf8_lossy(&head[9..]).parse().unwrap();
        (status, socket)
    }

    /// Repeats a request of the caller `who` until the response has the field at `pointer`, and
    /// returns the response.
    fn wait_for_field(&self, who: &[&str], request: &str, pointer: &str) -> Value {
        let token = token(self.data(), who);
        let mut output_text = Value::Null;
        until(pointer, || {
            output_text = self.ask(&token, request, &[], &Value::Null).1;
            output_text.pointer(pointer).is_some_and(|found| !found.is_null())
        });
        output_text
    }
}

#[test]
fn a_foreign_order_is_neither_read_nor_canceled_nor_placed() {
    let shop = Shop::open();
    let id = shop.order("ana", &shop.ana, "chai", "one");
    for request in ["GET /orders/{}", "GET /orders/{}/events", "POST /orders/{}/cancel"] {
        let request = request.replace("{}", &id);
        assert_eq!(shop.ask(&shop.bob, &request, &[], &json!({})).0, 404, "{request}");
    }
    assert_eq!(shop.ask(&shop.bob, "GET /orders?customer-id=ana", &[], &Value::Null).0, 404);
    assert_eq!(shop.ask(&shop.bob, "GET /orders/..", &[], &Value::Null).0, 404);
    assert_eq!(shop.ask("", &format!("GET /orders/{id}"), &[], &Value::Null).0, 401);
    let (status, own) = shop.ask(&shop.ana, &format!("GET /orders/{id}"), &[], &Value::Null);
    assert_eq!((status, own["order-id"].as_str()), (200, Some(id.as_str())));
}

#[test]
fn one_caller_does_not_take_the_connections_of_others() {
    let shop = Shop::open();
    let id = shop.order("ana", &shop.ana, "ring", "dear");
    let staff = shop.staff.as_str();
    for (path, token) in [
        (format!("/orders/{id}/events"), shop.ana.as_str()),
        ("/console/live?topic=map&since=0".to_owned(), staff),
    ] {
        let open: Vec<_> = (0..20).map(|_| shop.follow(token, &path)).collect();
        assert!(open.iter().all(|(status, _)| *status == 200), "{path}");
        assert_eq!(shop.follow(token, &path).0, 429, "{path}");
    }
    let other = shop.order("bob", &shop.bob, "ring", "dear");
    assert_eq!(shop.follow(&shop.bob, &format!("/orders/{other}/events")).0, 200);
}

#[test]
fn a_customer_sets_no_price_and_takes_over_nobodys_address() {
    let shop = Shop::open();
    let cheap = json!({ "name": "Chai", "price": 0.01, "stock": 39 });
    assert_eq!(shop.ask(&shop.bob, "PUT /items/chai", &[], &cheap).0, 403);
    let theirs = json!({ "name": "Bob", "email": "bob@example.com" });
    assert_eq!(shop.ask(&shop.bob, "PUT /customers/ana", &[], &theirs).0, 404);
    let (_, ana) = shop.ask(&shop.ana, "GET /customers/ana", &[], &Value::Null);
    assert_eq!(ana["email"], "ana@example.com");
}

#[test]
fn nobody_approves_an_order_of_their_own() {
    let shop = Shop::open();
    let id = shop.order("ana", &shop.ana, "ring", "dear");
    let review = format!("/reviews/{id}");
    let output_text =
        shop.wait_for_field(&["--reviewer", "maria"], &format!("GET {review}"), "/handle");
    let approved = json!({ "verdict": "approve", "handle": output_text["handle"] });
    let post = format!("POST {review}");
    assert_eq!(
        shop.ask(&shop.ana, &post, &[], &approved).0,
        403,
        "a customer must not decide a review"
    );
    let as_reviewer = token(shop.data(), &["--reviewer", "ana"]);
    assert_eq!(
        shop.ask(&as_reviewer, &post, &[], &approved).0,
        409,
        "a reviewer must not approve their own order"
    );
    let as_reviewer_too = token(shop.data(), &["--reviewer", "Ana"]);
    assert_eq!(
        shop.ask(&as_reviewer_too, &post, &[], &approved).0,
        409,
        "the case of the name must not matter"
    );
    let mut named = approved.clone();
    named["reviewer"] = "maria".into();
    assert_eq!(
        shop.ask(&as_reviewer, &post, &[], &named).0,
        422,
        "the body must not name the reviewer"
    );
}

#[test]
fn a_handle_that_its_customer_can_compute_gives_no_power() {
    let shop = Shop::open();
    let id = shop.order("ana", &shop.ana, "ring", "dear");
    let review = derived_id("review-wait", &id, 0).simple().to_string();
    let output_text =
        shop.wait_for_field(&["--reviewer", "maria"], &format!("GET /reviews/{id}"), "/handle");
    assert_eq!(output_text["handle"], review.as_str(), "a customer can compute the handle");
    let verdict = json!({ "verdict": "approve", "handle": review });
    let parcel = derived_id("carrier-wait", &id, 0).simple().to_string();
    let whose = json!({ "order-id": id, "handle": parcel });
    let delivered = json!({ "order-id": id, "handle": parcel, "status": "Delivered" });
    for (token, refused) in [(shop.ana.as_str(), 403), ("", 401)] {
        let post = format!("POST /reviews/{id}");
        assert_eq!(shop.ask(token, &post, &[], &verdict).0, refused);
        assert_eq!(shop.ask(token, "POST /webhooks/logistics", &[], &delivered).0, 401);
        assert_eq!(shop.ask(token, "POST /webhooks/address", &[], &whose).0, 401);
    }
}

#[test]
fn a_key_that_was_used_up_before_is_free_and_tells_no_id() {
    let (shop, other) = (Shop::open(), Shop::open());
    let first = shop.order("bob", &shop.bob, "chai", "2026-11-29");
    let second = shop.order("ana", &shop.ana, "chai", "2026-11-29");
    assert_ne!(first, second, "customers must not share idempotency keys");
    let elsewhere = other.order("ana", &other.ana, "chai", "2026-11-29");
    assert_ne!(second, elsewhere, "an order's id must not follow from the key alone");
}

#[test]
fn a_webhook_that_was_overheard_is_worth_nothing() {
    let shop = Shop::open();
    let silent = json!({ "name": "Silent", "email": "silent@example.com" });
    let (customer, path) = ("x-carrier-silent", "PUT /customers/x-carrier-silent");
    assert_eq!(shop.ask(&shop.staff, path, &[], &silent).0, 201);
    let id = shop.order(customer, &shop.staff, "chai", "silent");
    let events = format!("GET /events?order-id={id}&limit=1000");
    let who = ["--operator", "maria"];
    let operator = token(shop.data(), &who);
    let log = || {
        let output_text = shop.ask(&operator, &events, &[], &Value::Null).1;
        output_text["events"].as_array().cloned().unwrap_or_default()
    };
    let mut handle = Value::Null;
    until("the parcel", || {
        let handed_over =
            log().into_iter().find(|it| it["detail-type"] == "DeliveryMarkedAsStarted");
        handle = handed_over.map(|it| it["data"]["handle"].clone()).unwrap_or_default();
        handle.is_string()
    });
    let secret = well(&["webhook", "secret", "--data", shop.data().to_str().unwrap()]);
    let secret: WebhookSecret = secret.trim().parse().unwrap();
    let body = json!({ "order-id": id, "handle": handle, "status": "DeliveryStarted" });
    let call_back = |secret: &WebhookSecret, delivery: &str, ago: i64, body: &Value| {
        let at = Timestamp::now().as_second() - ago;
        let signed = headers(secret, delivery, at, body.to_string().as_bytes());
        let lines = signed.map(|(name, value)| format!("{name}: {value}"));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        shop.ask("", "POST /webhooks/logistics", &lines, body).0
    };
    for delivery in ["one", "one", "another"] {
        assert_eq!(call_back(&secret, delivery, 0, &body), 202);
    }
    assert_eq!(call_back(&secret, "late", 301, &body), 401);
    let stranger = "the secret of a stranger".parse().unwrap();
    assert_eq!(call_back(&stranger, "forged", 0, &body), 401);
    until("its event", || log().iter().any(|it| it["detail-type"] == "DeliveryStarted"));
    let started = log().into_iter().filter(|it| it["detail-type"] == "DeliveryStarted");
    assert_eq!(started.count(), 1);
}

#[test]
fn a_form_of_another_page_and_a_rebound_name_reach_nothing() {
    let shop = Shop::open();
    let cheap = json!({ "name": "Chai", "price": 0.01, "stock": 39 });
    let form = ["Origin: https://evil.example", "Content-Type: application/x-www-form-urlencoded"];
    assert_eq!(shop.ask("", "POST /items/chai/stock", &form, &cheap).0, 403);
    assert_eq!(shop.ask(&shop.staff, "PUT /items/chai", &form, &cheap).0, 403);
    let url = &shop.running.url;
    let bearer = format!("Authorization: Bearer {}", shop.staff);
    let rebound = ["Host: rebound.example", bearer.as_str()];
    assert_eq!(answer(url, "PUT /items/chai", &rebound, &cheap.to_string()).0, 403);
}

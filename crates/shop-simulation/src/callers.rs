//! The clients of the shop's API: customers, reviewers, staff, the carrier and the payment
//! provider. Staff maintain items and customers, and make the shop forget customers. The carrier
//! and the payment provider call the webhooks.

use chorus_events::OrderId;
use chorus_events::callers::{OPERATOR, REVIEWER, STAFF};
use chorus_events::commands::LogisticsStatus;
use chorus_http::{Caller, Request, Role};
use chorus_kernel::derived_id;
use chorus_payment::{ReviewCallback, SimulatedNotice};
use chorus_simulation::Client;
use chorus_table::Handle;
use chorus_webhook_signature::{STRIPE_SIGNATURE_HEADER, WebhookSecret, headers, sign_as_stripe};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::courier::Callback;
use crate::orders::PlannedOrder;

pub(crate) const PLACE: &str = "POST /orders";

/// The route by which the carrier fetches a parcel's address.
pub(crate) const ADDRESS: &str = "POST /webhooks/address";

pub(crate) const PUT_CUSTOMER: &str = "PUT /customers/{id}";

const WEBHOOK: &str = "POST /webhooks/logistics";

/// A text that is in all personal data of customers, and in no other data.
pub(crate) const CANARY: &str = "canary";

/// The domain of the email addresses of customers who come back after they were forgotten.
pub(crate) const DOMAIN_OF_RETURNED: &str = "back.example";

const PAYMENT_WEBHOOK: &str = "POST /webhooks/payments";

/// The caller Maria, who has this role.
fn caller_with_role(role: Role) -> Caller {
    Caller::with_roles("maria", [role.name])
}

pub(crate) fn lists_item(sku: &str, price: i64, stock: u32, time: usize) -> Client {
    let body = json!({ "name": sku, "price": cents(price), "stock": stock });
    let name = format!("listing {time} of {sku}");
    Client::new(name.clone(), "PUT /items/{sku}", &body)
        .caller(caller_with_role(STAFF))
        .path("sku", sku)
        .key(name.replace(' ', "-"))
}

pub(crate) fn stores_customer(customer: &str) -> Client {
    store_customer(customer, "nest.example", format!("customer {customer}"))
}

/// A client that stores a forgotten customer again.
pub(crate) fn stores_customer_again(customer: &str, time: usize) -> Client {
    store_customer(customer, DOMAIN_OF_RETURNED, format!("customer {customer}, back {time}"))
}

fn store_customer(customer: &str, domain: &str, name: String) -> Client {
    let body = json!({
        "name": format!("{CANARY} {customer}"),
        "email": format!("{CANARY}-{customer}@{domain}"),
        "blocked": customer.contains("blocked"),
    });
    let key = name.replace([' ', ','], "-");
    Client::new(name, PUT_CUSTOMER, &body)
        .caller(caller_with_role(STAFF))
        .path("id", customer)
        .key(key)
}

/// A client that makes the shop forget a customer. With `despite`, the shop does so even if the
/// customer has open orders.
pub(crate) fn forgets_customer(customer: &str, despite: bool, time: usize) -> Client {
    let name = format!("forgetting {time} of {customer}");
    let mut client = Client::new(name.clone(), "DELETE /customers/{id}", &Value::Null)
        .caller(caller_with_role(STAFF))
        .path("id", customer)
        .key(name.replace(' ', "-"));
    let despite = ("despite-orders-under-way".to_owned(), despite.to_string());
    client.request.query.extend([despite]);
    client
}

/// A client that fetches a parcel's address, as the carrier does.
pub(crate) fn asks_address(order_id: &OrderId, handle: &Handle, order: &str) -> Client {
    let body = json!({ "order-id": order_id, "handle": handle });
    let key = derived_id("carrier-address", order_id.as_str(), 0).simple().to_string();
    Client::new(format!("address of {order}"), ADDRESS, &body)
        .patience(60)
        .until_accepted()
        .key(key)
}

/// A client that places an order. If `changed`, it adds one to each quantity, but keeps the order's
/// idempotency key.
pub(crate) fn places_order(order: &PlannedOrder, changed: bool) -> Client {
    let line = |(sku, quantity): &(&str, u32)| json!({ "sku": sku, "quantity": quantity + u32::from(changed) });
    let lines: Vec<Value> = order.lines.iter().map(line).collect();
    let body = json!({
        "customer-id": order.customer,
        "lines": lines,
        "shipping-address": {
            "name": format!("{CANARY} Ana"), "street": format!("{CANARY}-Str. 1"),
            "city": format!("{CANARY}town"), "country": order.country,
        },
    });
    let name = format!("{} placed", order.name);
    Client::new(name, PLACE, &body)
        .caller(Caller::customer(order.customer))
        .patience(order.patience)
        .key(&order.key)
        .repeats()
}

pub(crate) fn cancels(order_id: &OrderId, who: &str) -> Client {
    let body = json!({ "reason": format!("{who} canceled it") });
    Client::new(format!("{who} canceled"), "POST /orders/{id}/cancel", &body)
        .caller(caller_with_role(STAFF))
        .patience(8)
        .until_found()
        .repeats()
        .path("id", order_id.as_str())
        .key(format!("cancel-{order_id}-{}", who.replace(' ', "-")))
}

pub(crate) fn reviews(order_id: &OrderId, verdict: &str, name: String) -> Client {
    let handle = ReviewCallback::handle(order_id);
    let body = json!({ "verdict": verdict, "handle": handle });
    Client::new(name, "POST /reviews/{order-id}", &body)
        .caller(caller_with_role(REVIEWER))
        .until_found()
        .repeats()
        .path("order-id", order_id.as_str())
        .key(format!("review-{order_id}-{verdict}"))
}

/// A client that posts the carrier's callback about a parcel to the webhook.
pub(crate) fn callback_client(callback: &Callback, order: &str) -> Client {
    let Callback { order_id, handle, status, .. } = callback;
    let mut body = json!({ "order-id": order_id, "handle": handle, "status": status });
    if *status == LogisticsStatus::DeliveryCanceled {
        body["reason"] = json!("the parcel was damaged");
    }
    let derived_from = format!("{order_id} {status:?}");
    let key = derived_id("carrier-callback", &derived_from, 0).simple().to_string();
    Client::new(format!("{status:?} of {order}"), WEBHOOK, &body)
        .patience(60)
        .until_accepted()
        .key(key)
}

/// A client that requests a refund again, as an operator does.
pub(crate) fn retries_refund(order_id: &OrderId, order: &str, round: u32) -> Client {
    Client::new(
        format!("refund {round} of {order}"),
        "POST /payments/{order-id}/refund",
        &Value::Null,
    )
    .caller(caller_with_role(OPERATOR))
    .path("order-id", order_id.as_str())
    .key(format!("refund-{order_id}-{round}"))
}

/// The order whose parcel's address the client fetches.
pub(crate) fn parcel(client: &Client) -> Option<OrderId> {
    let asked: Value = serde_json::from_slice(&client.request.body).ok()?;
    asked["order-id"].as_str()?.parse().ok()
}

/// A client that posts a notice from the payment provider, for the `time`th time.
pub(crate) fn notifies(notice: &SimulatedNotice, order: &str, time: u32) -> Client {
    let event = notice.event();
    let kind = event["type"].as_str().unwrap_or_default();
    Client::new(format!("{kind} of {order}, {time}"), PAYMENT_WEBHOOK, &event)
        .patience(60)
        .until_accepted()
}

/// The request of a client's next attempt; the carrier and the payment provider sign each attempt
/// anew.
pub(crate) fn request(client: &Client, secret: &WebhookSecret, now: Timestamp) -> Request {
    let mut request = client.request.clone();
    if client.route == PAYMENT_WEBHOOK {
        let signature = sign_as_stripe(secret, now.as_second(), &request.body);
        request.headers.insert(STRIPE_SIGNATURE_HEADER.to_owned(), signature);
    }
    if matches!(client.route, WEBHOOK | ADDRESS) {
        let id = request.header("idempotency-key").unwrap_or_default().to_owned();
        for (name, value) in headers(secret, &id, now.as_second(), &request.body) {
            request.headers.insert(name.to_owned(), value);
        }
    }
    request
}

/// Whether the placed `order` has the lines that this client ordered.
pub(crate) fn is_answered_by(client: &Client, order: &Value) -> bool {
    let asked: Value = serde_json::from_slice(&client.request.body).unwrap_or_default();
    let lines = |order: &Value| {
        let lines = order["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().map(|it| (it["sku"].clone(), it["quantity"].clone())).collect::<Vec<_>>()
    };
    lines(&asked) == lines(order)
}

pub(crate) fn cents(amount: i64) -> Value {
    let text = format!("{}.{:02}", amount / 100, amount % 100);
    serde_json::from_str(&text).expect("digits, a point and two digits are a number")
}

//! Callers of the shop's API: they repeat themselves until they are answered, or go away.

use std::collections::BTreeMap;
use std::time::Duration;

use chorus_events::OrderId;
use chorus_events::commands::LogisticsStatus;
use chorus_http::Request;
use chorus_kernel::derived_id;
use chorus_payment::ReviewWait;
use chorus_webhook_signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookSecret, sign};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::courier::Callback;
use crate::scenario::PlannedOrder;

/// What a caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To order.
    Place(OrderId),
    /// Something of an order that is there already: 404 is for later.
    Of(OrderId),
    /// To tell of a parcel.
    Tell,
    /// Anything else.
    Keep,
}

impl Wish {
    /// Whether it is a customer's or a reviewer's, about an order.
    pub(crate) const fn is_of_orders(&self) -> bool {
        matches!(self, Self::Place(_) | Self::Of(_))
    }
}

/// A caller.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) route: &'static str,
    pub(crate) request: Request,
    pub(crate) wish: Wish,
    /// How often it tries.
    pub(crate) patience: u32,
    pub(crate) attempts: u32,
    /// The status that ended it.
    pub(crate) answered: Option<u16>,
    /// Whether it asks again what was answered so long ago that the record has expired: it may be
    /// refused then.
    pub(crate) much_later: bool,
}

impl Client {
    fn new(name: String, route: &'static str, wish: Wish, body: &Value) -> Self {
        let request = Request { body: body.to_string().into_bytes(), ..Request::default() };
        Self {
            name,
            route,
            request,
            wish,
            patience: PATIENCE,
            attempts: 0,
            answered: None,
            much_later: false,
        }
    }

    const fn patience(mut self, patience: u32) -> Self {
        self.patience = patience;
        self
    }

    /// The same caller, asking the same another time.
    pub(crate) fn again(&self) -> Self {
        let name = format!("{}, much later", self.name);
        let (attempts, answered) = (0, None);
        Self { name, patience: PATIENCE, attempts, answered, much_later: true, ..self.clone() }
    }

    fn key(mut self, key: impl Into<String>) -> Self {
        self.request.headers.insert("idempotency-key".to_owned(), key.into());
        self
    }

    fn path(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.path.insert(name.to_owned(), value.into());
        self
    }

    /// Lists an item.
    pub(crate) fn lists(sku: &str, price: i64, stock: u32, time: usize) -> Self {
        let body = json!({ "name": sku, "price": cents(price), "stock": stock });
        let name = format!("listing {time} of {sku}");
        Self::new(name.clone(), "PUT /items/{sku}", Wish::Keep, &body)
            .path("sku", sku)
            .key(name.replace(' ', "-"))
    }

    /// Keeps a customer.
    pub(crate) fn keeps(customer: &str) -> Self {
        let body = json!({
            "name": customer,
            "email": format!("{customer}@example.com"),
            "blocked": customer.contains("blocked"),
        });
        Self::new(format!("customer {customer}"), "PUT /customers/{id}", Wish::Keep, &body)
            .path("id", customer)
            .key(format!("customer-{customer}"))
    }

    /// Places an order; `changed`, with another quantity under the same key.
    pub(crate) fn places(order: &PlannedOrder, changed: bool) -> Self {
        let line = |(sku, quantity): &(&str, u32)| json!({ "sku": sku, "quantity": quantity + u32::from(changed) });
        let lines: Vec<Value> = order.lines.iter().map(line).collect();
        let body = json!({
            "customer-id": order.customer,
            "lines": lines,
            "shipping-address": {
                "name": "Ana", "street": "Torstr. 1", "city": "Berlin", "country": order.country,
            },
        });
        let wish = Wish::Place(order.order_id.clone());
        let name = format!("{} placed", order.name);
        Self::new(name, "POST /orders", wish, &body).patience(order.patience).key(order.key.clone())
    }

    /// Cancels an order.
    pub(crate) fn cancels(order_id: &OrderId, who: &str) -> Self {
        let wish = Wish::Of(order_id.clone());
        let body = json!({ "reason": format!("{who} canceled it") });
        Self::new(format!("{who} canceled"), "POST /orders/{id}/cancel", wish, &body)
            .patience(8)
            .path("id", order_id.as_str())
            .key(format!("cancel-{order_id}-{}", who.replace(' ', "-")))
    }

    /// Decides a review.
    pub(crate) fn reviews(order_id: &OrderId, verdict: &str, name: String) -> Self {
        let handle = ReviewWait::handle(order_id);
        let body = json!({ "verdict": verdict, "reviewer": "maria", "handle": handle });
        let wish = Wish::Of(order_id.clone());
        Self::new(name, "POST /reviews/{order-id}", wish, &body)
            .path("order-id", order_id.as_str())
            .key(format!("review-{order_id}-{verdict}"))
    }

    /// Tells of a parcel, as the carrier does.
    pub(crate) fn tells(callback: &Callback, order: &str) -> Self {
        let Callback { order_id, handle, status, .. } = callback;
        let mut body = json!({ "order-id": order_id, "handle": handle, "status": status });
        if *status == LogisticsStatus::DeliveryCanceled {
            body["reason"] = json!("the parcel was damaged");
        }
        let said = format!("{order_id} {status:?}");
        let key = derived_id("carrier-callback", &said, 0).simple().to_string();
        Self::new(format!("{status:?} of {order}"), WEBHOOK, Wish::Tell, &body)
            .patience(60)
            .key(key)
    }

    /// The next attempt's request; the carrier signs each anew.
    pub(crate) fn attempt(&self, secret: &WebhookSecret, now: Timestamp) -> Request {
        let mut request = self.request.clone();
        if self.route == WEBHOOK {
            let at = now.as_second();
            let signature = sign(secret, at, &request.body);
            request.headers.insert(TIMESTAMP_HEADER.to_owned(), at.to_string());
            request.headers.insert(SIGNATURE_HEADER.to_owned(), signature);
        }
        request
    }

    /// Whether an answer of this status is the last word.
    pub(crate) fn satisfied(&self, status: u16) -> bool {
        match status {
            200..=299 | 409 => true,
            404 => !matches!(self.wish, Wish::Of(_)),
            400..=499 => self.wish != Wish::Tell,
            _ => false,
        }
    }

    /// Whether an order that was placed has the lines that this caller asked for.
    pub(crate) fn is_answered_by(&self, order: &Value) -> bool {
        let asked: Value = serde_json::from_slice(&self.request.body).unwrap_or_default();
        let lines = |order: &Value| {
            let lines = order["lines"].as_array().cloned().unwrap_or_default();
            lines.iter().map(|it| (it["sku"].clone(), it["quantity"].clone())).collect::<Vec<_>>()
        };
        lines(&asked) == lines(order)
    }

    /// How long it waits before the next attempt.
    pub(crate) fn pause(&self) -> Duration {
        let doubled = 500_u64.saturating_mul(1 << self.attempts.min(12));
        Duration::from_millis(doubled.min(600_000))
    }
}

/// How often a caller tries, where nothing else is said.
const PATIENCE: u32 = 12;

/// The carrier's webhook.
const WEBHOOK: &str = "POST /webhooks/logistics";

fn cents(amount: i64) -> Value {
    let text = format!("{}.{:02}", amount / 100, amount % 100);
    serde_json::from_str(&text).expect("digits, a point and two digits are a number")
}

/// The routes of the services, by method and path.
pub(crate) type Routes = BTreeMap<String, std::sync::Arc<dyn chorus_http::Endpoint>>;

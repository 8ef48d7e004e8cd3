//! A shop for tests: opened in memory, called through its router, and examined once it is idle.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_delivery::CarrierCallback;
use chorus_events::callers::{REVIEWER, ROLES};
use chorus_http::Caller;
use chorus_payment::SimulatedProvider;
use chorus_shop::{Accounts, Shop, ShopConfig, WEBHOOK_SECRET};
use chorus_webhook_signature::{STRIPE_SIGNATURE_HEADER, WebhookSecret, headers, sign_as_stripe};
use serde_json::{Value, json};
use tower::ServiceExt;

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The caller with every role, who sends all requests for which a test names no other caller.
fn maria() -> Caller {
    Caller::with_roles("maria", ROLES.map(|role| role.name))
}

/// A running shop with items and customers.
#[derive(Debug)]
pub struct TestShop {
    pub shop: Shop,
}

/// A reviewer other than the caller who places the orders.
#[must_use]
pub fn reviewer() -> Caller {
    Caller::with_roles("rita", [REVIEWER.name])
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl TestShop {
    /// Opens a shop in memory whose carrier is quick, with chai (39 pieces at 18), tofu (35 at
    /// 23.25) and these customers.
    ///
    /// # Errors
    /// If the shop does not open.
    pub async fn open(customers: &[&str]) -> anyhow::Result<Self> {
        Self::with(ShopConfig::default(), customers).await
    }

    /// Does the same as [`Self::open`], but with `config`. Only the times that the carrier takes
    /// are those of [`Self::open`], so that tests are fast.
    ///
    /// # Errors
    /// If the shop does not open.
    pub async fn with(config: ShopConfig, customers: &[&str]) -> anyhow::Result<Self> {
        let quick = Duration::from_millis(5);
        let config = ShopConfig { pickup_after: quick, delivery_after: quick, ..config };
        let test = Self { shop: Shop::start(&config).await? };
        for (sku, price, stock) in [("chai", 18.0, 39), ("tofu", 23.25, 35)] {
            let item = json!({ "name": sku, "price": price, "stock": stock });
            test.ok("PUT", &format!("/items/{sku}"), item).await?;
        }
        for customer in customers {
            let kept = json!({ "name": customer, "email": "somebody@example.com" });
            test.ok("PUT", &format!("/customers/{customer}"), kept).await?;
        }
        test.rest().await?;
        Ok(test)
    }

    /// Sends a request with this body unchanged, and with the idempotency key, if one is given.
    ///
    /// # Errors
    /// If the router fails, which it never should.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: impl Into<Body>,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(body.into())?).await
    }

    /// Sends a request as `caller`.
    ///
    /// # Errors
    /// If the router fails, which it never should.
    pub async fn ask_as(
        &self,
        caller: Caller,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(method).uri(path).extension(caller);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(body.to_string().into())?).await
    }

    async fn send(&self, request: Request<Body>) -> anyhow::Result<Answer> {
        let mut request = request;
        if request.extensions().get::<Caller>().is_none() {
            request.extensions_mut().insert(maria());
        }
        let answer = self.shop.router().oneshot(request).await?;
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 10_000_000).await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// Sends a request that must succeed.
    ///
    /// # Errors
    /// If the answer is not 2xx.
    pub async fn ok(&self, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.raw(method, path, None, body.to_string()).await?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        Ok(answer.body)
    }

    /// Places an order of `pieces` of `sku`, and returns its id.
    ///
    /// # Errors
    /// If the shop refuses the order.
    pub async fn order(&self, customer: &str, sku: &str, pieces: u32) -> anyhow::Result<String> {
        let key = format!("{customer}-{sku}-{pieces}");
        let body = order_of(customer, sku, pieces);
        let answer = self.raw("POST", "/orders", Some(&key), body.to_string()).await?;
        ensure!(answer.status == 201, "{answer:?}");
        Ok(answer.body["order-id"].as_str().context("the answer has no order-id")?.to_owned())
    }

    /// Decides the review of an order: reads the review's handle (the id of the task that waits for
    /// the verdict), and sends the handle with `verdict`.
    ///
    /// # Errors
    /// If the answer is not 2xx.
    pub async fn review(&self, order_id: &str, verdict: &str) -> anyhow::Result<Value> {
        let path = format!("/reviews/{order_id}");
        let review = self.ok("GET", &path, Value::Null).await?;
        let body = json!({
            "verdict": verdict, "reason": "odd", "handle": review["handle"],
        });
        let answer = self.ask_as(reviewer(), "POST", &path, None, &body).await?;
        ensure!((200..300).contains(&answer.status), "POST {path}: {answer:?}");
        Ok(answer.body)
    }

    /// Sends a signed callback of the carrier about the order's parcel, with the handle by which
    /// the carrier names the parcel.
    ///
    /// # Errors
    /// If the router fails.
    pub async fn webhook(&self, order_id: &str, status: &str) -> anyhow::Result<Answer> {
        let handle = CarrierCallback::handle(&order_id.parse()?);
        let body = json!({ "order-id": order_id, "handle": handle, "status": status }).to_string();
        let (secret, now): (WebhookSecret, _) =
            (WEBHOOK_SECRET.parse()?, jiff::Timestamp::now().as_second());
        let mut request = Request::post("/webhooks/logistics");
        for (name, value) in headers(&secret, &format!("late-{status}"), now, body.as_bytes()) {
            request = request.header(name, value);
        }
        self.send(request.body(body.into())?).await
    }

    /// Sends the signed notice (a webhook) that the payment provider sends when a customer disputes
    /// the charge for an order.
    ///
    /// # Errors
    /// If the router fails.
    pub async fn dispute(&self, order_id: &str) -> anyhow::Result<Answer> {
        let intent = SimulatedProvider::intent_of(&order_id.parse()?).0;
        let now = jiff::Timestamp::now().as_second();
        let body = json!({
            "id": format!("evt_{order_id}"), "type": "charge.dispute.created",
            "data": { "object": {
                "payment_intent": intent, "amount": 1_800, "reason": "product_not_received",
                "evidence_details": { "due_by": now + 86_400 },
            } },
        });
        let body = body.to_string();
        let secret: WebhookSecret = WEBHOOK_SECRET.parse()?;
        let signature = sign_as_stripe(&secret, now, body.as_bytes());
        let request =
            Request::post("/webhooks/payments").header(STRIPE_SIGNATURE_HEADER, signature);
        self.send(request.body(body.into())?).await
    }

    /// Waits until the order has ended and the shop has no more work in flight. Returns the order.
    ///
    /// # Errors
    /// If the order does not end within [`PATIENCE`].
    pub async fn ended(&self, order_id: &str) -> anyhow::Result<Value> {
        let path = format!("/orders/{order_id}");
        self.until(async || {
            let order = self.ok("GET", &path, Value::Null).await?;
            Ok(order["status"] != "Open")
        })
        .await
        .with_context(|| format!("order {order_id} does not end"))?;
        self.rest().await?;
        self.ok("GET", &path, Value::Null).await
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// If the condition cannot be checked, or does not hold within [`PATIENCE`].
    pub async fn until(
        &self,
        mut is_so: impl AsyncFnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let asking = async {
            while !is_so().await? {
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, asking).await?
    }

    /// Waits until the shop has no more work in flight.
    ///
    /// # Errors
    /// If work is still in flight after [`PATIENCE`].
    pub async fn rest(&self) -> anyhow::Result<()> {
        Ok(self.shop.local().runner().run_until_idle(PATIENCE).await?)
    }

    /// Returns the names of an order's events, causes before effects.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn event_names(&self, order_id: &str) -> anyhow::Result<Vec<String>> {
        let path = format!("/events?order-id={order_id}&limit=1000");
        let log = self.ok("GET", &path, Value::Null).await?;
        let events = log["events"].as_array().context("the answer has no list `events`")?;
        Ok(events
            .iter()
            .filter_map(|event| event["detail-type"].as_str())
            .map(Into::into)
            .collect())
    }

    /// Returns the shop's accounts of stock and money, which must add up.
    ///
    /// # Errors
    /// If the accounts do not add up.
    pub async fn books(&self) -> anyhow::Result<Accounts> {
        let books = self.shop.accounts().await?;
        ensure!(books.problems.is_empty(), "{:#?}", books.problems);
        Ok(books)
    }
}

/// Returns the body of a request that places an order.
#[must_use]
pub fn order_of(customer: &str, sku: &str, pieces: u32) -> Value {
    json!({
        "customer-id": customer,
        "lines": [{ "sku": sku, "quantity": pieces }],
        "shipping-address": {
            "name": customer, "street": "Obere Str. 57", "city": "Berlin", "country": "DE",
        },
    })
}

//! A fake of Stripe's API of PaymentIntents over HTTP, with faults that a test selects.
//!
//! The fake keeps the charges and refunds that it made, even if its responses were lost.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Read,
    List,
    Confirm,
    Capture,
    Cancel,
    Refund,
}

/// The fault with which the bank answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bank acts, and the connection breaks before the answer.
    LostAnswer,
    /// 429, with a `Retry-After`.
    TooMany,
    /// 409: another request is at work on the intent.
    Locked,
    /// 500, and the bank did nothing.
    Failed,
    /// 500, although the bank acted.
    FailedAfter,
    /// The bank acts, and never answers.
    Timeout,
    /// The bank acts, and its answer is not JSON.
    Malformed,
}

/// When the first payment intent was created, in seconds since the Unix epoch. Each later intent is
/// created a second after the previous intent.
pub(crate) const FIRST_CREATED: i64 = 1_795_171_620;

/// The most intents on one page of the list.
const LONGEST_PAGE: usize = 3;

pub(crate) const FAULTS: [Fault; 7] = [
    Fault::LostAnswer,
    Fault::TooMany,
    Fault::Locked,
    Fault::Failed,
    Fault::FailedAfter,
    Fault::Timeout,
    Fault::Malformed,
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) method: Option<String>,
    pub(crate) status: &'static str,
    /// Whether the bank first holds the amount, and charges it only when the shop captures it.
    pub(crate) is_held_first: bool,
    pub(crate) declined: Option<&'static str>,
    pub(crate) refunded: u64,
    /// The order's id in the intent's metadata.
    pub(crate) order_id: String,
    /// When the intent was created, in seconds since the Unix epoch.
    pub(crate) created: i64,
    /// The page on which the customer confirms; absent if the request names no page to which the
    /// bank can send the customer back.
    pub(crate) page: Option<String>,
}

impl Intent {
    /// Changes the status because the customer's bank agrees to pay.
    const fn agree(&mut self) {
        self.status = if self.is_held_first { "requires_capture" } else { "succeeded" };
    }
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) intents: BTreeMap<String, Intent>,
    /// The faults that are still to occur, each with the kind of call at which it occurs.
    pub(crate) faults: Vec<(Call, Fault)>,
    /// The calls that were made, in order.
    pub(crate) asked: Vec<Call>,
    /// Whether the bank refuses every refund.
    pub(crate) keeps_all: bool,
    /// The headers and bodies of the requests.
    pub(crate) sent: Vec<(HeaderMap, String)>,
}

#[derive(Clone, Default)]
pub(crate) struct Bank(Arc<Mutex<Books>>);

type Answer = Result<Value, (u16, Value)>;

impl Bank {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    /// Starts the bank on a free port, and returns its URL.
    pub(crate) async fn open(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/payment_intents", post(create).get(list))
            .route("/v1/payment_intents/{id}", get(read))
            .route("/v1/payment_intents/{id}/confirm", post(confirm))
            .route("/v1/payment_intents/{id}/capture", post(capture))
            .route("/v1/payment_intents/{id}/cancel", post(cancel))
            .route("/v1/refunds", post(refund))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// Makes the customer confirm a charge, or fail to confirm it. Returns the event that Stripe
    /// would post about the result.
    pub(crate) fn customer_answers(&self, id: &str, confirms: bool) -> Value {
        let mut books = self.books();
        let intent = books.intents.get_mut(id).unwrap();
        assert_eq!(intent.status, "requires_action");
        if confirms {
            intent.agree();
            let kind = if intent.is_held_first { "amount_capturable_updated" } else { "succeeded" };
            return notice(&format!("payment_intent.{kind}"), &shown(id, intent));
        }
        (intent.status, intent.method) = ("requires_payment_method", None);
        intent.declined = Some("The customer failed to authenticate.");
        notice("payment_intent.payment_failed", &shown(id, intent))
    }

    pub(crate) fn will(&self, call: Call, fault: Fault) {
        self.books().faults.push((call, fault));
    }

    /// Returns the amounts that the bank holds.
    pub(crate) fn held(&self) -> Vec<u64> {
        let books = self.books();
        let held = books.intents.values().filter(|intent| intent.status == "requires_capture");
        held.map(|intent| intent.amount).collect()
    }

    /// Returns an intent as the API represents it.
    pub(crate) fn shown(&self, id: &str) -> Value {
        shown(id, &self.books().intents[id])
    }

    /// Returns the amounts that were charged, and the sum of all refunds.
    pub(crate) fn charged_and_refunded(&self) -> (Vec<u64>, u64) {
        let books = self.books();
        let charged = books.intents.values().filter(|intent| intent.status == "succeeded");
        let refunded = books.intents.values().map(|intent| intent.refunded).sum();
        (charged.map(|intent| intent.amount).collect(), refunded)
    }

    /// Answers `call`, or applies the next fault for this kind of call.
    async fn answer(&self, call: Call, act: impl FnOnce(&mut Books) -> Answer) -> Response {
        let fault = {
            let mut books = self.books();
            books.asked.push(call);
            let due = books.faults.iter().position(|(at, _)| *at == call);
            due.map(|due| books.faults.remove(due).1)
        };
        let error =
            |status, message: &str| respond(status, &json!({"error": {"message": message}}));
        match fault {
            Some(Fault::TooMany) => {
                let mut response = error(429, "too many requests");
                response.headers_mut().insert("retry-after", "1".parse().unwrap());
                return response;
            }
            Some(Fault::Locked) => return error(409, "lock_timeout"),
            Some(Fault::Failed) => return error(500, "an error on our side"),
            _ => {}
        }
        let answer = act(&mut self.books());
        match fault {
            Some(Fault::FailedAfter) => error(500, "an error on our side"),
            // A panic ends the task, and so closes its connection.
            Some(Fault::LostAnswer) => std::panic::resume_unwind(Box::new("the connection breaks")),
            Some(Fault::Timeout) => std::future::pending().await,
            Some(Fault::Malformed) => (StatusCode::OK, "<html>").into_response(),
            _ => match answer {
                Ok(value) => respond(200, &value),
                Err((status, error)) => respond(status, &json!({ "error": error })),
            },
        }
    }
}

/// An event as Stripe posts it: its id derives from its type and object.
pub(crate) fn notice(kind: &str, object: &Value) -> Value {
    let id = format!("evt_{kind}_{}", object["id"].as_str().unwrap());
    json!({"id": id, "object": "event", "type": kind, "data": {"object": object}})
}

fn respond(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

fn shown(id: &str, intent: &Intent) -> Value {
    let charged = intent.status == "succeeded";
    let is_held = intent.status == "requires_capture";
    let charge = json!({"captured": charged,
        "id": id.replace("pi_", "ch_"), "object": "charge",
        "amount_refunded": intent.refunded, "amount": intent.amount});
    json!({
        "id": id, "object": "payment_intent", "livemode": false,
        "amount": intent.amount, "currency": intent.currency, "status": intent.status,
        "amount_received": if charged { intent.amount } else { 0 },
        "amount_capturable": if is_held { intent.amount } else { 0 },
        "capture_method": if intent.is_held_first { "manual" } else { "automatic" },
        "latest_charge": (charged || is_held).then_some(charge),
        "payment_method": intent.method,
        "metadata": {"order-id": intent.order_id},
        "next_action": (intent.status == "requires_action").then(|| match &intent.page {
            Some(url) => json!({"type": "redirect_to_url", "redirect_to_url": {"url": url}}),
            None => json!({"type": "use_stripe_sdk", "use_stripe_sdk": {}}),
        }),
        "last_payment_error": intent.declined.map(|message| json!({
            "type": "card_error", "code": "card_declined", "message": message})),
    })
}

fn invalid(code: &str) -> (u16, Value) {
    (400, json!({"type": "invalid_request_error", "code": code, "message": code}))
}

fn form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

async fn create(State(bank): State<Bank>, headers: HeaderMap, body: String) -> Response {
    let form = form(&body);
    bank.books().sent.push((headers, body));
    bank.answer(Call::Create, |books| {
        let method = form.get("payment_method").cloned();
        if method.as_ref().is_some_and(|method| !method.starts_with("pm_")) {
            return Err(invalid("resource_missing"));
        }
        let status =
            if method.is_some() { "requires_confirmation" } else { "requires_payment_method" };
        let (amount, currency) = (form["amount"].parse().unwrap(), form["currency"].clone());
        let order_id = form["metadata[order-id]"].clone();
        let intent = Intent {
            amount,
            currency,
            method,
            status,
            is_held_first: form["capture_method"] == "manual",
            declined: None,
            refunded: 0,
            order_id,
            created: FIRST_CREATED + i64::try_from(books.intents.len()).unwrap(),
            page: None,
        };
        let id = format!("pi_{}", books.intents.len() + 1);
        let answer = shown(&id, &intent);
        books.intents.insert(id, intent);
        Ok(answer)
    })
    .await
}

/// Lists intents, the newest first. A page may be shorter than the limit in the request.
async fn list(State(bank): State<Bank>, RawQuery(query): RawQuery) -> Response {
    let query = form(&query.unwrap_or_default());
    bank.answer(Call::List, |books| {
        let since: i64 = query.get("created[gte]").map_or(0, |since| since.parse().unwrap());
        let mut listed: Vec<(&String, &Intent)> =
            books.intents.iter().filter(|(_, intent)| intent.created >= since).collect();
        listed.sort_by_key(|(_, intent)| std::cmp::Reverse(intent.created));
        if let Some(after) = query.get("starting_after") {
            let place = listed.iter().position(|(id, _)| *id == after);
            listed.drain(..=place.ok_or_else(|| invalid("resource_missing"))?);
        }
        let limit: usize = query["limit"].parse().unwrap();
        let page = listed.len().min(limit).min(LONGEST_PAGE);
        let data: Vec<Value> = listed[..page].iter().map(|(id, it)| shown(id, it)).collect();
        Ok(json!({"object": "list", "data": data, "has_more": listed.len() > page}))
    })
    .await
}

async fn read(State(bank): State<Bank>, Path(id): Path<String>) -> Response {
    bank.answer(Call::Read, |books| {
        let intent = books.intents.get(&id).ok_or_else(|| invalid("resource_missing"))?;
        Ok(shown(&id, intent))
    })
    .await
}

async fn confirm(State(bank): State<Bank>, Path(id): Path<String>, body: String) -> Response {
    let sends_back = form(&body).contains_key("return_url");
    bank.answer(Call::Confirm, |books| {
        let intent = books.intents.get_mut(&id).ok_or_else(|| invalid("resource_missing"))?;
        if intent.status != "requires_confirmation" {
            return Err(invalid("payment_intent_unexpected_state"));
        }
        match intent.method.as_deref() {
            Some("pm_declined") => {
                (intent.status, intent.method) = ("requires_payment_method", None);
                intent.declined = Some("Your card was declined.");
                return Err((
                    402,
                    json!({"type": "card_error", "code": "card_declined",
                        "decline_code": "generic_decline", "message": "Your card was declined."}),
                ));
            }
            Some("pm_confirms") => {
                intent.status = "requires_action";
                intent.page = sends_back.then(|| format!("https://bank.example/3ds/{id}"));
            }
            Some("pm_slow") => intent.status = "processing",
            _ => intent.agree(),
        }
        Ok(shown(&id, intent))
    })
    .await
}

async fn capture(State(bank): State<Bank>, Path(id): Path<String>) -> Response {
    bank.answer(Call::Capture, |books| {
        let intent = books.intents.get_mut(&id).ok_or_else(|| invalid("resource_missing"))?;
        if intent.status != "requires_capture" {
            return Err(invalid("payment_intent_unexpected_state"));
        }
        match intent.method.as_deref() {
            Some("pm_lapses") => {
                intent.status = "canceled";
                return Err(invalid("charge_expired_for_capture"));
            }
            Some("pm_refused") => {
                return Err((402, json!({"message": "the bank refuses to pay"})));
            }
            _ => intent.status = "succeeded",
        }
        Ok(shown(&id, intent))
    })
    .await
}

async fn cancel(State(bank): State<Bank>, Path(id): Path<String>) -> Response {
    bank.answer(Call::Cancel, |books| {
        let intent = books.intents.get_mut(&id).ok_or_else(|| invalid("resource_missing"))?;
        if ["succeeded", "processing", "canceled"].contains(&intent.status) {
            return Err(invalid("payment_intent_unexpected_state"));
        }
        intent.status = "canceled";
        Ok(shown(&id, intent))
    })
    .await
}

async fn refund(State(bank): State<Bank>, body: String) -> Response {
    let id = form(&body)["payment_intent"].clone();
    bank.answer(Call::Refund, |books| {
        let keeps_all = books.keeps_all;
        let intent = books.intents.get_mut(&id).ok_or_else(|| invalid("resource_missing"))?;
        if intent.status != "succeeded" || keeps_all {
            return Err(invalid("charge_disputed"));
        }
        if intent.refunded == intent.amount {
            return Err(invalid("charge_already_refunded"));
        }
        intent.refunded = intent.amount;
        Ok(json!({"id": "re_1", "object": "refund", "amount": intent.amount,
            "status": "succeeded", "payment_intent": id}))
    })
    .await
}

//! A small application in memory. It has two routes, two actions, and a row that starts a state
//! machine. A test can make the store and the queues fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_http::{Callers, Endpoint, Method, Problem, Request, Response, Route, Values};
use chorus_kernel::testing::{keyring, metadata};
use chorus_kernel::{
    Action, ActionError, Breakers, Context, Decision, Failure, Function, IDEMPOTENCY_TABLE, Item,
    Kernel, Key, MachineSpec, Machines, MemoryStore, PARTNER_UNAVAILABLE, Page, Publisher, Query,
    Rejected, RowOutputs, Signal, SignalOutcome, Store, StoreError, Write,
};
use chorus_table::{Entry, Event};
use chorus_test_table::facts::ItemReserved;
use chorus_test_table::facts::OrderCreated;
use chorus_test_table::facts::PaymentFailed;
use chorus_test_table::rows::{self, RefusePaymentInput, RefusePaymentOutput};
use chorus_test_table::rows::{ReserveItemInput, ReserveItemOutput};
use chorus_test_table::services;
use serde_json::json;
use tokio::time::Instant;

use super::{Invocation, Invoker};
use crate::SystemClock;
use crate::claims::TokenClaims;
use crate::queues::{DeadLetter, Queues, Receipt};

/// Reserves items for an order. Panics on the orders of one customer. Fails on the orders of
/// another customer, as if a partner were unavailable.
struct Reserve;

impl Action for Reserve {
    type Row = rows::ReserveItem;
    type State = ();

    fn keys(&self, _: &ReserveItemInput) {}

    fn decide(
        &self,
        ReserveItemInput::OrderCreated(order): &ReserveItemInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<ReserveItemOutput>, ActionError> {
        assert_ne!(order.customer_id, "panic", "on purpose");
        if order.customer_id == "away" {
            return Err(Failure::later(PARTNER_UNAVAILABLE, "the partner is unavailable").into());
        }
        Ok(Decision::emit(ItemReserved { order_id: order.order_id.clone() }))
    }
}

/// Handles the events that the row `CollectPayment` has given up, because a queue no longer retries
/// them.
struct Refuse;

impl Action for Refuse {
    type Row = rows::RefusePayment;
    type State = ();

    fn keys(&self, _: &RefusePaymentInput) {}

    fn decide(
        &self,
        _: &RefusePaymentInput,
        (): &(),
        _: &Context<'_>,
    ) -> Result<Decision<RefusePaymentOutput>, ActionError> {
        Ok(Decision::emit(PaymentFailed::sample()))
    }
}

/// An endpoint that answers with the request that it got.
struct Echo;

#[async_trait]
impl Endpoint for Echo {
    async fn call(&self, _: &Kernel, request: &Request) -> Result<Response, Problem> {
        let name = request.path.get("name").map_or("", String::as_str);
        assert_ne!(name, "panic", "on purpose");
        if name == "missing" {
            return Err(Problem::new(404, "not-found", "there is none"));
        }
        let body = json!({
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": String::from_utf8_lossy(&request.body),
        });
        Ok(Response::json(200, body))
    }
}

/// A message that was sent to a queue: the queue's URL, the body, and the attributes.
pub(crate) type Kept = (String, String, BTreeMap<String, String>);

/// Everything that outlives an invocation.
struct Memory {
    store: MemoryStore,
    published: Mutex<Vec<Entry>>,
    signals: Mutex<Vec<Signal>>,
    dead_letters: Mutex<Vec<DeadLetter>>,
    kept: Mutex<Vec<Kept>>,
    /// For each call that hid a message from the queue's receivers: the message's receipt, and for
    /// how long it was hidden.
    hidden: Mutex<Vec<(String, Duration)>>,
    throttled: AtomicBool,
    closed: AtomicBool,
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.store.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        if self.throttled.load(Ordering::Relaxed) {
            return Err(StoreError::Throttled("too much at once".to_owned()));
        }
        self.store.write(writes).await
    }
}

#[async_trait]
impl Publisher for Memory {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        self.published.lock().unwrap().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

#[async_trait]
impl Machines for Memory {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        let mut signals = self.signals.lock().unwrap();
        if signals.contains(signal) {
            return Ok(SignalOutcome::TooLate);
        }
        signals.push(signal.clone());
        Ok(SignalOutcome::Delivered)
    }
}

#[async_trait]
impl Queues for Memory {
    async fn send_to_dead_letters(&self, letter: &DeadLetter) -> Result<(), Failure> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Failure::later("QueueUnavailable", "no answer"));
        }
        self.dead_letters.lock().unwrap().push(letter.clone());
        Ok(())
    }

    async fn send_to(
        &self,
        queue_url: &str,
        body: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), Failure> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Failure::later("QueueUnavailable", "no answer"));
        }
        let attributes =
            attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let kept = (queue_url.to_owned(), body.to_owned(), attributes.collect());
        self.kept.lock().unwrap().push(kept);
        Ok(())
    }

    async fn hide(&self, receipt: Receipt<'_>, pause: Duration) -> Result<(), Failure> {
        self.hidden.lock().unwrap().push((receipt.handle.to_owned(), pause));
        Ok(())
    }
}

pub(crate) struct Shop(Arc<Memory>);

impl Default for Shop {
    fn default() -> Self {
        Self(Arc::new(Memory {
            store: MemoryStore::new(&[IDEMPOTENCY_TABLE]),
            published: Mutex::default(),
            signals: Mutex::default(),
            dead_letters: Mutex::default(),
            kept: Mutex::default(),
            hidden: Mutex::default(),
            throttled: AtomicBool::default(),
            closed: AtomicBool::default(),
        }))
    }
}

impl Shop {
    /// Returns a new invoker, as a new process of the function would have. The invoker shares this
    /// shop's memory.
    pub(crate) fn invoker(&self) -> Invoker {
        let memory = Arc::clone(&self.0);
        let function = Function::of(services::INVENTORY)
            .action(Reserve)
            .action(Refuse)
            .starts::<rows::CollectPayment>(MachineSpec::new("CollectPayment", ""));
        Invoker {
            function,
            routes: vec![
                Route::new(Method::PUT, "/echo/{name}", Callers::Anyone, Echo)
                    .pages(10, Values::Text),
                Route::new(Method::GET, "/private/{order-id}", Callers::with(&[]), Echo),
            ],
            kernel: Kernel {
                store: Arc::clone(&memory) as Arc<dyn Store>,
                bus: Arc::clone(&memory) as Arc<dyn Publisher>,
                machines: Arc::clone(&memory) as Arc<dyn Machines>,
                clock: Arc::new(SystemClock),
                breakers: Breakers::default(),
                keyring: keyring(),
                region: None,
            },
            queues: Some(memory),
            operators_queue: None,
            callers: TokenClaims::new(None, None),
            outputs: RowOutputs::default(),
        }
    }

    pub(super) fn published(&self) -> Vec<Entry> {
        self.0.published.lock().unwrap().clone()
    }

    pub(super) fn signals(&self) -> Vec<Signal> {
        self.0.signals.lock().unwrap().clone()
    }

    pub(super) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.dead_letters.lock().unwrap().clone()
    }

    pub(super) fn kept(&self) -> Vec<Kept> {
        self.0.kept.lock().unwrap().clone()
    }

    /// For each call that hid a message from the queue's receivers: the message's receipt, and for
    /// how long it was hidden.
    pub(super) fn hidden(&self) -> Vec<(String, Duration)> {
        self.0.hidden.lock().unwrap().clone()
    }

    /// Makes the store throttle from now on.
    pub(super) fn throttle(&self) {
        self.0.throttled.store(true, Ordering::Relaxed);
    }

    /// Makes the queues refuse dead letters and all other messages from now on.
    pub(super) fn close_dead_letters(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    /// Makes the queues accept messages again.
    pub(super) fn open_dead_letters(&self) {
        self.0.closed.store(false, Ordering::Relaxed);
    }
}

/// An event `OrderCreated` of this customer, with this idempotency key.
pub(super) fn event(key: &str, customer: &str) -> String {
    let metadata = chorus_table::Metadata { idempotency_key: key.to_owned(), ..metadata() };
    let order = OrderCreated { customer_id: customer.to_owned(), ..Event::sample() };
    json!({
        "version": "0", "id": "1", "detail-type": "OrderCreated", "source": "com.orders",
        "account": "1", "time": "2026-11-20T10:47:00Z", "region": "eu-central-1", "resources": [],
        "detail": { "metadata": metadata, "data": order },
    })
    .to_string()
}

/// An invocation that may take a minute.
pub(super) fn invocation() -> Invocation {
    Invocation {
        request_id: "a-request".to_owned(),
        give_up_at: Instant::now() + Duration::from_secs(60),
        function_arn: "an-arn".to_owned(),
        xray: None,
    }
}

//! A customer may send a limited number of requests a minute; callers who act for customers may
//! send any number.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chorus_http::{Caller, Endpoint, Method, Problem, Request, Response, Route};
use chorus_kernel::testing::{expect_ready, keyring};
use chorus_kernel::{
    Allowance, Breakers, Clock, Failure, IDEMPOTENCY_TABLE, Item, Kernel, Key, MemoryStore,
    NoMachines, Page, Publisher, Query, Reason, Rejected, Store, StoreError, Write,
    committed_events,
};
use chorus_table::{CallerRole, Callers, Entry};
use jiff::Timestamp;
use serde_json::json;

const STAFF: CallerRole = CallerRole::new("staff");

/// A clock that shows a fixed time plus this number of seconds. The same type is a bus that accepts
/// every event and stores none.
#[derive(Default)]
struct ClockAndBus(AtomicI64);

#[async_trait]
impl Clock for ClockAndBus {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + self.0.load(Ordering::Relaxed)).unwrap()
    }

    async fn sleep(&self, _: Duration) {}
}

#[async_trait]
impl Publisher for ClockAndBus {
    async fn put_events(&self, _: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        Ok(Vec::new())
    }
}

/// Answers every request with 201, and names the caller as the owner of what was created.
struct AnswersAsOwner;

#[async_trait]
impl Endpoint for AnswersAsOwner {
    async fn call(&self, _: &Kernel, request: &Request) -> Result<Response, Problem> {
        Ok(Response::json(201, json!({})).of(request.caller_name()?))
    }
}

struct Shop {
    route: Route,
    kernel: Kernel,
    store: Arc<MemoryStore>,
    time: Arc<ClockAndBus>,
}

impl Shop {
    fn of(per_minute: u32) -> Self {
        let (store, time) = (Arc::new(MemoryStore::new(&[IDEMPOTENCY_TABLE])), Arc::default());
        let kernel = Kernel {
            store: Arc::clone(&store) as Arc<dyn Store>,
            bus: Arc::clone(&time) as Arc<dyn Publisher>,
            machines: Arc::new(NoMachines),
            clock: Arc::clone(&time) as Arc<dyn Clock>,
            breakers: Breakers::default(),
            keyring: keyring(),
            region: None,
        };
        let route =
            Route::new(Method::POST, "/orders", Callers::owner_or(&[STAFF]), AnswersAsOwner)
                .at_most(Allowance { action: "PlaceOrder", per_minute });
        Self { route, kernel, store, time }
    }

    fn pass(&self, seconds: i64) {
        self.time.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn send(&self, caller: Caller) -> Result<Response, Problem> {
        expect_ready(self.route.answer(&self.kernel, Request { caller, ..Request::default() }))
    }

    /// Sends this many requests of the customer, and returns how many are accepted. If a request is
    /// rejected, also returns the number of seconds after which the customer may send the next
    /// request.
    fn taken(&self, customer: &str, requests: usize) -> (usize, Option<u16>) {
        let (mut taken, mut wait) = (0, None);
        for _ in 0..requests {
            match self.send(Caller::customer(customer)) {
                Ok(_) => taken += 1,
                Err(problem) => {
                    assert_eq!(problem.status, 429);
                    wait = problem.retry_after;
                }
            }
        }
        (taken, wait)
    }
}

#[test]
fn a_minutes_requests_may_come_at_once_and_then_one_after_the_other() {
    let shop = Shop::of(6);
    assert_eq!(shop.taken("ana", 9), (6, Some(10)));
    assert_eq!(shop.taken("ben", 1), (1, None), "each customer has an allowance of their own");
    shop.pass(9);
    assert_eq!(shop.taken("ana", 3), (0, Some(1)));
    shop.pass(1);
    assert_eq!(shop.taken("ana", 3), (1, Some(10)));
    shop.pass(30);
    assert_eq!(shop.taken("ana", 9), (3, Some(10)));
    shop.pass(600);
    assert_eq!(shop.taken("ana", 9), (6, Some(10)), "no more than a minute's are saved up");
}

#[test]
fn a_refusal_names_the_rule_and_says_when_to_come_again() {
    let shop = Shop::of(1);
    shop.send(Caller::customer("ana")).unwrap();
    let refused = shop.send(Caller::customer("ana")).unwrap_err();
    let detail = refused.detail.clone().unwrap();
    assert!(detail.contains("1 of these requests a minute") && detail.contains("60 s"), "{detail}");
    let response = Response::from(refused);
    assert!(response.headers.contains(&("retry-after", "60".to_owned())), "{response:?}");
}

/// A store in which another request writes the same item at the same moment.
struct Conflicting;

#[async_trait]
impl Store for Conflicting {
    async fn get(&self, _: &Key) -> Result<Option<Item>, StoreError> {
        Ok(None)
    }

    async fn query(&self, _: &Query) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        Err(StoreError::Refused(vec![Reason::Conflict; writes.len()]))
    }
}

#[test]
fn a_conflict_with_another_request_is_not_taken_for_an_empty_allowance() {
    let mut shop = Shop::of(6);
    shop.kernel.store = Arc::new(Conflicting);
    let problem = shop.send(Caller::customer("ana")).unwrap_err();
    assert_eq!(problem.status, 503, "{problem:?}");
}

#[test]
fn whoever_acts_for_customers_is_not_counted_and_without_a_bound_nobody_is() {
    let shop = Shop::of(1);
    for _ in 0..100 {
        shop.send(Caller::with_roles("maria", ["staff"])).unwrap();
    }
    assert_eq!(Shop::of(0).taken("ana", 1_000), (1_000, None));
}

#[test]
fn an_allowance_is_no_record_and_its_item_is_deleted_some_day() {
    let shop = Shop::of(6);
    shop.taken("ana", 2);
    let items = shop.store.all(IDEMPOTENCY_TABLE.name);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(committed_events(&items[0]).unwrap(), []);
    let expires = chorus_kernel::number(&items[0], "expires-at").unwrap();
    assert!(expires > shop.time.now().as_second() + 3_600);
}

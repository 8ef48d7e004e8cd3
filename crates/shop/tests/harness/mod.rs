//! A shop without a socket: requests go to its router. A carrier in the same process accepts every
//! parcel, and moves no parcel before [`Harness::move_parcels`] is called.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "a test and a bench each use only a part of this module"
)]

mod carrier;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chorus_events::Settings;
use chorus_events::table::TABLE;
use chorus_http::{Caller, HttpFunction, with_default_caller};
use chorus_kernel::{Function, IDEMPOTENCY_TABLE, Kernel, PERSON_KEYS_TABLE, Store, TableSpec};
use chorus_local::{EXECUTIONS_TABLE, Endpoint, Local, LocalConfig, VirtualClock, Work};
use chorus_shop::{API, CARRIER_API_KEY, Partners, Secrets, ShopConfig, functions};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use carrier::Depot;

/// The longest time that the engine may run before the test fails. A bench may take longer, because
/// it has ten thousand orders.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 600 } else { 1_800 });

/// How many orders are placed at once.
const AT_ONCE: usize = 32;

/// How many different items the shop has. [`Harness::place`] puts two of them into each order.
const ITEMS: usize = 20;

/// Sends a request to `router`; fails if the response is not a success.
async fn ask(router: &Router, request: Request<Body>) -> anyhow::Result<Value> {
    let answer = router.clone().oneshot(request).await?;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1_000_000).await?;
    ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    Ok(serde_json::from_slice(&body)?)
}

/// A shop that has items and customers, and accepts orders.
pub struct Harness {
    pub local: Local,
    /// The kernel for the routes, and for tests that drive the engine by hand.
    pub kernel: Kernel,
    pub partners: Partners,
    /// The tables of the shop's own store.
    pub tables: Vec<TableSpec>,
    router: Router,
    depot: Depot,
}

impl Harness {
    /// Opens a shop in the directory `data`, or in memory, with items and `customers`. `wrap` is
    /// called with the partners' store first, then with the shop's store; the returned stores are
    /// used instead. The engine's runner, however, uses the shop's store unwrapped. So a test that
    /// wraps the shop's store drives the engine by [`Harness::step_to`], not by the runner.
    pub async fn open(
        data: Option<&Path>,
        customers: &[&str],
        wrap: impl FnMut(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> anyhow::Result<Self> {
        let books = ShopConfig { data: data.map(Into::into), ..ShopConfig::default() };
        let harness = Self::of(&books, wrap, |mut config| {
            config.data = data.map(Into::into);
            // With the default limit, a hundred calls to a partner per second, the carrier's rate
            // would determine every measurement.
            config.policies.calls_per_second = 1_000_000;
            config
        })?;
        harness.seed(customers).await?;
        // An order needs the items' prices, which Order learns from events.
        harness.step_to(0).await;
        Ok(harness)
    }

    /// Opens a shop in memory on `clock`, which advances only while no work is due. The shop's
    /// carrier accepts `calls_per_second` calls per second.
    pub async fn in_virtual_time(
        clock: &VirtualClock,
        customers: &[&str],
        calls_per_second: u32,
    ) -> anyhow::Result<Self> {
        Self::on_clock(clock, customers, |mut config| {
            config.policies.calls_per_second = calls_per_second;
            config
        })
        .await
    }

    /// Opens a shop in memory on `clock`, with the configuration that `set_up` returns.
    pub async fn on_clock(
        clock: &VirtualClock,
        customers: &[&str],
        set_up: impl FnOnce(LocalConfig) -> LocalConfig,
    ) -> anyhow::Result<Self> {
        let books = ShopConfig { clock: Arc::new(clock.clone()), ..ShopConfig::default() };
        let harness = Self::of(&books, |store| store, |config| set_up(config.virtual_time(clock)))?;
        harness.seed(customers).await?;
        harness.run_until_delivered(0).await?;
        Ok(harness)
    }

    fn of(
        books: &ShopConfig,
        mut wrap: impl FnMut(Arc<dyn Store>) -> Arc<dyn Store>,
        set_up: impl FnOnce(LocalConfig) -> LocalConfig,
    ) -> anyhow::Result<Self> {
        let (carrier, depot, couriers) = carrier::open(Arc::clone(&books.clock));
        let partners = Partners::open(books)?.wrapped(&mut wrap);
        let functions =
            functions(&partners, Arc::new(partners.mailer()), Secrets::fixed(), Settings::DEFAULT);
        let (functions, routes) = HttpFunction::split(functions);
        let tables = tables(&functions);
        let mut config = LocalConfig::new(&TABLE, functions);
        config.partner = Some(Arc::new(carrier));
        for row in ["StartDelivery", "RecallDelivery"] {
            config = config.endpoint(row, Endpoint::new("in this process", CARRIER_API_KEY));
        }
        let local = Local::open(set_up(config))?;
        let mut kernel = local.kernel().clone();
        kernel.store = wrap(kernel.store);
        kernel.machines = local.machines_on(Arc::clone(&kernel.store));
        let caller = Caller::trusted("maria", &routes);
        let router = with_default_caller(chorus_http::router(&kernel, API, routes), caller);
        couriers.start(&router);
        Ok(Self { local, kernel, partners, tables, router, depot })
    }

    async fn seed(&self, customers: &[&str]) -> anyhow::Result<()> {
        for item in 0..ITEMS {
            self.stock(&format!("item-{item}"), 1_000_000).await?;
        }
        for customer in customers {
            let body = json!({ "name": customer, "email": "somebody@example.com" });
            ask(&self.router, put(&format!("/customers/{customer}"), &body)?).await?;
        }
        Ok(())
    }

    /// Adds an item with `pieces` in stock.
    pub async fn stock(&self, sku: &str, pieces: u32) -> anyhow::Result<()> {
        let body = json!({ "name": "A thing", "price": 18.5, "stock": pieces });
        ask(&self.router, put(&format!("/items/{sku}"), &body)?).await?;
        Ok(())
    }

    /// Drives the engine by hand, one step after another, until at least `delivered` parcels are
    /// delivered and no work is left.
    pub async fn step_to(&self, delivered: usize) {
        while !self.is_at_rest(delivered) {
            self.step().await;
        }
    }

    /// Whether at least `delivered` parcels are delivered, and nothing is left to do.
    pub fn is_at_rest(&self, delivered: usize) -> bool {
        self.depot.delivered() >= delivered && self.local.bus().is_idle()
    }

    /// Performs one piece of work that is due, if any is due.
    pub async fn step(&self) {
        let (bus, dispatcher) = (self.local.bus(), self.local.dispatcher());
        for work in bus.take_due(1) {
            let verdicts = dispatcher.perform(&work, bus.topology(), &self.kernel).await;
            bus.settle_all(verdicts);
            if let Work::Job(job) = work {
                bus.finish(job);
            }
        }
        tokio::task::yield_now().await;
    }

    /// Places the orders with these numbers, many at once, each for two of the items. `customer`
    /// returns, for an order's number, the customer who places the order.
    pub async fn place(
        &self,
        numbers: Range<usize>,
        customer: fn(usize) -> &'static str,
    ) -> anyhow::Result<()> {
        let skus =
            |number: usize| [number, number + 1].map(|item| format!("item-{}", item % ITEMS));
        self.place_each(numbers, move |number| order(number, customer(number), &skus(number))).await
    }

    /// Places `orders` orders of one piece of the item `sku`, many at once.
    pub async fn place_for_one(
        &self,
        sku: &'static str,
        orders: usize,
        customer: &'static str,
    ) -> anyhow::Result<()> {
        self.place_each(0..orders, move |number| order(number, customer, &[sku.to_owned()])).await
    }

    async fn place_each(
        &self,
        numbers: Range<usize>,
        request: impl Fn(usize) -> anyhow::Result<Request<Body>> + Copy + Send + 'static,
    ) -> anyhow::Result<()> {
        let mut customers = JoinSet::new();
        for first in numbers.start..numbers.end.min(numbers.start + AT_ONCE) {
            let (router, end) = (self.router.clone(), numbers.end);
            customers.spawn(async move {
                for number in (first..end).step_by(AT_ONCE) {
                    ask(&router, request(number)?).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(placed) = customers.join_next().await {
            placed??;
        }
        Ok(())
    }

    /// Makes the carrier move its parcels, including parcels that it gets later. With `false`,
    /// makes the carrier stop moving parcels.
    pub fn move_parcels(&self, moves: bool) {
        self.depot.set_open(moves);
    }

    /// Runs the engine until `delivered` parcels are delivered, and nothing is left to do.
    pub async fn run_until_delivered(&self, delivered: usize) -> anyhow::Result<()> {
        let runner = self.local.runner();
        runner.start();
        tokio::time::timeout(PATIENCE, self.depot.until(delivered)).await??;
        Ok(runner.run_until_idle(PATIENCE).await?)
    }
}

fn tables(functions: &[Function]) -> Vec<TableSpec> {
    let own = functions.iter().flat_map(|function| function.tables.iter().copied());
    [IDEMPOTENCY_TABLE, EXECUTIONS_TABLE, PERSON_KEYS_TABLE].into_iter().chain(own).collect()
}

fn put(path: &str, body: &Value) -> anyhow::Result<Request<Body>> {
    Ok(Request::put(path).body(body.to_string().into())?)
}

/// Returns an order of one piece of each of these items, within the home country, and too small for
/// a review.
fn order(number: usize, customer: &str, skus: &[String]) -> anyhow::Result<Request<Body>> {
    let lines: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku, "quantity": 1 })).collect();
    let body = json!({
        "customer-id": customer,
        "lines": lines,
        "shipping-address": {
            "name": customer, "street": "Obere Str. 57", "city": "Berlin", "country": "DE",
        },
    });
    let request = Request::post("/orders").header("idempotency-key", format!("order-{number}"));
    Ok(request.body(body.to_string().into())?)
}

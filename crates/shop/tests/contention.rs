//! A thousand invocations handle orders for one item at once. Like DynamoDB, the store refuses a
//! transaction while another transaction writes the same item.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Request;
use chorus_events::Currency;
use chorus_http::{Caller, HttpFunction, Route, with_default_caller};
use chorus_inventory::TABLE;
use chorus_kernel::testing::keyring;
use chorus_kernel::{
    Breakers, Clock, Failure, Function, IDEMPOTENCY_TABLE, Item, Kernel, Key, MemoryStore,
    NoMachines, Page, Publisher, Query, Reason, Rejected, Store, StoreError, Write,
};
use chorus_shop::API;
use chorus_table::policy::{FUNCTION_TIMEOUT, INVOCATION};
use chorus_table::{Entry, sample_time};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

const ORDERS: usize = 1_000;
const SKU: &str = "samovar";
const PIECES: usize = 700;

/// About how long DynamoDB takes for a read.
const READ: Duration = Duration::from_millis(4);
/// About how long DynamoDB takes for a transaction.
const TRANSACTION: Duration = Duration::from_millis(10);

struct Contended {
    items: MemoryStore,
    written: Mutex<BTreeSet<String>>,
    conflicts: AtomicUsize,
}

#[async_trait]
impl Store for Contended {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        sleep(READ).await;
        self.items.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        sleep(READ).await;
        self.items.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let keys: Vec<String> = writes.iter().map(|write| format!("{:?}", write.key())).collect();
        let free = {
            let mut written = self.written.lock().unwrap();
            let free = keys.iter().all(|key| !written.contains(key));
            if free {
                written.extend(keys.iter().cloned());
            }
            free
        };
        sleep(TRANSACTION).await;
        if !free {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Refused(vec![Reason::Conflict; writes.len()]));
        }
        let done = self.items.write(writes).await;
        self.written.lock().unwrap().retain(|key| !keys.contains(key));
        done
    }
}

/// The types of the published events. Copies of an event in an earlier version of its schema are
/// left out.
#[derive(Default)]
struct Published(Mutex<Vec<String>>);

#[async_trait]
impl Publisher for Published {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        let current = entries.iter().filter(|entry| !entry.detail.contains("\"copy-of\""));
        self.0.lock().unwrap().extend(current.map(|entry| entry.detail_type.clone()));
        Ok(Vec::new())
    }
}

/// Tokio's paused time: while all tasks sleep, Tokio advances the time to the end of the next
/// sleep.
struct TokioClock(Instant);

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        sample_time() + self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

/// Adds to the shop the item that all orders contain.
async fn list_item(kernel: &Kernel, routes: Vec<Route>) {
    let caller = Caller::trusted("maria", &routes);
    let router = with_default_caller(chorus_http::router(kernel, API, routes), caller);
    let item = json!({ "name": "Samovar", "price": 18, "stock": PIECES });
    let request = Request::put(format!("/items/{SKU}")).body(item.to_string()).unwrap();
    assert!(router.oneshot(request).await.unwrap().status().is_success());
}

/// Returns the `OrderCreated` of the order with this number, for one piece of the item.
fn order(number: usize) -> String {
    let sample = include_str!("../../../events/samples/OrderCreated.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    let order_id = format!("order-{number}");
    let metadata = &mut event["detail"]["metadata"];
    metadata["idempotency-key"] = json!(order_id);
    metadata["correlation-id"] = json!(order_id);
    metadata["event-id"] = json!(format!("00000000-0000-5000-8000-{number:012}"));
    let data = &mut event["detail"]["data"];
    data["order-id"] = json!(order_id);
    let line = json!({ "sku": SKU, "quantity": 1, "unit-price": 18 });
    data["lines"] = json!([line]);
    event.to_string()
}

/// Invokes the function as Lambda does: with a time limit, and again after a pause if it fails.
async fn invoke(function: Arc<Function>, kernel: Kernel, event: String) -> Result<(), String> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let handled = function.handle_event(&kernel, &event);
        let failure = match timeout(FUNCTION_TIMEOUT, handled).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(failure)) => failure.to_string(),
            Err(late) => late.to_string(),
        };
        if attempt == INVOCATION.max_attempts {
            return Err(failure);
        }
        sleep(INVOCATION.pause(attempt).1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_functions_at_once_reserve_one_item_without_a_dead_letter() {
    let store = Arc::new(Contended {
        items: MemoryStore::new(&[IDEMPOTENCY_TABLE, TABLE]),
        written: Mutex::default(),
        conflicts: AtomicUsize::default(),
    });
    let published = Arc::new(Published::default());
    let kernel = Kernel {
        store: Arc::clone(&store) as Arc<dyn Store>,
        bus: Arc::clone(&published) as Arc<dyn Publisher>,
        machines: Arc::new(NoMachines),
        clock: Arc::new(TokioClock(Instant::now())),
        breakers: Breakers::default(),
        keyring: keyring(),
        region: None,
    };
    let HttpFunction { function, routes } = chorus_inventory::function(Currency::EUR);
    list_item(&kernel, routes).await;
    let function = Arc::new(function);
    let mut functions = JoinSet::new();
    for number in 0..ORDERS {
        functions.spawn(invoke(Arc::clone(&function), kernel.clone(), order(number)));
    }
    let ends = functions.join_all().await;
    let dead: Vec<&String> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    let conflicts = store.conflicts.load(Ordering::Relaxed);
    assert!(
        dead.is_empty(),
        "{} dead letters after {conflicts} conflicts: {}",
        dead.len(),
        dead[0]
    );
    assert!(conflicts > ORDERS, "{conflicts} conflicts");
    let published = published.0.lock().unwrap();
    let count = |name: &str| published.iter().filter(|event| *event == name).count();
    assert_eq!((count("ItemReserved"), count("ItemNotAvailable")), (PIECES, ORDERS - PIECES));
}

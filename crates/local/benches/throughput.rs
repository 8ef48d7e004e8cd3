//! Measures how many events per second pass through the bus, in memory and with a journal, how long
//! it takes to open an engine, and how many transactions per second the store writes. Run it with
//! `cargo bench -p chorus-local`.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chorus_kernel::{
    ActionError, Condition, Function, Handled, Handler, IDEMPOTENCY_TABLE, Kernel, Key, Message,
    Outcome, Publisher, Store, Write,
};
use chorus_local::{DynoxideStore, Local, LocalConfig, SystemClock};
use chorus_table::{Entry, RowSpec, rules};
use chorus_test_table::TABLE;
use serde_dynamo::AttributeValue;

const EVENTS: u64 = 20_000;
const TRANSACTIONS: u64 = 10_000;
const ENGINES: u64 = 200;
const PUBLISHERS: u64 = 64;

/// An action that handles every message without any effect.
struct Idle(RowSpec);

#[async_trait]
impl Handler for Idle {
    fn row(&self) -> RowSpec {
        self.0
    }

    fn reads(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, _: &Kernel, _: &Message) -> Result<Handled, ActionError> {
        Ok(Handled { outcome: Outcome::Decided, entries: Vec::new(), note: None })
    }
}

fn config() -> LocalConfig {
    let rows: Vec<RowSpec> =
        TABLE.rows.iter().filter(|row| row.action == "CountOrder").copied().collect();
    let mut function = Function::of(rows[0].service);
    function.handlers.push(Arc::new(Idle(rows[0])));
    let mut config = LocalConfig::new(&TABLE, vec![function]);
    config.rules = rules(&rows);
    config
}

fn entry(number: u64) -> Entry {
    let detail = format!(
        concat!(
            r#"{{"metadata":{{"idempotency-key":"{0:032x}","event-id":"#,
            r#""00000000-0000-0000-0000-{0:012x}","correlation-id":"{0}","occurred-at":"#,
            r#""2026-11-20T10:47:00Z","version":1,"ttl-seconds":86400,"category":"event"}},"#,
            r#""data":{{"order-id":"{0}","total":237.51,"country":"Germany"}}}}"#
        ),
        number
    );
    Entry { source: "com.orders".to_owned(), detail_type: "OrderCreated".to_owned(), detail }
}

async fn pass(shop: &Local) -> Duration {
    let start = Instant::now();
    shop.runner().start();
    let mut publishing = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let bus = Arc::clone(shop.bus());
        publishing.spawn(async move {
            for number in (publisher..EVENTS).step_by(PUBLISHERS as usize) {
                let taken = bus.put_events(&[entry(number)]).await;
                assert!(taken.is_ok_and(|rejected| rejected.is_empty()), "the bus takes it");
            }
        });
    }
    publishing.join_all().await;
    let idle = shop.runner().run_until_idle(Duration::from_secs(120)).await;
    assert!(idle.is_ok(), "{idle:?}");
    start.elapsed()
}

async fn transact(store: &DynoxideStore) -> Duration {
    let start = Instant::now();
    for number in 0..TRANSACTIONS {
        let writes = ["a", "b"].map(|sk| {
            let (pk, sk) = (number.to_string(), sk.to_owned());
            let key = Key { table: IDEMPOTENCY_TABLE.name, pk, sk };
            let mut item = key.to_item();
            item.insert("text".to_owned(), AttributeValue::S("x".repeat(200)));
            let condition = Some(Condition::Absent);
            Write::Put { key, item, condition }
        });
        let written = store.write(&writes).await;
        assert!(written.is_ok(), "{written:?}");
    }
    start.elapsed()
}

fn report(what: &str, count: u64, took: Duration) {
    println!("{what:<42} {:>10.0} a second", count as f64 / took.as_secs_f64());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let directory = tempfile::tempdir()?;
    runtime.block_on(async {
        let memory = Local::open(config())?;
        report("events through the bus, in memory", EVENTS, pass(&memory).await);
        let durable = Local::open(config().data(directory.path()))?;
        report("events through the bus, durable", EVENTS, pass(&durable).await);
        let start = Instant::now();
        for _ in 0..ENGINES {
            drop(Local::open(config())?);
        }
        report("engines opened in memory", ENGINES, start.elapsed());
        let tables = [IDEMPOTENCY_TABLE];
        let store = DynoxideStore::memory(Arc::new(SystemClock), &tables)?;
        report("two-item transactions, in memory", TRANSACTIONS, transact(&store).await);
        let store = DynoxideStore::open(&directory.path().join("bare.db"), &tables)?;
        report("two-item transactions, durable", TRANSACTIONS, transact(&store).await);
        Ok(())
    })
}

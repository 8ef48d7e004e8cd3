//! A partner that does not answer is not called again, by any instance, until its pause is over.
#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{
    ActionError, Breakers, CallContext, Clock, Decision, ExternalAction, Failure,
    IDEMPOTENCY_TABLE, Item, Kernel, Key, MemoryStore, Message, NoMachines, OutcomeUnknown,
    PARTNER_UNAVAILABLE, Page, People, Publisher, Query, Rejected, RowOutputs, Step, Store,
    StoreError, Write, open_circuits, sweep, testing,
};
use chorus_table::{Breaker, CallBody, Entry, Event, Owner, Partner};
use jiff::{SignedDuration, Timestamp};

mod services {
    chorus_table::services! {
        /// Prints.
        PRESS: "press", "Press", "com.press";
    }
}

mod commands {}

mod facts {
    use super::*;

    const BREAKERS: Owner = Owner::Partner(Partner {
        name: "circuit breakers",
        source: "com.partners",
        body: CallBody::Detail,
    });

    chorus_table::event! {
        /// A page was set.
        PageSet: Owner::Service(super::services::PRESS), Step, about page, {
            page: String = "p".to_owned(),
        }
    }
    chorus_table::event! {
        /// A page was printed.
        PagePrinted: Owner::Service(super::services::PRESS), End, about page, {
            page: String = "p".to_owned(),
        }
    }
    chorus_table::event! {
        /// A partner does not answer.
        PartnerUnavailable: BREAKERS, Terminal, about partner, {
            partner: String = "printer".to_owned(),
        }
    }
    chorus_table::event! {
        /// A partner answers again.
        PartnerRecovered: BREAKERS, Terminal, about partner, {
            partner: String = "printer".to_owned(),
        }
    }
}

const PRINTER: Breaker = Breaker {
    partner: Partner { name: "printer", source: "com.printer", body: CallBody::Detail },
    failures: 3,
    within_seconds: 600,
    pause_seconds: 60,
    probes: 1,
    unavailable: &facts::PartnerUnavailable::SPEC,
    recovered: &facts::PartnerRecovered::SPEC,
};

chorus_table::design_table! {
    /// Prints a page.
    PrintPage: PRESS on [PageSet] => [PagePrinted]
        .records().outside().queued().guarded_by(&PRINTER);
}

#[derive(Default)]
struct Printer {
    away: AtomicBool,
    calls: AtomicUsize,
}

#[async_trait]
impl ExternalAction for Printer {
    type Row = rows::PrintPage;
    type State = ();
    type Request = ();
    type Response = ();

    fn keys(&self, _: &rows::PrintPageInput) {}

    fn decide(
        &self,
        _: &rows::PrintPageInput,
        (): &(),
        context: &CallContext<'_, ()>,
    ) -> Result<Step<(), rows::PrintPageOutput>, ActionError> {
        Ok(match context.response {
            None => Step::Call { request: (), claim: Vec::new() },
            Some(()) => Step::Done(Decision::emit(facts::PagePrinted::sample())),
        })
    }

    async fn call(&self, (): &(), _: &str, _: &People) -> Result<(), OutcomeUnknown> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let away = self.away.load(Ordering::Relaxed);
        if away { Err(OutcomeUnknown("no paper".to_owned())) } else { Ok(()) }
    }
}

#[derive(Default)]
struct Bus {
    taken: Mutex<Vec<Entry>>,
    away: AtomicBool,
}

#[async_trait]
impl Publisher for Bus {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Failure::Terminal { code: "Away", message: String::new() });
        }
        self.taken.lock().unwrap().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

#[derive(Default)]
struct Time(AtomicI64);

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + self.0.load(Ordering::Relaxed)).unwrap()
    }
    async fn sleep(&self, _: Duration) {}
}

struct CountingStore {
    store: MemoryStore,
    requests: AtomicUsize,
}

#[async_trait]
impl Store for CountingStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.get(key).await
    }
    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.get_all(keys).await
    }
    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.query(query).await
    }
    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.write(writes).await
    }
}

struct Press {
    printer: Printer,
    bus: Arc<Bus>,
    clock: Arc<Time>,
    store: Arc<CountingStore>,
    pages: AtomicUsize,
}

impl Press {
    fn new() -> Self {
        let store = MemoryStore::new(&[IDEMPOTENCY_TABLE]);
        Self {
            printer: Printer::default(),
            bus: Arc::default(),
            clock: Arc::default(),
            store: Arc::new(CountingStore { store, requests: AtomicUsize::new(0) }),
            pages: AtomicUsize::new(0),
        }
    }

    /// Another instance of the function: it shares only the store, the bus and the clock with the
    /// others.
    fn instance(&self) -> Kernel {
        Kernel {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            bus: Arc::clone(&self.bus) as Arc<dyn Publisher>,
            machines: Arc::new(NoMachines),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            breakers: Breakers::default(),
            keyring: testing::keyring(),
        }
    }

    /// Lets an instance print another page; the error is the code of the failure.
    async fn print(&self, kernel: &Kernel) -> Result<(), &'static str> {
        let page = self.pages.fetch_add(1, Ordering::Relaxed);
        let data = serde_json::value::to_raw_value(&facts::PageSet::sample()).unwrap();
        let detail_type = facts::PageSet::SPEC.detail_type.to_owned();
        let mut message = Message { data, detail_type, ..testing::message() };
        message.metadata.idempotency_key = format!("page-{page}");
        let printed = kernel.run_external(&self.printer, &message).await;
        printed.map(drop).map_err(|error| Failure::from(error).code())
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn calls(&self) -> usize {
        self.printer.calls.load(Ordering::Relaxed)
    }

    fn leave(&self, away: bool) {
        self.printer.away.store(away, Ordering::Relaxed);
    }

    /// The events that were published about the partner.
    fn told(&self) -> Vec<String> {
        let taken = self.bus.taken.lock().unwrap();
        let about = taken.iter().filter(|entry| entry.source == "com.partners");
        about.map(|entry| entry.detail_type.clone()).collect()
    }

    async fn open(&self) -> Vec<String> {
        let open = open_circuits(&*self.store, &TABLE).await.unwrap();
        open.into_iter().map(|it| format!("{}: {}", it.partner, it.reason)).collect()
    }
}

#[tokio::test]
async fn after_so_many_failures_nobody_calls_and_who_wants_to_waits() {
    let press = Press::new();
    press.leave(true);
    let kernel = press.instance();
    for code in ["OutcomeUnknown", "OutcomeUnknown", PARTNER_UNAVAILABLE] {
        assert_eq!(press.print(&kernel).await, Err(code));
    }
    for _ in 0..20 {
        press.pass(2);
        assert_eq!(press.print(&kernel).await, Err(PARTNER_UNAVAILABLE));
    }
    assert_eq!(press.calls(), 3);
    assert_eq!(press.told(), ["PartnerUnavailable"]);
    assert_eq!(press.open().await, ["printer: no paper"]);
}

#[tokio::test]
async fn instances_count_together_and_one_that_knows_nothing_reads_before_it_calls() {
    let press = Press::new();
    press.leave(true);
    for _ in 0..3 {
        assert!(press.print(&press.instance()).await.is_err());
    }
    assert_eq!(press.print(&press.instance()).await, Err(PARTNER_UNAVAILABLE));
    assert_eq!(press.calls(), 3);
}

#[tokio::test]
async fn an_instance_that_has_been_at_work_calls_once_before_it_learns_it() {
    let press = Press::new();
    let (other, kernel) = (press.instance(), press.instance());
    press.print(&other).await.unwrap();
    press.leave(true);
    for _ in 0..3 {
        assert!(press.print(&kernel).await.is_err());
    }
    for _ in 0..5 {
        assert_eq!(press.print(&other).await, Err(PARTNER_UNAVAILABLE));
    }
    assert_eq!(press.calls(), 1 + 3 + 1);
    assert_eq!(press.told(), ["PartnerUnavailable"], "an outage is told once");
}

#[tokio::test]
async fn one_call_is_made_after_each_pause_by_all_instances_together() {
    let press = Press::new();
    press.leave(true);
    let instances: Vec<Kernel> = (0..4).map(|_| press.instance()).collect();
    for instance in &instances[..3] {
        assert!(press.print(instance).await.is_err());
    }
    for _ in 0..10 {
        press.pass(60);
        for instance in &instances {
            assert_eq!(press.print(instance).await, Err(PARTNER_UNAVAILABLE));
        }
    }
    // Two of the instances had failed before the circuit opened, and made one more call each before
    // they read that it was open.
    assert_eq!(press.calls(), 3 + 2 + 10);
}

#[tokio::test]
async fn an_answer_has_everybody_call_again_and_is_told_once() {
    let press = Press::new();
    press.leave(true);
    let (one, other) = (press.instance(), press.instance());
    for _ in 0..4 {
        assert!(press.print(&one).await.is_err() && press.print(&other).await.is_err());
    }
    press.leave(false);
    assert_eq!(press.print(&one).await, Err(PARTNER_UNAVAILABLE));
    press.pass(60);
    for instance in [&one, &other, &one, &other] {
        press.print(instance).await.unwrap();
    }
    assert_eq!(press.told(), ["PartnerUnavailable", "PartnerRecovered"]);
    assert_eq!(press.open().await, [""; 0]);
}

#[tokio::test]
async fn an_outage_that_could_not_be_published_is_published_by_the_sweeper() {
    let press = Press::new();
    press.leave(true);
    press.bus.away.store(true, Ordering::Relaxed);
    let kernel = press.instance();
    for _ in 0..3 {
        assert!(press.print(&kernel).await.is_err());
    }
    press.bus.away.store(false, Ordering::Relaxed);
    assert_eq!(press.told(), [""; 0]);
    press.pass(60);
    let outputs = RowOutputs::of(TABLE.rows.iter().copied());
    let swept = sweep(&kernel, &outputs, SignedDuration::from_secs(30)).await.unwrap();
    assert_eq!((swept.published, press.told()), (1, vec!["PartnerUnavailable".to_owned()]));
}

#[tokio::test]
async fn a_partner_that_answers_costs_no_request() {
    let press = Press::new();
    let kernel = press.instance();
    for _ in 0..5 {
        press.print(&kernel).await.unwrap();
    }
    // For each page: one read of the state and the record, one read after the call, and the commit.
    assert_eq!(press.store.requests.load(Ordering::Relaxed), 5 * 3);
}

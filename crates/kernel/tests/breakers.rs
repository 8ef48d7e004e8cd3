//! The circuit breaker of a partner: after the partner has not answered several calls, no instance
//! calls the partner again until a pause is over.
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
        /// A page was typeset.
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

struct PrintShop {
    printer: Printer,
    bus: Arc<Bus>,
    clock: Arc<Time>,
    store: Arc<CountingStore>,
    pages: AtomicUsize,
}

impl PrintShop {
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

    /// Returns a new instance of the function. Instances share only the store, the bus and the
    /// clock.
    fn instance(&self) -> Kernel {
        Kernel {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            bus: Arc::clone(&self.bus) as Arc<dyn Publisher>,
            machines: Arc::new(NoMachines),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            breakers: Breakers::default(),
            keyring: testing::keyring(),
            region: None,
        }
    }

    /// Lets an instance print a new page. The error is the code of the failure.
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

    /// The types of the events that were published about the partner.
    fn published(&self) -> Vec<String> {
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
    let print_shop = PrintShop::new();
    print_shop.leave(true);
    let kernel = print_shop.instance();
    for code in ["OutcomeUnknown", "OutcomeUnknown", PARTNER_UNAVAILABLE] {
        assert_eq!(print_shop.print(&kernel).await, Err(code));
    }
    for _ in 0..20 {
        print_shop.pass(2);
        assert_eq!(print_shop.print(&kernel).await, Err(PARTNER_UNAVAILABLE));
    }
    assert_eq!(print_shop.calls(), 3);
    assert_eq!(print_shop.published(), ["PartnerUnavailable"]);
    assert_eq!(print_shop.open().await, ["printer: no paper"]);
}

#[tokio::test]
async fn instances_count_together_and_one_that_knows_nothing_reads_before_it_calls() {
    let print_shop = PrintShop::new();
    print_shop.leave(true);
    for _ in 0..3 {
        assert!(print_shop.print(&print_shop.instance()).await.is_err());
    }
    assert_eq!(print_shop.print(&print_shop.instance()).await, Err(PARTNER_UNAVAILABLE));
    assert_eq!(print_shop.calls(), 3);
}

#[tokio::test]
async fn an_instance_that_has_been_at_work_calls_once_before_it_learns_it() {
    let print_shop = PrintShop::new();
    let (other, kernel) = (print_shop.instance(), print_shop.instance());
    print_shop.print(&other).await.unwrap();
    print_shop.leave(true);
    for _ in 0..3 {
        assert!(print_shop.print(&kernel).await.is_err());
    }
    for _ in 0..5 {
        assert_eq!(print_shop.print(&other).await, Err(PARTNER_UNAVAILABLE));
    }
    assert_eq!(print_shop.calls(), 1 + 3 + 1);
    assert_eq!(print_shop.published(), ["PartnerUnavailable"], "an outage is published once");
}

#[tokio::test]
async fn one_call_is_made_after_each_pause_by_all_instances_together() {
    let print_shop = PrintShop::new();
    print_shop.leave(true);
    let instances: Vec<Kernel> = (0..4).map(|_| print_shop.instance()).collect();
    for instance in &instances[..3] {
        assert!(print_shop.print(instance).await.is_err());
    }
    for _ in 0..10 {
        print_shop.pass(60);
        for instance in &instances {
            assert_eq!(print_shop.print(instance).await, Err(PARTNER_UNAVAILABLE));
        }
    }
    // Three calls opened the circuit. The first two instances each made one more call before they
    // read that the circuit was open. Then one call followed each of ten pauses.
    assert_eq!(print_shop.calls(), 3 + 2 + 10);
}

#[tokio::test]
async fn an_answer_has_every_instance_call_again_and_is_published_once() {
    let print_shop = PrintShop::new();
    print_shop.leave(true);
    let (one, other) = (print_shop.instance(), print_shop.instance());
    for _ in 0..4 {
        assert!(print_shop.print(&one).await.is_err() && print_shop.print(&other).await.is_err());
    }
    print_shop.leave(false);
    assert_eq!(print_shop.print(&one).await, Err(PARTNER_UNAVAILABLE));
    print_shop.pass(60);
    for instance in [&one, &other, &one, &other] {
        print_shop.print(instance).await.unwrap();
    }
    assert_eq!(print_shop.published(), ["PartnerUnavailable", "PartnerRecovered"]);
    assert_eq!(print_shop.open().await, [""; 0]);
}

#[tokio::test]
async fn an_outage_that_could_not_be_published_is_published_by_the_sweeper() {
    let print_shop = PrintShop::new();
    print_shop.leave(true);
    print_shop.bus.away.store(true, Ordering::Relaxed);
    let kernel = print_shop.instance();
    for _ in 0..3 {
        assert!(print_shop.print(&kernel).await.is_err());
    }
    print_shop.bus.away.store(false, Ordering::Relaxed);
    assert_eq!(print_shop.published(), [""; 0]);
    print_shop.pass(60);
    let outputs = RowOutputs::of(TABLE.rows.iter().copied());
    let swept = sweep(&kernel, &outputs, SignedDuration::from_secs(30)).await.unwrap();
    assert_eq!(
        (swept.published, print_shop.published()),
        (1, vec!["PartnerUnavailable".to_owned()])
    );
}

#[tokio::test]
async fn a_partner_that_answers_costs_no_request() {
    let print_shop = PrintShop::new();
    let kernel = print_shop.instance();
    for _ in 0..5 {
        print_shop.print(&kernel).await.unwrap();
    }
    // For each page: one read of the state and the record, one read after the call, and the commit.
    assert_eq!(print_shop.store.requests.load(Ordering::Relaxed), 5 * 3);
}

//! A few services on the embedded store. A test can make one of their writes fail, and check how
//! many requests the services send to the store and to the bus.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Waker};

use async_trait::async_trait;
use chorus_kernel::testing::{expect_ready, keyring};
use chorus_kernel::{
    Breakers, Clock, Failure, Function, Handled, IDEMPOTENCY_TABLE, Item, Kernel, Key, Message,
    PERSON_KEYS_TABLE, Page, Publisher, Query, Rejected, Store, StoreError, Write, number,
};
use chorus_local::{DynoxideStore, Reading, VirtualClock};
use chorus_payment::{
    CaptureAnswer, Charge, ChargeAnswer, IntentId, KnownIntent, PaymentProvider, ProviderError,
    Refund, RefundAnswer,
};
use chorus_table::Entry;
use chorus_webhook_signature::{WebhookSecret, WebhookSecrets};
use jiff::Timestamp;

const COSTS: &str = include_str!("../costs.txt");

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What happens at a write.
pub enum Hook {
    /// This future runs before the write.
    Meanwhile(Meanwhile),
    Throttled,
    /// The write has its effect, and the answer is lost.
    Lost,
    DiesBefore,
    DiesAfter,
}

struct HookedStore {
    inner: Arc<DynoxideStore>,
    hook: Mutex<Option<(u32, Hook)>>,
}

#[async_trait]
impl Store for HookedStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        let hook = {
            let mut hook = self.hook.lock().unwrap();
            match hook.take() {
                Some((0, due)) => Some(due),
                Some((left, due)) => {
                    *hook = Some((left - 1, due));
                    None
                }
                None => None,
            }
        };
        match hook {
            None => self.inner.write(writes).await,
            Some(Hook::Meanwhile(other)) => {
                other.await;
                self.inner.write(writes).await
            }
            Some(Hook::Throttled) => Err(StoreError::Throttled("too much".to_owned())),
            Some(Hook::Lost) => {
                self.inner.write(writes).await?;
                Err(StoreError::Unavailable("no answer".to_owned()))
            }
            Some(Hook::DiesBefore) => std::future::pending().await,
            Some(Hook::DiesAfter) => {
                self.inner.write(writes).await?;
                std::future::pending().await
            }
        }
    }
}

#[derive(Default)]
pub struct Recorder {
    entries: Mutex<Vec<Entry>>,
    requests: Mutex<u64>,
}

impl Recorder {
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }
}

#[async_trait]
impl Publisher for Recorder {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        *self.requests.lock().unwrap() += 1;
        self.entries.lock().unwrap().extend_from_slice(entries);
        Ok(Vec::new())
    }
}

/// A payment provider that charges once for each intent, and can lose an answer.
#[derive(Default)]
pub struct SimulatedBank {
    charged: Mutex<BTreeSet<IntentId>>,
    requests: Mutex<u32>,
    loses: Mutex<bool>,
}

impl SimulatedBank {
    pub fn loses_its_next_answer(&self) {
        *self.loses.lock().unwrap() = true;
    }

    pub fn charges(&self) -> usize {
        self.charged.lock().unwrap().len()
    }

    pub fn requests(&self) -> u32 {
        *self.requests.lock().unwrap()
    }
}

#[async_trait]
impl PaymentProvider for SimulatedBank {
    async fn prepare(&self, charge: &Charge) -> Result<IntentId, ProviderError> {
        Ok(IntentId(format!("pi-{}", charge.order_id)))
    }

    async fn confirm(&self, intent: &IntentId, _: &Charge) -> Result<ChargeAnswer, ProviderError> {
        *self.requests.lock().unwrap() += 1;
        self.charged.lock().unwrap().insert(intent.clone());
        if std::mem::take(&mut *self.loses.lock().unwrap()) {
            return Err(ProviderError::Unknown("no answer".to_owned()));
        }
        Ok(ChargeAnswer::Charged { charge_id: "ch-1".to_owned() })
    }

    async fn capture(&self, _: &IntentId) -> Result<CaptureAnswer, ProviderError> {
        Ok(CaptureAnswer::Failed { reason: "it holds nothing".to_owned() })
    }

    async fn refund(&self, _: &Refund) -> Result<RefundAnswer, ProviderError> {
        Ok(RefundAnswer::NothingCharged)
    }

    async fn find(&self, _: &IntentId) -> Result<Option<KnownIntent>, ProviderError> {
        Ok(None)
    }
}

/// A few services, with their store, bus and partner.
pub struct Shop {
    pub clock: VirtualClock,
    pub bus: Arc<Recorder>,
    pub bank: Arc<SimulatedBank>,
    store: Arc<DynoxideStore>,
    struck: Arc<HookedStore>,
    kernel: Kernel,
    inventory: Function,
    analytics: Function,
    payment: Function,
    /// The cost of the test's own reads. It is not part of the cost that the test checks.
    looked: Mutex<Reading>,
}

impl Shop {
    /// A shop with this many pieces of chai in stock.
    pub fn with_stock(stock: u32) -> Self {
        let clock = VirtualClock::at("2026-11-20T10:47:00Z".parse::<Timestamp>().unwrap());
        let bank = Arc::new(SimulatedBank::default());
        let inventory = chorus_inventory::function(chorus_events::Currency::EUR).function;
        let analytics = chorus_analytics::function(chorus_events::Currency::EUR).function;
        let secret: WebhookSecret = "a secret of the simulated bank".parse().unwrap();
        let secrets = Arc::new(WebhookSecrets::from(secret));
        let provider = Arc::clone(&bank) as Arc<_>;
        let payment =
            chorus_payment::function(provider, secrets, chorus_events::Currency::EUR).function;
        let mut tables = vec![IDEMPOTENCY_TABLE, PERSON_KEYS_TABLE];
        for function in [&inventory, &analytics, &payment] {
            tables.extend(function.tables.iter().copied());
        }
        let lent: Arc<dyn Clock> = Arc::new(clock.clone());
        let store = Arc::new(DynoxideStore::memory(Arc::clone(&lent), &tables).unwrap());
        let struck = Arc::new(HookedStore { inner: Arc::clone(&store), hook: Mutex::new(None) });
        let bus = Arc::new(Recorder::default());
        let kernel = Kernel {
            store: Arc::clone(&struck) as Arc<_>,
            bus: Arc::clone(&bus) as Arc<_>,
            machines: Arc::new(chorus_kernel::NoMachines),
            clock: lent,
            breakers: Breakers::default(),
            keyring: keyring(),
            region: None,
        };
        let looked = Mutex::default();
        let shop =
            Self { clock, bus, bank, store, struck, kernel, inventory, analytics, payment, looked };
        let listing = format!(r#"{{"sku":"chai","name":"Chai","price":19.90,"stock":{stock}}}"#);
        expect_ready(shop.reserve(&event("PutItem", "command", "listing", &listing))).unwrap();
        shop.bus.entries.lock().unwrap().clear();
        *shop.bus.requests.lock().unwrap() = 0;
        shop
    }

    /// Sets what happens at the next write.
    pub fn hook(&self, hook: Hook) {
        *self.struck.hook.lock().unwrap() = Some((0, hook));
    }

    /// Sets what happens at the write after the next one.
    pub fn hook_second(&self, hook: Hook) {
        *self.struck.hook.lock().unwrap() = Some((1, hook));
    }

    pub async fn reserve(&self, event: &str) -> Result<Handled, Failure> {
        self.inventory.handle_event(&self.kernel, event).await
    }

    pub async fn put_item(&self, command: &Message) -> Result<Handled, Failure> {
        let handler = self.inventory.handlers.iter().find(|it| it.row().action == "PutItem");
        Ok(handler.unwrap().handle(&self.kernel, command).await?)
    }

    pub async fn count(&self, event: &str) -> Result<Handled, Failure> {
        self.analytics.handle_event(&self.kernel, event).await
    }

    /// Charges as the state machine does: the event comes in a task of the machine, and the machine
    /// publishes the result.
    pub async fn pay(&self, event: &str) -> Result<Handled, Failure> {
        let task = format!(r#"{{"action":"MakePayment","event":{event}}}"#);
        let (action, message) = Message::from_task(&task)?;
        let handler = self.payment.handlers.iter().find(|it| it.row().action == action).unwrap();
        let answered = handler.handle(&self.kernel, &message).await?;
        self.bus.entries.lock().unwrap().extend(answered.entries.iter().cloned());
        Ok(answered)
    }

    /// The counts of chai: available, reserved, sold.
    pub fn stock(&self) -> (i64, i64, i64) {
        let key = chorus_kernel::entity_key::<chorus_inventory::Item>(&"chai".parse().unwrap());
        let item = self.look(|| expect_ready(self.store.get(&key)).unwrap().unwrap());
        let count = |name| number(&item, name).unwrap();
        (count("available"), count("reserved"), count("sold"))
    }

    /// How many orders Analytics has counted.
    pub fn counted(&self) -> i64 {
        let table = chorus_analytics::TABLE.name;
        let items = self.look(|| self.store.scan(table, None, None).unwrap().items);
        items.iter().filter_map(|item| number(item, "placed")).sum()
    }

    pub fn published_types(&self) -> Vec<String> {
        self.bus.entries().into_iter().map(|entry| entry.detail_type).collect()
    }

    pub fn cost(&self) -> Cost<'_> {
        Cost { shop: self, before: self.used(), published: self.published() }
    }

    fn look<T>(&self, look: impl FnOnce() -> T) -> T {
        let before = self.store.meter().total();
        let seen = look();
        let spent = self.store.meter().total() - before;
        let mut looked = self.looked.lock().unwrap();
        *looked = *looked + spent;
        seen
    }

    fn used(&self) -> Reading {
        self.store.meter().total() - *self.looked.lock().unwrap()
    }

    fn published(&self) -> u64 {
        *self.bus.requests.lock().unwrap()
    }
}

pub struct Cost<'a> {
    shop: &'a Shop,
    before: Reading,
    published: u64,
}

impl Cost<'_> {
    /// Checks that the cost so far is the one that `costs.txt` lists for `situation`.
    #[track_caller]
    pub fn is(&self, situation: &str) {
        let used = self.shop.used() - self.before;
        let published = self.shop.published() - self.published;
        let Reading { requests, read_units, write_units } = used;
        let line = format!("{situation} | {requests} | {read_units} | {write_units} | {published}");
        println!("{line}");
        assert!(COSTS.lines().any(|it| it == line), "costs.txt does not say: {line}");
    }
}

/// An event in the form in which the bus delivers it.
pub fn event(kind: &str, category: &str, key: &str, data: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"1","detail-type":"{}","source":"com.test","time":"2026-11-20T10:47:00Z","#,
            r#""detail":{{"metadata":{{"idempotency-key":"{}","#,
            r#""event-id":"9a5fd1d4-5c8f-5e1b-9d4e-0d9a3a5c1f01","correlation-id":"1073459984","#,
            r#""occurred-at":"2026-11-20T10:47:00Z","version":1,"ttl-seconds":60,"#,
            r#""category":"{}"}},"data":{}}}}}"#
        ),
        kind, key, category, data
    )
}

/// An order of this many pieces of chai.
pub fn order_created(key: &str, quantity: u32) -> String {
    let total = f64::from(quantity) * 19.9;
    let data = format!(
        concat!(
            r#"{{"order-id":"1073459984","customer-id":"456","status":"Open","total":{:.2},"#,
            r#""lines":[{{"sku":"chai","quantity":{},"unit-price":19.90}}],"country":"Germany","#,
            r#""shipping-address":{{"name":"Ana","street":"Torstr. 1","city":"Berlin","#,
            r#""country":"Germany"}},"placed-at":"2026-11-20T10:47:00Z"}}"#
        ),
        total, quantity
    );
    event("OrderCreated", "event", key, &data)
}

/// Whether a [`Hook`] ends the process while this future runs: the future then never completes.
pub fn dies<T>(future: impl Future<Output = T>) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

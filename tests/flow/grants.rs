//! The template grants each function the permissions that the function uses on AWS for the orders
//! of this test. The only further grants are those in [`UNUSED`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chorus_http::{Endpoint, HttpFunction, Problem, Request, Response};
use chorus_kernel::{
    ActionError, Failure, Handled, Handler, Item, Kernel, Key, Keyring, Machines, Message, Page,
    Publisher, Query, Rejected, Signal, SignalOutcome, Store, StoreError, Write,
};
use chorus_local::OsRandomness;
use chorus_shop::ShopConfig;
use chorus_table::{Entry, RowSpec};
use chorus_tests::{TestShop, order_of};
use serde_json::{Value, json};

use crate::defects::Bus;

/// An IAM action, and what the action applies to: a table or an index, an event with its source, a
/// state machine, or `a task`.
type Grant = (String, String);

/// The IAM actions that each function used, with the resources.
#[derive(Default)]
struct Used(Mutex<BTreeMap<&'static str, BTreeSet<Grant>>>);

impl Used {
    fn note(&self, service: &'static str, action: &str, on: impl Into<String>) {
        let mut used = self.0.lock().unwrap();
        used.entry(service).or_default().insert((action.to_owned(), on.into()));
    }
}

/// The ports of one function, which record how they are used.
#[derive(Clone)]
struct Watched {
    service: &'static str,
    used: Arc<Used>,
    store: Arc<dyn Store>,
    bus: Arc<dyn Publisher>,
    machines: Arc<dyn Machines>,
}

impl Watched {
    fn note(&self, action: &str, on: impl Into<String>) {
        self.used.note(self.service, action, on);
    }
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.note("dynamodb:GetItem", key.table);
        self.store.get(key).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        keys.iter().for_each(|key| self.note("dynamodb:BatchGetItem", key.table));
        self.store.get_all(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let index = query.index.map(|index| format!("/index/{}", index.name)).unwrap_or_default();
        self.note("dynamodb:Query", format!("{}{index}", query.table));
        self.store.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            let action = match write {
                Write::Put { .. } => "dynamodb:PutItem",
                Write::Update { .. } => "dynamodb:UpdateItem",
                Write::Delete { .. } => "dynamodb:DeleteItem",
                Write::Check { .. } => "dynamodb:ConditionCheckItem",
            };
            self.note(action, write.key().table);
        }
        self.store.write(writes).await
    }
}

#[async_trait]
impl Publisher for Watched {
    async fn put_events(&self, entries: &[Entry]) -> Result<Vec<Rejected>, Failure> {
        for entry in entries {
            self.note("events:PutEvents", format!("{}/{}", entry.source, entry.detail_type));
        }
        self.bus.put_events(entries).await
    }
}

#[async_trait]
impl Machines for Watched {
    async fn signal(&self, signal: &Signal) -> Result<SignalOutcome, Failure> {
        match signal {
            Signal::Start { machine, .. } => self.note("states:StartExecution", machine),
            Signal::Answer { .. } => self.note("states:SendTaskSuccess", "a task"),
            Signal::Heartbeat { .. } => self.note("states:SendTaskHeartbeat", "a task"),
        }
        self.machines.signal(signal).await
    }
}

/// Returns the kernel of one function, with recording ports.
fn watched(kernel: &Kernel, service: &'static str, used: &Arc<Used>) -> Kernel {
    let ports = Arc::new(Watched {
        service,
        used: Arc::clone(used),
        store: Arc::clone(&kernel.store),
        bus: Arc::clone(&kernel.bus),
        machines: Arc::clone(&kernel.machines),
    });
    let clock = Arc::clone(&kernel.clock);
    let breakers = kernel.breakers.clone();
    // On AWS each function has its own cache of keys. So each function has an empty cache here.
    let keyring = Keyring::new(Arc::new(OsRandomness));
    Kernel {
        store: ports.clone(),
        bus: ports.clone(),
        machines: ports,
        clock,
        breakers,
        keyring,
        region: None,
    }
}

/// The handler of a row of the design table. Records the IAM actions that the handler uses.
struct WatchedAction {
    handler: Arc<dyn Handler>,
    used: Arc<Used>,
}

#[async_trait]
impl Handler for WatchedAction {
    fn row(&self) -> RowSpec {
        self.handler.row()
    }

    fn reads(&self, detail_type: &str) -> bool {
        self.handler.reads(detail_type)
    }

    fn calls(&self) -> bool {
        self.handler.calls()
    }

    async fn handle(&self, kernel: &Kernel, message: &Message) -> Result<Handled, ActionError> {
        let kernel = watched(kernel, self.row().service.name, &self.used);
        self.handler.handle(&kernel, message).await
    }
}

/// The endpoint of a route. Records the IAM actions that the endpoint uses.
struct WatchedRoute {
    service: &'static str,
    endpoint: Arc<dyn Endpoint>,
    used: Arc<Used>,
}

#[async_trait]
impl Endpoint for WatchedRoute {
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem> {
        self.endpoint.call(&watched(kernel, self.service, &self.used), request).await
    }
}

/// Wraps a function's actions and routes, to record the IAM actions that the function uses.
fn around(function: HttpFunction, used: &Arc<Used>) -> HttpFunction {
    let HttpFunction { mut function, routes } = function;
    let service = function.service.name;
    let watch = |handler| -> Arc<dyn Handler> {
        Arc::new(WatchedAction { handler, used: Arc::clone(used) })
    };
    function.handlers = function.handlers.into_iter().map(watch).collect();
    let routes = routes.into_iter().map(|route| {
        route.wrapped(|endpoint| {
            Arc::new(WatchedRoute { service, endpoint, used: Arc::clone(used) })
        })
    });
    HttpFunction::new(function, routes)
}

/// The customers, whose ids select how the partners behave, so that each order ends in a different
/// way.
const CUSTOMERS: [&str; 9] = [
    "ana",
    "carlos-declined",
    "dora-carrier-cancels",
    "emil-carrier-silent",
    "frida-carrier-down",
    "gustav-refund-refused-carrier-cancels",
    "hanna-provider-down",
    "ida-blocked",
    "jana-confirms",
];

/// How many seconds a reviewer has: short, because the test waits for the timeout.
const REVIEW_SECONDS: u32 = 8;

/// Opens a shop that records the IAM actions that its functions use.
async fn open(used: &Arc<Used>) -> TestShop {
    let watching = Arc::clone(used);
    let limits = ["ReviewHeartbeatSeconds", "ReviewTimeoutSeconds"];
    let mut config = ShopConfig {
        around: Some(Arc::new(move |function| around(function, &watching))),
        limits: limits.map(|name| (name.to_owned(), REVIEW_SECONDS)).into(),
        // No server listens on this port, so that each update for the front end becomes a dead
        // letter.
        front_end: Some("http://127.0.0.1:9".to_owned()),
        public_events: true,
        ..ShopConfig::default()
    };
    config.policies.partner.max_attempts = 2;
    let test = TestShop::with(config, &CUSTOMERS).await.unwrap();
    for (sku, price, stock) in [("ring", 1_500, 9), ("rare", 5, 1)] {
        let item = json!({ "name": sku, "price": price, "stock": stock });
        test.ok("PUT", &format!("/items/{sku}"), item).await.unwrap();
    }
    let blocked = json!({ "name": "Ida", "email": "ida@example.com", "blocked": true });
    test.ok("PUT", "/customers/ida-blocked", blocked).await.unwrap();
    test.rest().await.unwrap();
    test
}

/// Places orders that end in all possible ways; returns their ids.
async fn stories(test: &TestShop) -> Vec<String> {
    let mut orders = Vec::new();
    for customer in CUSTOMERS {
        orders.push(test.order(customer, "chai", 1).await.unwrap());
    }
    orders.push(test.order("ana", "rare", 2).await.unwrap());
    let (silent, hasty) = (orders[3].clone(), test.order("ana", "tofu", 1).await.unwrap());
    let cancel = json!({ "reason": "changed my mind" });
    test.ok("POST", &format!("/orders/{hasty}/cancel"), cancel.clone()).await.unwrap();
    let handed_over = async || {
        Ok(test
            .event_names(&silent)
            .await?
            .iter()
            .any(|event_names| event_names == "DeliveryMarkedAsStarted"))
    };
    test.until(handed_over).await.unwrap();
    test.ok("POST", &format!("/orders/{silent}/cancel"), cancel).await.unwrap();
    for (pieces, verdict) in [(1, Some("approve")), (2, Some("decline")), (3, None)] {
        let order = test.order("ana", "ring", pieces).await.unwrap();
        let path = format!("/reviews/{order}");
        let asked = async || Ok(test.raw("GET", &path, None, "").await?.body["handle"].is_string());
        test.until(asked).await.unwrap();
        if let Some(verdict) = verdict {
            test.review(&order, "take").await.unwrap();
            // `take` causes a heartbeat of the waiting task. Wait until the heartbeat is sent,
            // because after the verdict no heartbeat is sent.
            test.rest().await.unwrap();
            test.review(&order, verdict).await.unwrap();
        }
        orders.push(order);
    }
    let mut abroad = order_of("ana", "tofu", 1);
    for country in ["CH", "AQ"] {
        abroad["shipping-address"]["country"] = country.into();
        let body = abroad.to_string();
        let placed = test.raw("POST", "/orders", Some(country), body).await.unwrap();
        orders.push(placed.body["order-id"].as_str().unwrap().to_owned());
    }
    orders.push(hasty);
    for order in &orders {
        test.ended(order).await.unwrap();
    }
    orders
}

/// Calls every route that reads, and sends late and duplicate requests.
async fn questions(test: &TestShop, orders: &[String]) {
    for order in orders {
        for path in ["/orders/{}", "/orders/{}/events", "/events?order-id={}"] {
            test.ok("GET", &path.replace("{}", order), Value::Null).await.unwrap();
        }
        for path in ["/payments/{}", "/deliveries/{}", "/reviews/{}"] {
            let asked = path.replace("{}", order);
            test.raw("GET", &asked, None, "").await.unwrap();
        }
        test.webhook(order, "Delivered").await.unwrap();
        let cancel = format!("/orders/{order}/cancel");
        test.raw("POST", &cancel, None, "{}").await.unwrap();
    }
    for path in [
        "/items",
        "/items/chai",
        "/customers/ana",
        "/customers/ana/export",
        "/orders",
        "/analytics",
        "/reviews",
    ] {
        test.ok("GET", path, Value::Null).await.unwrap();
    }
    test.ok("GET", "/orders?customer-id=ana", Value::Null).await.unwrap();
    test.ok("GET", "/orders?status=Canceled", Value::Null).await.unwrap();
    let mut nothing = order_of("ana", "tofu", 1);
    nothing["lines"] = Value::Array(Vec::new());
    let refused = test.raw("POST", "/orders", Some("nothing"), nothing.to_string()).await.unwrap();
    assert_eq!(refused.status, 422, "its lines name no items, so the order alone is looked up");
    let refund = format!("/payments/{}/refund", orders[5]);
    for (path, body) in [("/items/chai/stock", r#"{"received":1}"#), (&*refund, "{}")] {
        let answer = test.raw("POST", path, Some("a-key"), body).await.unwrap();
        assert!(answer.status < 300, "{path}: {answer:?}");
    }
    assert_eq!(test.dispute(&orders[0]).await.unwrap().status, 200);
    test.rest().await.unwrap();
    let hanna = "/customers/hanna-provider-down";
    assert_eq!(test.raw("DELETE", hanna, None, "").await.unwrap().status, 200);
    test.rest().await.unwrap();
    for order in orders {
        for event in test.log(order).await {
            test.put_again(&event).await;
        }
    }
    test.rest().await.unwrap();
}

/// The grants that no order of this test uses: function, action, resource, and why it is granted.
/// `*` means any function.
const UNUSED: &[(&str, &str, &str, &str)] = &[
    ("*", "dynamodb:GetItem", "idempotency", DUPLICATE),
    (
        "event-log",
        "dynamodb:PutItem",
        "idempotency",
        "the stored event is the idempotency record; the derivation of grants does not know this",
    ),
    ("inventory", "dynamodb:ConditionCheckItem", "inventory", BOOKS),
    ("inventory", "events:PutEvents", "com.inventory/ErrorItemDescribed", BOOKS),
    ("inventory", "events:PutEvents", "com.inventory/ErrorItemRemoved", BOOKS),
    ("inventory", "events:PutEvents", "com.inventory/ErrorItemReturned", BOOKS),
    ("inventory", "events:PutEvents", "com.inventory/ErrorItemUnreserved", BOOKS),
    ("delivery", "events:PutEvents", "com.delivery/ErrorDeliveryWasCanceled", DISORDER),
    ("delivery", "events:PutEvents", "com.delivery/ErrorMarkDeliveryAsStarted", DISORDER),
    ("payment", "events:PutEvents", "com.payments/CaptureFailed", WHEN_SHIPPED),
    ("payment", "events:PutEvents", "com.payments/PaymentAuthorized", WHEN_SHIPPED),
    ("notification", "events:PutEvents", "com.notifications/EmailFailed", "a real mailer refuses"),
    ("*", "events:PutEvents", "com.partners/PartnerRecovered", AWAY),
    ("*", "events:PutEvents", "com.partners/PartnerUnavailable", AWAY),
    ("notification", "dynamodb:GetItem", "person-keys", "only a real mailer decrypts addresses"),
    (
        "notification",
        "dynamodb:GetItem",
        "notification",
        "an item is read again only after a concurrent write",
    ),
    ("*", "dynamodb:GetItem", "outbox", SIMULATED),
    ("*", "dynamodb:PutItem", "outbox", SIMULATED),
    ("*", "dynamodb:GetItem", "payment-provider", SIMULATED),
    ("*", "dynamodb:PutItem", "payment-provider", SIMULATED),
    ("*", "dynamodb:UpdateItem", "payment-provider", SIMULATED),
];

const DUPLICATE: &str =
    "the record is read only if an action refuses a duplicate, or a duplicate's redrive is over";
const BOOKS: &str = "only where stock and orders do not add up";
const AWAY: &str = "only where a partner does not answer several calls in a row";
const WHEN_SHIPPED: &str = "only in a shop that charges when parcels leave";
const DISORDER: &str = "only where events arrive in a sequence that does not occur in this test";
const SIMULATED: &str =
    "a simulated partner stores its data there by its own port, which is not watched";

#[tokio::test(flavor = "multi_thread")]
async fn each_function_is_granted_what_it_uses_and_nothing_else() {
    let used = Arc::<Used>::default();
    let test = open(&used).await;
    let orders = stories(&test).await;
    questions(&test, &orders).await;
    let used = std::mem::take(&mut *used.0.lock().unwrap());
    let (mut wrong, mut listed) = (Vec::new(), BTreeSet::new());
    for (service, granted) in &granted() {
        let used = used.get(service.as_str()).cloned().unwrap_or_default();
        wrong.extend(used.difference(granted).map(|it| format!("{service} lacks {it:?}")));
        for (action, on) in granted.difference(&used) {
            let is_it = |entry: &(&str, &str, &str, &str)| {
                (entry.0 == "*" || entry.0 == service) && (entry.1, entry.2) == (action, on)
            };
            match UNUSED.iter().position(is_it) {
                Some(entry) => drop(listed.insert(entry)),
                None => wrong.push(format!("{service} never uses {action} on {on}")),
            }
        }
    }
    let needless = UNUSED.iter().enumerate().filter(|(entry, _)| !listed.contains(entry));
    wrong.extend(needless.map(|(_, entry)| format!("this is used, or not granted: {entry:?}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the permissions that the template grants each function. Leaves out the permissions whose
/// use [`Watched`] cannot record.
fn granted() -> BTreeMap<String, BTreeSet<Grant>> {
    let stack = chorus_infra::shop("..");
    let document = chorus_template::synthesize(&stack).document();
    let resources = document["Resources"].as_object().unwrap();
    let mut granted = BTreeMap::new();
    for function in &stack.functions {
        let service = function.function.service.name;
        let role =
            resources[&format!("{}Role", pascal(service))]["Properties"]["Policies"][0].clone();
        let statements = role["PolicyDocument"]["Statement"].as_array().unwrap().clone();
        let all = statements.iter().flat_map(grants).collect();
        granted.insert(service.to_owned(), all);
    }
    granted
}

fn grants(statement: &Value) -> Vec<Grant> {
    let mut grants = Vec::new();
    for action in list(&statement["Action"]) {
        let action = action.as_str().unwrap().to_owned();
        let of = |on: String| (action.clone(), on);
        match action.split_once(':').unwrap() {
            ("events", _) => {
                let bound = &statement["Condition"]["ForAllValues:StringEquals"];
                for source in list(&bound["events:source"]) {
                    for event in list(&bound["events:detail-type"]) {
                        let (source, event) = (source.as_str().unwrap(), event.as_str().unwrap());
                        grants.push(of(format!("{source}/{event}")));
                    }
                }
            }
            ("dynamodb", _) => {
                grants.extend(list(&statement["Resource"]).into_iter().map(|on| of(table(on))));
            }
            ("states", "StartExecution") => {
                grants.extend(list(&statement["Resource"]).into_iter().map(|on| of(machine(on))));
            }
            ("states", _) => grants.push(of("a task".to_owned())),
            // No port records the use of these permissions: AWS itself uses them for the function,
            // or a call to a partner needs them.
            _ => {}
        }
    }
    grants
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}

/// Returns the table's name from an ARN, or `TABLE/index/INDEX` if the ARN is an index's.
fn table(arn: &Value) -> String {
    let text = arn["Fn::Sub"].as_str();
    let index = text.and_then(|text| text.split_once("/index/")).map(|(_, index)| index);
    let id = text.map_or_else(
        || arn["Fn::GetAtt"][0].as_str().unwrap(),
        |text| text.trim_start_matches("${").split('.').next().unwrap(),
    );
    let name = kebab(id.trim_end_matches("Table"));
    index.map_or_else(|| name.clone(), |index| format!("{name}/index/{index}"))
}

/// Returns the state machine's name from an ARN: the part after the stack's name.
fn machine(arn: &Value) -> String {
    let (_, name) = arn["Fn::Sub"].as_str().unwrap().rsplit_once("}-").unwrap();
    pascal(name)
}

fn pascal(kebab: &str) -> String {
    let capitalized = |word: &str| word[..1].to_uppercase() + &word[1..];
    kebab.split('-').map(capitalized).collect()
}

fn kebab(pascal: &str) -> String {
    let mut kebab = String::new();
    for letter in pascal.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

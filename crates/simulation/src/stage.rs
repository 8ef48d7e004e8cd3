//! One run: the real functions on the real engine, driven one call at a time by one thread.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chorus_events::rules::Rule;
use chorus_kernel::{Function, IDEMPOTENCY_TABLE, Kernel, Problem, Response, StoreError};
use chorus_local::{
    Disorder, Endpoint, Fault as Cause, Local, LocalConfig, Selection, Ticket, Verdict,
    VirtualClock, Work,
};
use chorus_webhook_signature::WebhookSecret;
use jiff::{SignedDuration, Timestamp};

use crate::client::{Client, Routes, Wish};
use crate::courier::{Courier, Parcels};
use crate::draw::{self, Draw, mix};
use crate::fault::Trouble;
use crate::outside::{Bank, Books, Post};
use crate::ports::{SkewedClock, StruckBus, StruckStore};
use crate::scenario::{CUSTOMERS, ITEMS, Review, Scenario};
use crate::seen::Seen;
use crate::store::{Backing, Shelf};
use crate::world::{FUNCTION_TIMEOUT, Later, Running, World, later};

/// How many tasks run at once.
const CONCURRENCY: usize = 64;

/// After so many steps, a run has come to no end.
const MAX_STEPS: u64 = 400_000;

/// The secret that the carrier signs with.
const SECRET: &str = "a-secret-of-the-simulated-carrier";

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a task comes to.
enum Done {
    Verdicts(Vec<(Ticket, Verdict)>),
    Answer(Result<Response, Problem>),
    Chore,
}

/// What a task is for.
#[derive(Clone)]
enum Purpose {
    /// Work of the bus; a twin's outcome counts for nothing.
    Work { work: Arc<Work>, twin: bool },
    /// The attempt of a client.
    Request { client: usize, attempt: u32 },
    /// Something of an operator's.
    Chore,
}

struct Task {
    running: Running,
    future: BoxFuture<Done>,
    purpose: Purpose,
}

/// What happens at a moment.
enum Doing {
    Request(usize),
    Appear(Box<Client>),
    Move(String),
    CatchUp(Later),
    Settle(Vec<Ticket>, Cause),
    Replay,
    Rebuild,
    Redrive,
    Poison(usize),
}

/// One run.
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) post: Arc<Post>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) local: Arc<Local>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) scenario: Scenario,
    pub(crate) clients: Vec<Client>,
    pub(crate) stock: Arc<HashMap<String, i64>>,
    kernel: Kernel,
    routes: Routes,
    secret: WebhookSecret,
    agenda: BTreeMap<(Timestamp, u64), Doing>,
    tasks: BTreeMap<(Timestamp, u64, u64), Task>,
    labels: HashMap<String, u32>,
    next: u64,
    pub(crate) steps: u64,
}

/// When every run begins.
pub(crate) fn beginning() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a second of this century is a timestamp")
}

impl Stage {
    /// A stage on which `scenario` can be played.
    pub(crate) fn new(
        world: Arc<World>,
        scenario: Scenario,
        backing: Backing,
        rules: &[Rule],
    ) -> Result<Self, StoreError> {
        let bank = Arc::new(Bank {
            world: Arc::clone(&world),
            voids: scenario.bank_voids,
            books: Mutex::new(Books::default()),
        });
        let post = Arc::new(Post { world: Arc::clone(&world), letters: Mutex::default() });
        let courier = Arc::new(Courier {
            world: Arc::clone(&world),
            manners: scenario.orders.iter().map(|it| (it.order_id.clone(), it.manner)).collect(),
            shelf: Mutex::new(Parcels::default()),
        });
        let secret: WebhookSecret = SECRET.parse().expect("the secret is long enough");
        let functions = functions(&bank, &post, &secret);
        let mut tables = vec![IDEMPOTENCY_TABLE];
        tables.extend(functions.iter().flat_map(|function| function.tables.iter().copied()));
        let clock: VirtualClock = world.clock.clone();
        let shelf = Arc::new(Shelf::new(backing, Arc::new(clock), &tables)?);
        let stock: Arc<HashMap<String, i64>> =
            Arc::new(ITEMS.iter().map(|it| (it.0.to_owned(), i64::from(it.2))).collect());
        let seen = Seen::new(Arc::clone(&world));
        let local = open(&world, &scenario, (&functions, rules), &courier, &seen)?;
        let kernel = Kernel {
            store: Arc::new(StruckStore::new(
                Arc::clone(&world),
                Arc::clone(&shelf),
                Arc::clone(&stock),
            )),
            bus: Arc::new(StruckBus { world: Arc::clone(&world), bus: Arc::clone(local.bus()) }),
            clock: Arc::new(SkewedClock { world: Arc::clone(&world) }),
        };
        let route = |route: &chorus_kernel::Route| {
            (format!("{} {}", route.method, route.path), Arc::clone(&route.endpoint))
        };
        let routes = functions.iter().flat_map(|it| it.routes.iter().map(route)).collect();
        Ok(Self {
            world,
            shelf,
            bank,
            post,
            courier,
            local,
            seen,
            scenario,
            clients: Vec::new(),
            stock,
            kernel,
            routes,
            secret,
            agenda: BTreeMap::new(),
            tasks: BTreeMap::new(),
            labels: HashMap::new(),
            next: 0,
            steps: 0,
        })
    }

    /// Lists the items and keeps the customers, with nothing going wrong.
    pub(crate) fn set_up(&mut self) {
        let listings = ITEMS.iter().map(|it| Client::lists(it.0, it.1, it.2, 0));
        let clients: Vec<Client> = listings.chain(CUSTOMERS.map(Client::keeps)).collect();
        for client in clients {
            self.appear(client, Duration::ZERO);
        }
        self.run();
    }

    /// Plays the story, until nothing is left to be done.
    pub(crate) fn play(&mut self) {
        {
            let mut state = self.world.state();
            state.armed = true;
            state.skews = self.scenario.troubles.contains(&Trouble::Skew);
        }
        let scenario = self.scenario.clone();
        for order in &scenario.orders {
            self.appear(Client::places(order, false), order.at);
            if let Some((after, changed)) = order.twin {
                let mut twin = Client::places(order, changed);
                twin.name = format!("{} again", twin.name);
                self.appear(twin, order.at + after);
            }
            if let Some(after) = order.cancel {
                self.appear(Client::cancels(&order.order_id, &order.name), order.at + after);
            }
            self.appear_reviewer(order);
        }
        for (time, (at, sku, price)) in scenario.prices.iter().enumerate() {
            let stock = ITEMS.iter().find(|it| it.0 == *sku).map_or(0, |it| it.2);
            self.appear(Client::lists(sku, *price, stock, time + 1), *at);
        }
        for at in &scenario.replays {
            self.plan(*at, Doing::Replay);
        }
        for at in &scenario.rebuilds {
            self.plan(*at, Doing::Rebuild);
        }
        for at in &scenario.redrives {
            self.plan(*at, Doing::Redrive);
        }
        for (number, at) in scenario.poison.iter().enumerate() {
            self.plan(*at, Doing::Poison(number));
        }
        self.run();
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.world.state().armed = false;
    }

    fn appear_reviewer(&mut self, order: &crate::scenario::PlannedOrder) {
        if !order.lines.iter().any(|(sku, _)| *sku == "piano") {
            return;
        }
        let (review, after) = order.review;
        let says = |verdict: &str| {
            let name = format!("review of {}, {verdict}", order.name);
            Client::reviews(&order.order_id, verdict, name)
        };
        let at = order.at + after;
        match review {
            Review::Approves => self.appear(says("approve"), at),
            Review::Declines => self.appear(says("decline"), at),
            Review::ChangesMind => {
                self.appear(says("approve"), at);
                self.appear(says("decline"), at + Duration::from_millis(2));
            }
            Review::Never => {}
        }
    }

    pub(crate) fn appear(&mut self, client: Client, after: Duration) {
        self.plan(after, Doing::Appear(Box::new(client)));
    }

    fn plan(&mut self, after: Duration, doing: Doing) {
        self.plan_at(later(self.world.now(), after), doing);
    }

    fn plan_at(&mut self, at: Timestamp, doing: Doing) {
        self.next += 1;
        self.agenda.insert((at, self.next), doing);
    }

    /// Lets `pause` pass, so that what recurs is due.
    pub(crate) fn wait(&mut self, pause: Duration) {
        self.world.clock.advance(pause);
        self.run();
    }

    /// Runs until nothing is left to be done: no task, nothing pending, nothing planned.
    pub(crate) fn run(&mut self) {
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                self.world.violated("end: the run comes to no end".to_owned());
                return;
            }
            self.do_what_is_due();
            let free = CONCURRENCY.saturating_sub(self.tasks.len());
            for work in self.local.bus().take_due(free) {
                self.begin(work);
            }
            let now = self.world.now();
            let ready = self.tasks.first_entry().filter(|entry| entry.key().0 <= now);
            if let Some(entry) = ready {
                let task = entry.remove();
                self.poll(task);
                continue;
            }
            let room = self.tasks.len() < CONCURRENCY;
            let delivery = self.local.bus().next_delivery().filter(|_| room);
            let task = self.tasks.first_key_value().map(|(key, _)| key.0);
            let planned = self.agenda.first_key_value().map(|(key, _)| key.0);
            match delivery.into_iter().chain(task).chain(planned).min() {
                Some(at) => {
                    self.world.clock.advance_to(at.max(later(now, Duration::from_nanos(1))))
                }
                None => return,
            }
        }
    }

    fn do_what_is_due(&mut self) {
        let late: Vec<_> = std::mem::take(&mut self.world.state().later);
        for (at, asked) in late {
            self.plan_at(at, Doing::CatchUp(asked));
        }
        for (at, key) in self.courier.moves() {
            self.plan_at(at, Doing::Move(key));
        }
        let now = self.world.now();
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            let doing = entry.remove();
            self.act(doing);
        }
    }

    fn act(&mut self, doing: Doing) {
        match doing {
            Doing::Appear(client) => {
                self.clients.push(*client);
                self.request(self.clients.len() - 1);
            }
            Doing::Request(client) => self.request(client),
            Doing::Move(key) => self.call_back(&key),
            Doing::CatchUp(asked) => self.bank.catch_up(&asked),
            Doing::Settle(tickets, cause) => {
                for ticket in tickets {
                    self.local.bus().settle(ticket, Verdict::Failed(cause.clone()));
                }
            }
            Doing::Replay => self.replay("while-orders-run"),
            Doing::Rebuild => self.rebuild(),
            Doing::Redrive => {
                let local = Arc::clone(&self.local);
                self.chore("redrive", async move {
                    if let Err(error) = local.redrive(&Selection::default()).await {
                        tracing::error!(%error, "the dead letters cannot be sent back");
                    }
                });
            }
            Doing::Poison(number) => self.poison(number),
        }
    }

    fn call_back(&mut self, key: &str) {
        let Some(callback) = self.courier.advance(key) else { return };
        let planned = self.scenario.orders.iter().find(|it| it.order_id == callback.order_id);
        let order = planned.map_or("an unknown order", |order| order.name.as_str()).to_owned();
        self.appear(Client::tells(&callback, &order), Duration::ZERO);
        if callback.twice {
            self.appear(Client::tells(&callback, &format!("{order}, twice")), Duration::ZERO);
        }
    }

    fn request(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.answered.is_some() || client.attempts >= client.patience {
            return;
        }
        client.attempts += 1;
        let attempt = client.attempts;
        let label = format!("{}, attempt {attempt}", client.name);
        let request = client.attempt(&self.secret, self.world.now());
        let route = client.route;
        let Some(endpoint) = self.routes.get(route).cloned() else {
            self.world.violated(format!("routes: there is no {route}"));
            return;
        };
        let kernel = self.kernel.clone();
        let future = async move { Done::Answer(endpoint.call(&kernel, &request).await) };
        let purpose = Purpose::Request { client: index, attempt };
        self.spawn(label, route, purpose, Box::pin(future));
    }

    /// Replays the whole archive.
    pub(crate) fn replay(&mut self, name: &str) {
        let local = Arc::clone(&self.local);
        let replay = chorus_local::Replay {
            name: name.to_owned(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            rule: None,
            dry_run: false,
        };
        self.chore("replay", async move {
            if let Err(error) = local.replay(&replay).await {
                tracing::error!(%error, "the archive cannot be replayed");
            }
        });
    }

    /// Throws the list of orders away, and makes it anew.
    pub(crate) fn rebuild(&mut self) {
        self.shelf.clear(chorus_order::VIEW_TABLE.name);
        let store = Arc::clone(&self.kernel.store);
        self.chore("rebuild", async move {
            if let Err(error) = chorus_order::rebuild(&*store).await {
                tracing::debug!(%error, "the list of orders is not rebuilt");
            }
        });
    }

    /// Sends the dead letters that can be read to their targets again.
    pub(crate) fn redrive(&mut self) -> usize {
        let mut letters = self.local.dead_letters(&Selection::default());
        letters.retain(|letter| !crate::seen::is_poison(&letter.event));
        let ids: Vec<u64> = letters.iter().map(|letter| letter.id).collect();
        let count = ids.len();
        if count > 0 {
            let selection = Selection { ids: Some(ids), ..Selection::default() };
            let local = Arc::clone(&self.local);
            self.chore("redrive", async move {
                if let Err(error) = local.redrive(&selection).await {
                    tracing::error!(%error, "the dead letters cannot be sent back");
                }
            });
        }
        count
    }

    fn chore(&mut self, name: &'static str, chore: impl Future<Output = ()> + Send + 'static) {
        let future = async move {
            chore.await;
            Done::Chore
        };
        self.spawn(name.to_owned(), name, Purpose::Chore, Box::pin(future));
    }

    /// Says something that nobody can read.
    fn poison(&mut self, number: usize) {
        let bus = Arc::clone(self.local.bus());
        let entry = poison(number);
        self.chore("poison", async move {
            if let Err(error) = chorus_kernel::Publisher::put_events(&*bus, &[entry]).await {
                tracing::error!(%error, "the bus takes no poison");
            }
        });
    }

    fn begin(&mut self, work: Work) {
        let (label, place) = self.describe(&work);
        let work = Arc::new(work);
        let twins = self.scenario.troubles.contains(&Trouble::Duplicates)
            && self.world.state().armed
            && matches!(&*work, Work::Invoke(_))
            && Draw::of(self.world.seed, &label).percent(6);
        if twins {
            self.perform(format!("{label}, twin"), &place, &work, true);
        }
        self.perform(label, &place, &work, false);
    }

    fn describe(&self, work: &Work) -> (String, String) {
        let topology = self.local.bus().topology();
        match (work, work.taken().first()) {
            (Work::Job(job), _) => ((*job).to_owned(), (*job).to_owned()),
            (_, Some(taken)) => {
                let rule = &topology.routes[taken.route].rule.name;
                let (event, attempt) = (&taken.event, taken.attempt);
                let (kind, about) = (&event.detail_type, &event.correlation_id);
                let order = self.scenario.orders.iter().find(|it| it.order_id.as_str() == about);
                let about = order.map_or(about.as_str(), |order| &order.name);
                let id = event.event_id.get(..4).unwrap_or_default();
                let replayed = if event.replay.is_some() { ", replayed" } else { "" };
                let label =
                    format!("{rule} on {kind} {id} of {about}{replayed}, attempt {attempt}");
                (label, format!("{rule} on {kind}"))
            }
            (_, None) => ("nothing".to_owned(), "nothing".to_owned()),
        }
    }

    fn perform(&mut self, label: String, place: &str, work: &Arc<Work>, twin: bool) {
        let (hands, bus) = (Arc::clone(self.local.hands()), Arc::clone(self.local.bus()));
        let (kernel, performed) = (self.kernel.clone(), Arc::clone(work));
        let future =
            async move { Done::Verdicts(hands.perform(&performed, bus.topology(), &kernel).await) };
        let purpose = Purpose::Work { work: Arc::clone(work), twin };
        self.spawn(label, place, purpose, Box::pin(future));
    }

    fn spawn(&mut self, label: String, place: &str, purpose: Purpose, future: BoxFuture<Done>) {
        let before = self.labels.entry(label.clone()).or_default();
        *before += 1;
        let label = if *before > 1 { format!("{label}, copy {before}") } else { label };
        let name = draw::name(&label);
        let mut draw = Draw::numbered(mix(self.world.seed, name), 0);
        let skewed = self.world.state().skews && draw.percent(40);
        let seconds = i64::try_from(draw.below(600)).unwrap_or(0) - 300;
        let skew = if skewed { SignedDuration::from_secs(seconds) } else { SignedDuration::ZERO };
        let running = Running {
            label: Arc::from(label),
            place: Arc::from(place),
            name,
            calls: 0,
            skew,
            wake_at: self.world.now(),
            dead: false,
            timed_out: false,
        };
        self.queue(Task { running, future, purpose });
    }

    /// Among tasks that are ready at the same instant, the seed says who goes first.
    fn queue(&mut self, task: Task) {
        self.next += 1;
        let order = mix(mix(self.world.seed, task.running.name), u64::from(task.running.calls));
        self.tasks.insert((task.running.wake_at, order, self.next), task);
    }

    fn poll(&mut self, task: Task) {
        let Task { running, mut future, purpose } = task;
        self.world.state().running = Some(running);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let running = self.world.state().running.take();
        let Some(mut running) = running else {
            self.world.violated("executor: a task was lost".to_owned());
            return;
        };
        if running.dead {
            drop(future);
            self.died(&purpose);
            return;
        }
        if std::mem::take(&mut running.timed_out) {
            self.timed_out(&purpose);
        }
        match polled {
            Poll::Ready(done) => self.finished(&purpose, done),
            Poll::Pending => self.queue(Task { running, future, purpose }),
        }
    }

    /// The process died: the platform learns of it after some time; a queue, when the message's
    /// visibility has run out.
    fn died(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Work { twin: true, .. } | Purpose::Chore => {}
            Purpose::Work { work, .. } => match &**work {
                Work::Invoke(taken) | Work::Call(taken) => {
                    let cause = Cause::passing("Crashed", "the process died");
                    self.plan(FUNCTION_TIMEOUT, Doing::Settle(vec![taken.ticket], cause));
                }
                Work::Batch(_) => {}
                Work::Job(job) => self.local.bus().finish(job),
            },
            Purpose::Request { client, .. } => {
                self.plan(FUNCTION_TIMEOUT, Doing::Request(*client));
            }
        }
    }

    /// The platform gives it up; it goes on all the same.
    fn timed_out(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Work { work, twin: false } => {
                if let Work::Invoke(taken) | Work::Call(taken) = &**work {
                    let cause = Cause::passing("TimedOut", "no answer in time");
                    self.plan(FUNCTION_TIMEOUT, Doing::Settle(vec![taken.ticket], cause));
                }
            }
            Purpose::Request { client, .. } => {
                self.plan(FUNCTION_TIMEOUT, Doing::Request(*client));
            }
            Purpose::Work { .. } | Purpose::Chore => {}
        }
    }

    fn finished(&mut self, purpose: &Purpose, done: Done) {
        match (purpose, done) {
            (Purpose::Work { work, twin: false }, Done::Verdicts(verdicts)) => {
                self.local.bus().settle_all(verdicts);
                if let Work::Job(job) = &**work {
                    self.local.bus().finish(job);
                }
            }
            (Purpose::Request { client, attempt }, Done::Answer(answer)) => {
                self.answered(*client, *attempt, &answer);
            }
            _ => {}
        }
    }

    fn answered(&mut self, index: usize, attempt: u32, answer: &Result<Response, Problem>) {
        let status = match answer {
            Ok(response) => response.status,
            Err(problem) => problem.status,
        };
        let now = self.world.now();
        let client = &mut self.clients[index];
        let line = format!("{}, attempt {attempt}: answered {status}", client.name);
        if let (Ok(response), Wish::Place(_)) = (answer, &client.wish)
            && !client.is_answered_by(&response.body)
        {
            self.world
                .violated(format!("callers: {} was answered with another order", client.name));
        }
        if client.answered.is_none() && (client.satisfied(status) || status == 201) {
            client.answered = Some(status);
        }
        let again = client.answered.is_none() && attempt == client.attempts;
        let pause = client.pause();
        self.world.state().trace.happened(now, &line);
        if again {
            self.plan(pause, Doing::Request(index));
        }
    }

    /// Whether a caller was told that this order was placed.
    pub(crate) fn was_placed(&self, order_id: &chorus_events::OrderId) -> bool {
        let placed = |client: &&Client| client.wish == Wish::Place(order_id.clone());
        self.clients.iter().filter(placed).any(|client| client.answered == Some(201))
    }
}

fn functions(bank: &Arc<Bank>, post: &Arc<Post>, secret: &WebhookSecret) -> Vec<Function> {
    vec![
        chorus_order::function(),
        chorus_inventory::function(),
        chorus_customer::function(),
        chorus_delivery::function(secret.clone()),
        chorus_payment::function(Arc::clone(bank) as Arc<_>),
        chorus_notification::function(Arc::clone(post) as Arc<_>),
        chorus_fraud::function(),
        chorus_customs::function(),
        chorus_analytics::function(),
        chorus_event_log::function(),
    ]
}

fn open(
    world: &Arc<World>,
    scenario: &Scenario,
    (functions, rules): (&[Function], &[Rule]),
    courier: &Arc<Courier>,
    seen: &Arc<Seen>,
) -> Result<Arc<Local>, StoreError> {
    // The tables are on the shelf: the engine's own store stays empty.
    let bare = functions.iter().cloned().map(|it| Function { tables: Vec::new(), ..it }).collect();
    let mut config = LocalConfig::new(bare).virtual_time(&world.clock).seed(mix(scenario.seed, 1));
    config.rules = Some(rules.to_vec());
    config.partner = Some(Arc::clone(courier) as Arc<_>);
    config.observer = Some(Arc::clone(seen) as Arc<_>);
    config.disorder =
        Disorder { fewest_copies: 1, most_copies: scenario.copies, delay: scenario.delay };
    for action in ["StartDelivery", "RecallDelivery"] {
        config = config.endpoint(action, Endpoint::new("https://carrier.example", "a key"));
    }
    let unopened = |error: chorus_local::Error| StoreError::Invalid(error.to_string());
    Ok(Arc::new(Local::open(config).map_err(unopened)?))
}

/// The messages that nobody can read, and the rules whose targets must bury them.
fn poison(number: usize) -> chorus_events::Entry {
    let about = format!("poison-{number}");
    let (source, detail_type, detail) = if number % 2 == 0 {
        let id = draw::name(&about);
        let detail = format!(
            concat!(
                r#"{{"metadata":{{"idempotency-key":"{about}","event-id":"#,
                r#""00000000-0000-5000-8000-0000{id:08x}","correlation-id":"{about}","#,
                r#""occurred-at":"2026-11-20T10:47:00Z","version":1,"ttl-seconds":86400,"#,
                r#""category":"event"}},"data":{{"order-id":"{about}"}}}}"#
            ),
            about = about,
            id = id & 0xffff_ffff,
        );
        ("com.orders", "OrderCreated", detail)
    } else {
        ("com.inventory", "ItemReserved", format!(r#"{{"hello":"{about}"}}"#))
    };
    chorus_events::Entry { source: source.to_owned(), detail_type: detail_type.to_owned(), detail }
}

/// The rules whose targets must bury the poison of this number.
pub(crate) const fn buried_by(number: usize) -> &'static [&'static str] {
    if number % 2 == 0 {
        &["inventory-ReserveItem", "analytics-CountOrder", "order-ProjectOrder"]
    } else {
        &["inventory-DescribeItem", "event-log-RecordEvent"]
    }
}

//! One run: the real functions on the real engine, driven one call at a time by one thread.

mod callers;
mod operator;
mod set;
mod story;
mod task;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::Kernel;
use chorus_local::{Disorder, Fault as Cause, Local, Ticket, Verdict};
use chorus_webhook_signature::WebhookSecret;
use jiff::Timestamp;

use crate::client::{Client, Routes};
use crate::courier::Courier;
use crate::outside::{Bank, Post};
use crate::scenario::Scenario;
use crate::seen::Seen;
use crate::store::Shelf;
use crate::world::{Later, World, later};

pub(crate) use operator::buried_by;
pub(crate) use set::LONGEST_WAIT;
use task::Task;

/// How many tasks run at once.
const CONCURRENCY: usize = 64;

/// After so many steps, a run has come to no end.
const MAX_STEPS: u64 = 400_000;

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
    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.world.state().armed = false;
        self.local.bus().set_disorder(Disorder::default());
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
                    self.world.clock.advance_to(at.max(later(now, Duration::from_nanos(1))));
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
            Doing::Redrive => self.send_back(chorus_local::Selection::default()),
            Doing::Poison(number) => self.poison(number),
        }
    }
}

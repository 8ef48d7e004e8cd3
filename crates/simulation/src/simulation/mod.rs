//! One run: the real functions on the real engine, driven one call at a time by one thread.

mod callers;
mod operator;
mod play;
mod regions;
mod set;
mod task;

use std::collections::btree_map::OccupiedEntry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chorus_kernel::{Breakers, Kernel, Region};
use chorus_local::{AttemptResult, DeliveryError, Disorder, Local, Ticket, Work};
use chorus_table::Entry;
use jiff::Timestamp;

use crate::application::{Application, Sent};
use crate::client::Client;
use crate::environment::{Environment, Later, later};
use crate::observed::{Observed, Seen};
use crate::region::Link;
use crate::scenario::Scenario;
use crate::store::BackingStore;
use set::{Parts, Routes};
use task::Task;

/// How many tasks run at a time.
const CONCURRENCY: usize = 64;

/// How many tasks run at a time in a run with a noisy tenant: only a few, so that a backlog forms.
/// `Trouble::SCARCE_CONCURRENCY` sets the same limit for a run without that tenant.
const SCARCE_CONCURRENCY: usize = 8;

/// How many instances of each function run.
const INSTANCES: usize = 3;

/// After this many steps, a run counts as endless.
const MAX_STEPS: u64 = 400_000;

/// An action that happens at a planned time.
enum Planned {
    Request(usize),
    Appear(Box<Client>),
    Outside(Later),
    Settle(usize, Vec<Ticket>, DeliveryError),
    Replay,
    Rebuild,
    Redrive,
    Poison(usize),
    Send(Sent),
    /// The operator records that this region is active from now on, so that functions of the other
    /// region stop. The takeover follows after a pause.
    Fence(&'static str),
    /// This region takes over from the other region.
    TakeOver(&'static str),
    Return(usize),
    Retire(usize),
}

/// One region: its tables, its bus and its functions. Most runs have only one region.
struct Site {
    local: Arc<Local>,
    kernel: Kernel,
    /// For each instance of the functions: its circuit breakers and, in a run with two regions, its
    /// knowledge of which region is active.
    instances: [(Breakers, Option<Region>); INSTANCES],
    backing: Arc<BackingStore>,
    seen: Arc<Seen>,
    /// The replication to the other region, if there are two regions.
    link: Option<Arc<Link>>,
    /// The events that were replicated to this region before it took over.
    archive: Vec<Entry>,
    /// Whether the region is away. A region that is away does nothing.
    away: bool,
}

pub(crate) struct Simulation<A: Application> {
    pub(crate) environment: Arc<Environment>,
    pub(crate) application: A,
    pub(crate) observed: Observed,
    pub(crate) scenario: Scenario<A::Script>,
    parts: Parts,
    sites: Vec<Site>,
    /// The index of the active site (region).
    active: usize,
    routes: Routes,
    agenda: BTreeMap<(Timestamp, u64), Planned>,
    tasks: BTreeMap<(Timestamp, u64, u64), Task>,
    labels: HashMap<String, u32>,
    next: u64,
    steps: u64,
    /// How many tasks run at a time.
    concurrency: usize,
}

impl<A: Application> Simulation<A> {
    fn active(&self) -> &Site {
        &self.sites[self.active]
    }

    /// Whether every case, such as an order, has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.application.is_over(&self.observed)
    }

    /// Stops all faults and disorder.
    pub(crate) fn stop_faults(&mut self) {
        self.environment.state().armed = false;
        for site in &self.sites {
            site.local.bus().set_disorder(Disorder::default());
        }
    }

    pub(crate) fn appear(&mut self, client: Client, after: Duration) {
        self.plan(after, Planned::Appear(Box::new(client)));
    }

    fn plan(&mut self, after: Duration, doing: Planned) {
        self.plan_at(later(self.environment.now(), after), doing);
    }

    fn plan_at(&mut self, at: Timestamp, doing: Planned) {
        self.next += 1;
        self.agenda.insert((at, self.next), doing);
    }

    /// Lets `pause` pass, so that recurring jobs become due, and runs the work that is due.
    pub(crate) fn wait(&mut self, pause: Duration) {
        self.environment.clock.advance(pause);
        self.run();
    }

    /// Runs until no task, no delivery and no planned action is left.
    pub(crate) fn run(&mut self) {
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                self.environment.violated("end: the run does not end".to_owned());
                return;
            }
            self.do_what_is_due();
            let free = self.concurrency.saturating_sub(self.tasks.len());
            self.lose_region_when_due();
            for site in 0..self.sites.len() {
                if self.sites[site].away {
                    continue;
                }
                for work in self.sites[site].local.bus().take_due(free) {
                    self.takes_turns(&work);
                    self.begin(site, work);
                }
            }
            let now = self.environment.now();
            let ready = self.tasks.first_entry().filter(|entry| entry.key().0 <= now);
            if let Some(entry) = ready {
                let task = entry.remove();
                self.poll(task);
                continue;
            }
            let room = self.tasks.len() < self.concurrency;
            let sites = self.sites.iter().filter(|site| !site.away);
            let delivery = sites.filter_map(|site| site.local.bus().next_delivery()).min();
            let delivery = delivery.filter(|_| room);
            let task = self.tasks.first_key_value().map(|(key, _)| key.0);
            let planned = self.agenda.first_key_value().map(|(key, _)| key.0);
            match delivery.into_iter().chain(task).chain(planned).min() {
                Some(at) => {
                    self.environment.clock.advance_to(at.max(later(now, Duration::from_nanos(1))));
                }
                None => return,
            }
        }
    }

    /// If the run has a noisy tenant, checks that `work` did not wait too long for the work of
    /// other tenants.
    fn takes_turns(&self, work: &Work) {
        let wrong = self.environment.state().turns.as_mut().and_then(|turns| turns.took(work));
        if let Some(wrong) = wrong {
            self.environment.violated(wrong);
        }
    }

    /// Carries out every action that is due, including actions that become due meanwhile.
    fn do_what_is_due(&mut self) {
        loop {
            let late: Vec<_> = std::mem::take(&mut self.environment.state().later);
            for (at, what) in late {
                self.plan_at(at, Planned::Outside(what));
            }
            let now = self.environment.now();
            let due = self.agenda.first_entry().filter(|entry| entry.key().0 <= now);
            let Some(doing) = due.map(OccupiedEntry::remove) else { return };
            self.act(doing);
        }
    }

    fn act(&mut self, doing: Planned) {
        match doing {
            Planned::Appear(client) => {
                self.observed.clients.push(*client);
                self.request(self.observed.clients.len() - 1);
            }
            Planned::Request(client) => self.request(client),
            Planned::Outside(what) => {
                for client in what() {
                    self.appear(client, Duration::ZERO);
                }
            }
            Planned::Settle(site, tickets, cause) => {
                for ticket in tickets {
                    self.sites[site]
                        .local
                        .bus()
                        .settle(ticket, AttemptResult::Failed(cause.clone()));
                }
            }
            Planned::Replay => self.replay("while-orders-run"),
            Planned::Rebuild => self.rebuild(),
            Planned::Redrive => self.send_back(chorus_local::Selection::default()),
            Planned::Poison(number) => self.poison(number),
            Planned::Send(sent) => self.send(sent),
            Planned::Fence(region) => self.fence(region),
            Planned::TakeOver(region) => self.take_over(region),
            Planned::Return(site) => self.come_back(site),
            Planned::Retire(site) => self.retire(site),
        }
    }
}

//! A region goes away, another one takes over, the first one comes back, and the second one fails back.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chorus_kernel::{Acting, Publisher, Store, Write};
use chorus_local::EXECUTIONS_TABLE;

use super::{Planned, Simulation};
use crate::application::Application;
use crate::draw::Draw;
use crate::observed::Sightings;
use crate::region::{FIRST, LostRegion, RETIRES_AFTER, SECOND, Standby, TakenOver, WAITS};

/// How many events a request to the bus has at most.
const MOST_ENTRIES: usize = 10;

/// The result of a future that waits for nothing: outside of any task, calls take no time.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("outside of any task, no call has to wait"),
    }
}

impl<A: Application> Simulation<A> {
    /// Has the first region go away once its functions have made as many calls as were drawn.
    pub(super) fn lose_in_time(&mut self) {
        let Some(loss) = &self.scenario.loss else { return };
        let calls = self.environment.state().calls;
        if self.observed.lost.is_none() && self.environment.state().armed && calls >= loss.calls {
            self.lose();
        }
    }

    /// Has the first region go away now, unless it has, or there is one region only.
    pub(super) fn lose(&mut self) {
        let Some(loss) = self.scenario.loss.clone().filter(|_| self.observed.lost.is_none()) else {
            return;
        };
        let at = self.environment.now();
        self.observed.lost = Some(LostRegion { at, lag: loss.lag, planned: loss.planned });
        self.tell(if loss.planned { "a switch is planned" } else { "the first region is away" });
        if loss.planned {
            self.fence(SECOND);
            return;
        }
        self.sites[0].away = true;
        self.cut_off(0, true);
        self.plan(loss.noticed, Planned::Fence(SECOND));
    }

    fn tell(&self, what: &str) {
        let now = self.environment.now();
        self.environment.state().trace.happened(now, &what);
    }

    /// Ends the tasks of a region; if it comes back, the platform notices that they died.
    fn cut_off(&mut self, site: usize, notices: bool) {
        let (gone, left) =
            std::mem::take(&mut self.tasks).into_iter().partition(|(_, task)| task.site == site);
        self.tasks = left;
        for task in gone.into_values() {
            if notices {
                self.died(site, &task.purpose);
            }
        }
    }

    /// Names the region that acts from now on, and plans the takeover.
    pub(super) fn fence(&mut self, region: &'static str) {
        let now = self.environment.now();
        if let Some(regions) = &self.parts.regions {
            let handed_over = ready(async {
                let read = Acting::read(&**regions).await?;
                let write = Acting::taken_over(read.as_ref(), region, now);
                regions.write(&[write]).await.map_err(chorus_kernel::Failure::from)
            });
            if let Err(failure) = handed_over {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
        self.tell(&format!("{region} is to act"));
        self.plan(WAITS, Planned::TakeOver(region));
    }

    /// Has a region take over from the one that acted.
    pub(super) fn take_over(&mut self, region: &'static str) {
        let from = self.acting;
        let fails_back = region == FIRST;
        let lost = self.observed.lost.filter(|lost| !lost.planned && !fails_back);
        // Functions that run for longer than their timeout are ended by the platform.
        self.cut_off(from, false);
        let number = self.sites.len();
        let opened = Self::site(
            &self.environment,
            &self.scenario,
            &self.parts,
            (number, Some(region), self.arrived(lost)),
        );
        let site = match opened {
            Ok(site) => site,
            Err(error) => {
                self.environment.violated(format!("takeover: {error}"));
                return;
            }
        };
        self.sites.push(site);
        self.copy(from, number, lost);
        let archived = self.archived(from, lost);
        self.acting = number;
        let site = &self.sites[number];
        self.observed.backing = site.backing.clone();
        self.observed.seen = site.seen.clone();
        self.observed.local = site.local.clone();
        let mut draw = Draw::of(self.scenario.seed, "an interrupted takeover");
        let backing = site.backing.clone();
        let standby = Standby {
            store: site.kernel.store.clone(),
            items: Box::new(move |table| backing.all(table)),
            archived,
            region,
            now: self.environment.now(),
            interrupted_after: usize::try_from(draw.below(30)).unwrap_or(0),
        };
        match self.application.take_over(standby) {
            Ok(taken) => self.begin_to_act(taken),
            Err(failure) => self.environment.violated(format!("takeover: {failure}")),
        }
        self.tell(&format!("{region} acts"));
        self.plan(RETIRES_AFTER, Planned::Retire(from));
        let loss = self.scenario.loss.clone().filter(|_| !fails_back);
        if let Some(back) = loss.as_ref().and_then(|loss| loss.back) {
            self.plan(back, Planned::Return(from));
        }
        if let Some(fails_back) = loss.and_then(|loss| loss.fails_back) {
            self.plan(fails_back, Planned::Fence(FIRST));
        }
    }

    /// The events of the region that acted which have arrived in the other one.
    fn archived(&self, from: usize, lost: Option<LostRegion>) -> Vec<chorus_table::Entry> {
        let until = lost.map_or(jiff::Timestamp::MAX, |lost| lost.at);
        let before = self.sites[from].link.as_ref();
        let mut archived = before.map(|link| link.events(until).0).unwrap_or_default();
        // The archive of a region has what it was sent, too.
        archived.splice(0..0, self.sites[from].archive.iter().cloned());
        archived
    }

    /// What is known of the events that have arrived, for the checks at the end.
    fn arrived(&self, lost: Option<LostRegion>) -> Sightings {
        let ids: std::collections::BTreeSet<String> = self
            .archived(self.acting, lost)
            .iter()
            .filter_map(|entry| crate::observed::event_id(&entry.detail))
            .collect();
        let sightings = self.observed.sightings();
        let known = sightings.events.iter().filter(|(id, _)| ids.contains(*id));
        Sightings {
            events: known.map(|(id, sighting)| (id.clone(), sighting.clone())).collect(),
            ..Sightings::default()
        }
    }

    /// Copies the items that have arrived; all of them if nothing was lost.
    fn copy(&mut self, from: usize, to: usize, lost: Option<LostRegion>) {
        let items = match (lost, &self.sites[from].link) {
            (Some(lost), Some(link)) => link.items(lost.at),
            _ => {
                let tables = self.parts.tables.iter().map(|table| table.name);
                let tables = tables.filter(|name| *name != EXECUTIONS_TABLE.name);
                let backing = &self.sites[from].backing;
                let all = tables.flat_map(|table| {
                    backing.all(table).into_iter().filter_map(move |item| {
                        let part = |name| chorus_kernel::text(&item, name).map(str::to_owned);
                        let (pk, sk) = (part("pk")?, part("sk")?);
                        Some((chorus_kernel::Key { table, pk, sk }, Some(item)))
                    })
                });
                all.collect()
            }
        };
        let archive = self.archived(from, lost);
        let backing = self.sites[to].backing.clone();
        self.sites[to].archive = archive;
        for (key, item) in items {
            let write = match item {
                Some(item) => Write::Put { key, item, condition: None },
                None => Write::Delete { key },
            };
            if let Err(error) = ready(backing.write(&[write])) {
                self.environment.violated(format!("takeover: {error}"));
            }
        }
    }

    /// Publishes the events, starts the state machines, and lets the clients call.
    fn begin_to_act(&mut self, taken: TakenOver) {
        let site = &self.sites[self.acting];
        for entries in taken.events.chunks(MOST_ENTRIES) {
            if let Err(failure) = ready(site.local.bus().put_events(entries)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
        for start in &taken.machines {
            if let Err(failure) = ready(site.kernel.machines.signal(start)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
        for client in taken.clients {
            self.appear(client, Duration::ZERO);
        }
    }

    /// A region that was replaced comes back: its queues and executions go on, and its last events
    /// arrive in the region that acts.
    pub(super) fn come_back(&mut self, site: usize) {
        self.tell("the first region is back");
        let planned = self.observed.lost.is_some_and(|lost| lost.planned);
        self.sites[site].away = false;
        self.plan(RETIRES_AFTER, Planned::Retire(site));
        let Some((lost, link)) = self.observed.lost.zip(self.sites[site].link.clone()) else {
            return;
        };
        if planned {
            return;
        }
        let (_, late) = link.events(lost.at);
        let bus = self.sites[self.acting].local.bus().clone();
        for entries in late.chunks(MOST_ENTRIES) {
            if let Err(failure) = ready(bus.put_events(entries)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
    }

    /// A region that was replaced is emptied: its queues, and its executions.
    pub(super) fn retire(&mut self, site: usize) {
        // It may come back later; then it is emptied some time after that.
        if !self.sites[site].away {
            self.sites[site].away = true;
            self.cut_off(site, false);
        }
    }
}

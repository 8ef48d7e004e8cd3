//! Moves the work between two regions. The first region goes away, and the second region takes
//! over. The first region may come back, and may later take over again.

use std::time::Duration;

use chorus_kernel::testing::expect_ready;
use chorus_kernel::{ActiveRegion, Failure, Key, Publisher, Region, Store, Versioned, Write};
use chorus_local::EXECUTIONS_TABLE;
use jiff::Timestamp;

use super::task::Purpose;
use super::{Planned, Simulation, Site};
use crate::application::Application;
use crate::draw::Draw;
use crate::observed::Sightings;
use crate::region::{FIRST, LostRegion, RETIRES_AFTER, SECOND, Standby, TakenOver, WAITS};

/// How many events a request to the bus has at most.
const MOST_ENTRIES: usize = 10;

/// What the platform does with the work of a task that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    /// The platform repeats the work later, as after the death of a process.
    Retried,
    Dropped,
}

impl<A: Application> Simulation<A> {
    /// Takes the first region away once its functions have made as many calls as the scenario says.
    pub(super) fn lose_region_when_due(&mut self) {
        let Some(loss) = &self.scenario.loss else { return };
        let calls = self.environment.state().calls;
        if self.observed.lost.is_none() && self.environment.state().armed && calls >= loss.calls {
            self.lose_region();
        }
    }

    /// Takes the first region away now. Does nothing if it is away already, or if it is the only
    /// region.
    pub(super) fn lose_region(&mut self) {
        let Some(loss) = self.scenario.loss.clone().filter(|_| self.observed.lost.is_none()) else {
            return;
        };
        let at = self.environment.now();
        self.observed.lost = Some(LostRegion { at, lag: loss.lag, planned: loss.planned });
        self.trace_event(if loss.planned {
            "a switch is planned"
        } else {
            "the first region is away"
        });
        if loss.planned {
            self.fence(SECOND);
            return;
        }
        self.sites[0].away = true;
        self.cut_off(0, Unfinished::Retried);
        self.plan(loss.noticed, Planned::Fence(SECOND));
    }

    fn trace_event(&self, what: &str) {
        let now = self.environment.now();
        self.environment.state().trace.happened(now, &what);
    }

    /// Ends the tasks of a region. A caller whose request is cut off gets no answer, and so repeats
    /// the request.
    fn cut_off(&mut self, site: usize, unfinished: Unfinished) {
        let (gone, left) =
            std::mem::take(&mut self.tasks).into_iter().partition(|(_, task)| task.site == site);
        self.tasks = left;
        for task in gone.into_values() {
            let is_request = matches!(task.purpose, Purpose::Request { .. });
            if unfinished == Unfinished::Retried || is_request {
                self.died(site, &task.purpose);
            }
        }
    }

    /// Stores that `region` takes over next, and plans this takeover. Until the takeover, no region
    /// is active.
    pub(super) fn fence(&mut self, region: &'static str) {
        self.hand_over(|read, now| ActiveRegion::fenced(read, region, Vec::new(), now));
        self.trace_event(&format!("{region} is to be active"));
        self.plan(WAITS, Planned::TakeOver(region));
    }

    /// Writes the item that names the active region.
    fn hand_over(&self, write: impl FnOnce(&Versioned<ActiveRegion>, Timestamp) -> Write) {
        let Some(regions) = &self.parts.regions else { return };
        let handed_over = expect_ready(async {
            let read = ActiveRegion::read(&**regions)
                .await?
                .ok_or_else(|| Failure::later("NoRegion", "no region was active".to_owned()))?;
            regions.write(&[write(&read, self.environment.now())]).await.map_err(Failure::from)
        });
        if let Err(failure) = handed_over {
            self.environment.violated(format!("takeover: {failure}"));
        }
    }

    /// Lets `region` take over from the region that was active before.
    pub(super) fn take_over(&mut self, region: &'static str) {
        let from = self.active;
        let fails_back = region == FIRST;
        let lost = self.observed.lost.filter(|lost| !lost.planned && !fails_back);
        // The takeover began more than a function's timeout ago, so the platform has ended the
        // functions that were running then.
        self.cut_off(from, Unfinished::Dropped);
        let number = self.sites.len();
        let opened = Self::site(
            &self.environment,
            &self.scenario,
            &self.parts,
            number,
            Some(region),
            self.arrived(lost),
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
        self.keep_execution_names(number, region);
        let archived = self.archived(from, lost);
        self.active = number;
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
            Ok(taken) => {
                self.hand_over(|read, now| ActiveRegion::taken_over(Some(read), region, now));
                self.begin_to_act(taken);
            }
            Err(failure) => self.environment.violated(format!("takeover: {failure}")),
        }
        self.trace_event(&format!("{region} is active"));
        self.plan(RETIRES_AFTER, Planned::Retire(from));
        let loss = self.scenario.loss.clone().filter(|_| !fails_back);
        if let Some(back) = loss.as_ref().and_then(|loss| loss.back) {
            self.plan(back, Planned::Return(from));
        }
        if let Some(fails_back) = loss.and_then(|loss| loss.fails_back) {
            self.plan(fails_back, Planned::Fence(FIRST));
        }
    }

    /// The events of the region `from` that have arrived in the other region.
    fn archived(&self, from: usize, lost: Option<LostRegion>) -> Vec<chorus_table::Entry> {
        let until = lost.map_or(jiff::Timestamp::MAX, |lost| lost.at);
        let before = self.sites[from].link.as_ref();
        let mut archived = before.map(|link| link.events(until).0).unwrap_or_default();
        // The archive of a region also has the events that were replicated to it.
        archived.splice(0..0, self.sites[from].archive.iter().cloned());
        archived
    }

    /// The active region's events that have arrived in the other region: what was observed of each.
    /// The checks at the end of the run use these observations.
    fn arrived(&self, lost: Option<LostRegion>) -> Sightings {
        let ids: std::collections::BTreeSet<String> = self
            .archived(self.active, lost)
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

    /// Stores the items of the region `from` in the region `to`. If `from` was lost, only the items
    /// that had been replicated before the loss are stored.
    fn copy(&mut self, from: usize, to: usize, lost: Option<LostRegion>) {
        let items = match (lost, &self.sites[from].link) {
            (Some(lost), Some(link)) => link.items(lost.at),
            _ => {
                let tables = self.parts.tables.iter().map(|table| table.name);
                let tables = tables.filter(|name| *name != EXECUTIONS_TABLE.name);
                let backing = &self.sites[from].backing;
                let all = tables.flat_map(|table| {
                    let items = backing.all(table).into_iter();
                    items.filter_map(move |item| Some((Key::of(table, &item)?, Some(item))))
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
            if let Err(error) = expect_ready(backing.write(&[write])) {
                self.environment.violated(format!("takeover: {error}"));
            }
        }
    }

    /// Stores the stopped executions of the site that was this region before: no new execution can
    /// have their names, as in Step Functions.
    fn keep_execution_names(&self, to: usize, region: &'static str) {
        let is_former = |site: &&Site| {
            let name = site.kernel.region.as_ref().map(Region::name);
            name == Some(region)
        };
        let former = self.sites[..to].iter().rfind(is_former);
        let items = former.map(|site| site.backing.all(EXECUTIONS_TABLE.name)).unwrap_or_default();
        for item in items {
            let Some(key) = Key::of(EXECUTIONS_TABLE.name, &item) else { continue };
            let write = Write::Put { key, item, condition: None };
            if let Err(error) = expect_ready(self.sites[to].backing.write(&[write])) {
                self.environment.violated(format!("takeover: {error}"));
            }
        }
    }

    /// Lets the active region begin: publishes the takeover's events, starts the takeover's state
    /// machines, and lets the takeover's clients call the API.
    fn begin_to_act(&mut self, taken: TakenOver) {
        let site = &self.sites[self.active];
        for entries in taken.events.chunks(MOST_ENTRIES) {
            if let Err(failure) = expect_ready(site.local.bus().put_events(entries)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
        for start in &taken.machines {
            if let Err(failure) = expect_ready(site.kernel.signal(start)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
        for client in taken.clients {
            self.appear(client, Duration::ZERO);
        }
    }

    /// Brings a replaced region back: its queues and executions go on, and its last events arrive
    /// in the active region.
    pub(super) fn come_back(&mut self, site: usize) {
        self.trace_event("the first region is back");
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
        let bus = self.sites[self.active].local.bus().clone();
        for entries in late.chunks(MOST_ENTRIES) {
            if let Err(failure) = expect_ready(bus.put_events(entries)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
        }
    }

    /// Empties a replaced region: its tasks end, and its queues and executions do nothing any more.
    /// This region's requests to partners may not fit the cases (in the shop: the orders) of the
    /// active region. The operator undoes such requests.
    pub(super) fn retire(&mut self, site: usize) {
        // A region that is away does nothing. If it comes back, `come_back` plans to retire it.
        if !self.sites[site].away {
            self.sites[site].away = true;
            self.cut_off(site, Unfinished::Dropped);
            let Site { local, backing, .. } = &self.sites[site];
            let executions = backing.all(EXECUTIONS_TABLE.name);
            if let Err(failure) = expect_ready(local.stop_executions(&**backing, &executions)) {
                self.environment.violated(format!("takeover: {failure}"));
            }
            let backing = &self.sites[self.active].backing;
            match self.application.undo_unmatched(&|table| backing.all(table)) {
                Ok(clients) => {
                    for client in clients {
                        self.appear(client, Duration::ZERO);
                    }
                }
                Err(failure) => self.environment.violated(format!("takeover: {failure}")),
            }
        }
    }
}

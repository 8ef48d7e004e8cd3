//! Campaigns of many runs. A campaign of seeds makes one run for each seed of a range. A campaign
//! of a fixed script makes one run for each fault, or one run for each pair of faults.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::application::Application;
use crate::environment::{Called, Injection};
use crate::shrink::shrink;
use crate::simulator::{Error, Outcome, Points, Request, Simulator};
use crate::trouble::Faults;

/// At most this many failures are shrunk and printed; further ones are only counted.
const REPORTED_FAILURES: usize = 3;

/// How many places in the code [`Report::not_crashed`] names at most.
const NAMED_PLACES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Campaign<S> {
    /// One run for each seed.
    Seeds {
        seeds: Range<u64>,
        /// The kinds of trouble that may occur in the runs. Each seed draws some of them.
        faults: Faults,
        size: u32,
    },
    /// Every possible fault in a fixed script: one run for each call and each of its faults.
    Single { story: S },
    /// Every pair of faults in a fixed script, one pair in each run. The second fault is at a later
    /// call than the first. The pairs are divided into `parts`, and the campaign runs only part
    /// number `part`, counted from 0.
    Pairs { story: S, part: u64, parts: u64 },
}

/// How a campaign is run.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How many runs go on at a time, each on its own thread.
    pub threads: NonZeroUsize,
    /// The campaign ends after this many failures.
    pub most_failures: u64,
    /// Whether the first failures are shrunk: reduced to the faults that they need.
    pub shrinks: bool,
}

impl Default for Setting {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, most_failures: 10, shrinks: true }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub runs: u64,
    /// The number of completed steps. In `Campaign::Seeds`, a step is one seed. In
    /// `Campaign::Single`, it is one fault. In `Campaign::Pairs`, it is one fault with all pairs in
    /// which that fault is the first.
    pub steps: u64,
    pub of: u64,
    pub runs_per_second: f64,
    pub failures: u64,
}

/// A run that violated an invariant, shrunk as far as possible.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure<S> {
    /// The run's seed; 0 for a fixed script.
    pub seed: u64,
    /// The fixed script; none if the run was drawn from a seed.
    pub fixed: Option<S>,
    pub violations: Vec<String>,
    /// How many faults were injected in the original run.
    pub struck_at_first: usize,
    /// The faults that are left after the shrinking; they still lead to the violation.
    pub faults: Vec<Injection>,
    /// What the violation needs besides the faults, such as "each delivery is made up to 3 times";
    /// each entry describes one kind of trouble.
    pub disorder: Vec<String>,
    /// The events that the bus accepted about the cases (in the shop: the orders), oldest first.
    pub story: Vec<String>,
    /// How many runs the shrinking took.
    pub shrunk_in: u32,
}

/// The result of a campaign.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report<E, S> {
    pub runs: u64,
    /// The campaign's duration, in seconds.
    pub seconds: f64,
    /// Runs per second, of all threads together.
    pub runs_per_second: f64,
    pub ends: E,
    /// How often functions called the store, the bus and partners, over all runs.
    pub calls: u64,
    pub deliveries: u64,
    /// How many events the bus accepted.
    pub events: u64,
    pub dead_letters: u64,
    /// The virtual time that passed in all runs, in days.
    pub virtual_days: i64,
    /// Four counts: replays of the archive, rebuilds of projections, redrives of dead letters, and
    /// unreadable messages.
    pub chores: [u64; 4],
    /// How many runs were exposed to each kind of trouble.
    pub exposed: BTreeMap<String, u64>,
    /// The number of injected faults, by kind.
    pub injected: BTreeMap<String, u64>,
    /// The number of places in the code at which a process made a call; see [`Points`].
    pub places: usize,
    /// The number of `places` at which a process died.
    pub crashed: usize,
    /// Up to 20 of the `places` at which no process died: a crash there is untested.
    pub not_crashed: Vec<String>,
    pub failed: u64,
    pub failures: Vec<Failure<S>>,
    /// If no run failed: an upper bound of the share of failing runs, with 95 % confidence. The
    /// bound is 3 divided by `runs`; it is 1 if there are too few runs for a bound.
    pub bound: f64,
}

/// The results that have been added up so far.
struct Sum<A: Application> {
    report: Report<A::Ends, A::Story>,
    points: Points,
    virtual_seconds: i64,
    failures: Vec<(Request<A>, Outcome<A::Ends>)>,
    /// The error of a run that could not be set up; such an error ends the campaign.
    error: Option<Error>,
}

impl<A: Application> Default for Sum<A> {
    fn default() -> Self {
        let report = Report {
            runs: 0,
            seconds: 0.0,
            runs_per_second: 0.0,
            ends: A::Ends::default(),
            calls: 0,
            deliveries: 0,
            events: 0,
            dead_letters: 0,
            virtual_days: 0,
            chores: [0; 4],
            exposed: BTreeMap::new(),
            injected: BTreeMap::new(),
            places: 0,
            crashed: 0,
            not_crashed: Vec::new(),
            failed: 0,
            failures: Vec::new(),
            bound: 0.0,
        };
        let (points, failures) = (Points::default(), Vec::new());
        Self { report, points, virtual_seconds: 0, failures, error: None }
    }
}

impl<A: Application> Sum<A> {
    fn add(&mut self, request: &Request<A>, outcome: Outcome<A::Ends>) {
        let report = &mut self.report;
        report.runs += 1;
        report.ends += outcome.ends.clone();
        report.calls += outcome.calls;
        report.deliveries += outcome.deliveries;
        report.events += outcome.events;
        report.dead_letters += outcome.dead_letters;
        report.chores.iter_mut().zip(outcome.chores).for_each(|(sum, count)| *sum += count);
        self.virtual_seconds += outcome.virtual_seconds;
        for trouble in &request.scenario.troubles {
            *report.exposed.entry(trouble.name().to_owned()).or_default() += 1;
        }
        for injection in &outcome.injected {
            let name = format!("{:?}: {:?}", injection.port, injection.fault);
            *report.injected.entry(name).or_default() += 1;
        }
        for point in &outcome.points.seen {
            if !self.points.seen.contains(point) {
                self.points.seen.insert(point.clone());
            }
        }
        for point in &outcome.points.crashed {
            if !self.points.crashed.contains(point) {
                self.points.crashed.insert(point.clone());
            }
        }
        if !outcome.holds() {
            report.failed += 1;
            if self.failures.len() < REPORTED_FAILURES {
                self.failures.push((request.clone(), outcome));
            }
        }
    }
}

struct Work<'a, A: Application> {
    simulator: &'a Simulator<A>,
    campaign: &'a Campaign<A::Story>,
    setting: &'a Setting,
    /// Every fault that can be injected into the fixed script; empty for a campaign of seeds.
    singles: Vec<Injection>,
    sum: Mutex<Sum<A>>,
    steps: AtomicU64,
    of: u64,
    stop: AtomicBool,
    begun: Instant,
    progress: &'a (dyn Fn(&Progress) + Sync),
}

impl<A: Application> Simulator<A> {
    /// Runs a campaign, and calls `progress` after every step.
    ///
    /// # Errors
    /// If a run cannot be set up.
    pub fn campaign(
        &self,
        campaign: &Campaign<A::Story>,
        setting: &Setting,
        progress: &(dyn Fn(&Progress) + Sync),
    ) -> Result<Report<A::Ends, A::Story>, Error> {
        let (singles, of) = match campaign {
            Campaign::Seeds { seeds, .. } => (Vec::new(), seeds.end.saturating_sub(seeds.start)),
            Campaign::Single { story } | Campaign::Pairs { story, .. } => {
                let singles = self.single_faults(*story)?;
                let of = singles.len() as u64;
                (singles, of)
            }
        };
        let work = Work {
            simulator: self,
            campaign,
            setting,
            singles,
            sum: Mutex::default(),
            steps: AtomicU64::new(0),
            of,
            stop: AtomicBool::new(false),
            begun: Instant::now(),
            progress,
        };
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..setting.threads.get() {
                scope.spawn(|| {
                    loop {
                        let step = next.fetch_add(1, Ordering::Relaxed);
                        if step >= of || work.stop.load(Ordering::Relaxed) {
                            break;
                        }
                        if let Err(error) = work.step(step) {
                            work.stop.store(true, Ordering::Relaxed);
                            work.sum().error = Some(error);
                        }
                        work.report_progress();
                    }
                });
            }
        });
        work.report()
    }

    /// Every fault that can be injected into a fixed script.
    ///
    /// # Errors
    /// If a run cannot be set up.
    pub fn single_faults(&self, story: A::Story) -> Result<Vec<Injection>, Error> {
        self.faults_after(story, &[])
    }

    /// Runs the fixed script with the faults in `first`, and lists every fault that could be
    /// injected after the last fault in `first`.
    fn faults_after(&self, story: A::Story, first: &[Injection]) -> Result<Vec<Injection>, Error> {
        let outcome = self.run(&Request { listed: true, ..Request::fixed(story, first) })?;
        let begin = first.last().map_or(0, |first| {
            let struck = |called: &Called| *called.task == *first.task && called.call == first.call;
            outcome.called.iter().position(struck).map_or(usize::MAX, |place| place + 1)
        });
        let behind = outcome.called.iter().skip(begin);
        let faults = behind.flat_map(|called| {
            called.port.faults().iter().map(|fault| Injection {
                task: called.task.to_string(),
                call: called.call,
                port: called.port,
                fault: *fault,
            })
        });
        Ok(faults.collect())
    }

    /// The shrunk failure of a seed; none if its run has no violation.
    ///
    /// # Errors
    /// If a run cannot be set up.
    pub fn shrink_seed(
        &self,
        seed: u64,
        faults: &Faults,
        size: u32,
    ) -> Result<Option<Failure<A::Story>>, Error> {
        let request = Request::drawn(seed, faults, size);
        let outcome = self.run(&request)?;
        if outcome.holds() {
            return Ok(None);
        }
        shrink(self, &request, &outcome).map(Some)
    }
}

impl<A: Application> Work<'_, A> {
    fn sum(&self) -> MutexGuard<'_, Sum<A>> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, step: u64) -> Result<(), Error> {
        let place = usize::try_from(step).unwrap_or(usize::MAX);
        match self.campaign {
            Campaign::Seeds { seeds, faults, size } => {
                self.one(&Request::drawn(seeds.start + step, faults, *size))
            }
            Campaign::Single { story } => {
                self.one(&Request::fixed(*story, &self.singles[place..=place]))
            }
            Campaign::Pairs { story, part, parts } => {
                let first = &self.singles[place];
                let seconds = self.simulator.faults_after(*story, std::slice::from_ref(first))?;
                for (place, second) in seconds.into_iter().enumerate() {
                    let mine = (step + place as u64) % (*parts).max(1) == *part;
                    if mine && !self.stop.load(Ordering::Relaxed) {
                        self.one(&Request::fixed(*story, &[first.clone(), second]))?;
                    }
                }
                Ok(())
            }
        }
    }

    fn one(&self, request: &Request<A>) -> Result<(), Error> {
        let outcome = self.simulator.run(request)?;
        let mut sum = self.sum();
        sum.add(request, outcome);
        if sum.report.failed >= self.setting.most_failures {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn report_progress(&self) {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let (runs, failures) = {
            let sum = self.sum();
            (sum.report.runs, sum.report.failed)
        };
        let runs_per_second = per_second(runs, self.begun);
        (self.progress)(&Progress { runs, steps, of: self.of, runs_per_second, failures });
    }

    fn report(self) -> Result<Report<A::Ends, A::Story>, Error> {
        let sum = self.sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Sum { mut report, points, failures, virtual_seconds, error } = sum;
        if let Some(error) = error {
            return Err(error);
        }
        report.seconds = self.begun.elapsed().as_secs_f64();
        report.runs_per_second = per_second(report.runs, self.begun);
        report.virtual_days = virtual_seconds / 86_400;
        report.places = points.seen.len();
        report.crashed = points.crashed.len();
        let missed = points.seen.difference(&points.crashed).take(NAMED_PLACES);
        report.not_crashed =
            missed.map(|(place, call, port)| format!("{place}: call {call}, {port:?}")).collect();
        if report.failed == 0 && report.runs > 0 {
            #[allow(clippy::cast_precision_loss)]
            let runs = report.runs as f64;
            report.bound = (3.0 / runs).min(1.0);
        }
        for (request, outcome) in &failures {
            report.failures.push(if self.setting.shrinks {
                shrink(self.simulator, request, outcome)?
            } else {
                as_it_is(request, outcome)
            });
        }
        Ok(report)
    }
}

fn as_it_is<A: Application>(request: &Request<A>, outcome: &Outcome<A::Ends>) -> Failure<A::Story> {
    Failure {
        seed: outcome.seed,
        fixed: request.story,
        violations: outcome.violations.clone(),
        struck_at_first: outcome.injected.len(),
        faults: outcome.injected.clone(),
        disorder: Vec::new(),
        story: outcome.story.clone(),
        shrunk_in: 0,
    }
}

#[allow(clippy::cast_precision_loss)]
fn per_second(runs: u64, begun: Instant) -> f64 {
    runs as f64 / begun.elapsed().as_secs_f64().max(1e-9)
}

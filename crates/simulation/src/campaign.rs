//! Many runs: seeds by the thousand, or every fault, or every pair of faults, on one story.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::fault::Faults;
use crate::run::{Ends, Outcome, Points, Request, run};
use crate::scenario::Story;
use crate::shrink::shrink;
use crate::store::Backing;
use crate::world::{Called, Injection};

/// So many failures are shrunk and told; more are only counted.
const TOLD_FAILURES: usize = 3;

/// So many places without a crash are named.
const NAMED_PLACES: usize = 20;

/// What a campaign tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Campaign {
    /// A run of each seed.
    Seeds {
        /// Which.
        seeds: Range<u64>,
        /// Of which each seed draws its own part.
        faults: Faults,
        /// Orders in each run.
        orders: u32,
    },
    /// Every fault at every call of a fixed story, one in each run.
    Single {
        /// Which story.
        story: Story,
    },
    /// Every pair of faults of a fixed story: the second at a call that follows the first.
    /// Of `parts` parts of them, the one numbered `part`, from 0.
    Pairs {
        /// Which story.
        story: Story,
        /// Which part.
        part: u64,
        /// Of how many.
        parts: u64,
    },
}

/// How a campaign is run.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How many runs go on at once; each on a thread.
    pub threads: NonZeroUsize,
    /// What the runs' items are kept in.
    pub backing: Backing,
    /// After so many failures, it ends.
    pub most_failures: u64,
    /// Whether the first failures are made as short as possible.
    pub shrinks: bool,
}

impl Default for Setting {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, backing: Backing::default(), most_failures: 10, shrinks: true }
    }
}

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Runs so far.
    pub runs: u64,
    /// Steps so far; a step is a seed, or a first fault with all that follow it.
    pub steps: u64,
    /// Steps in all.
    pub of: u64,
    /// Runs in a second.
    pub runs_per_second: f64,
    /// Runs that violated something.
    pub failures: u64,
}

/// A run that violated something, and the shortest story that still does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// Its seed; 0 for a fixed story.
    pub seed: u64,
    /// The fixed story, which no seed draws.
    pub fixed: Option<Story>,
    /// What was violated.
    pub violations: Vec<String>,
    /// How many calls were struck at first.
    pub struck_at_first: usize,
    /// The fewest faults found that still violate it.
    pub faults: Vec<Injection>,
    /// What else had to go on in the run.
    pub disorder: Vec<String>,
    /// The orders' events, in the order in which the bus took them.
    pub story: Vec<String>,
    /// How many runs it took to make it so short.
    pub shrunk_in: u32,
}

/// What a campaign came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Runs.
    pub runs: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Runs in a second, all threads together.
    pub runs_per_second: f64,
    /// How the orders ended.
    pub ends: Ends,
    /// Calls to the outside of functions.
    pub calls: u64,
    /// Attempts to deliver something.
    pub deliveries: u64,
    /// Events that the bus took.
    pub events: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Time that passed within the runs, in days.
    pub virtual_days: i64,
    /// Replays of the archive, rebuilds, redrives, unreadable messages.
    pub chores: [u64; 4],
    /// How many runs were exposed to each kind of trouble.
    pub exposed: BTreeMap<String, u64>,
    /// Calls that were struck, by what went wrong.
    pub injected: BTreeMap<String, u64>,
    /// Places in the code at which a process made a call: an action, on an event, its nth call.
    pub places: usize,
    /// Those of them at which a process died.
    pub crashed: usize,
    /// Some of those at which none did.
    pub not_crashed: Vec<String>,
    /// Runs that violated something.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<Failure>,
    /// With no failure in so many runs, the share of failing ones is below this at 95 %: 3/N.
    pub bound: f64,
}

/// What has been added up so far.
#[derive(Default)]
struct Sum {
    report: Report,
    points: Points,
    virtual_seconds: i64,
    failures: Vec<(Request, Outcome)>,
}

impl Sum {
    fn add(&mut self, request: &Request, outcome: Outcome) {
        let report = &mut self.report;
        report.runs += 1;
        report.ends.delivered += outcome.ends.delivered;
        report.ends.canceled += outcome.ends.canceled;
        report.ends.unplaced += outcome.ends.unplaced;
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
            if self.failures.len() < TOLD_FAILURES {
                self.failures.push((request.clone(), outcome));
            }
        }
    }
}

/// A campaign under way.
struct Work<'a> {
    setting: &'a Setting,
    sum: Mutex<Sum>,
    steps: AtomicU64,
    of: u64,
    stop: AtomicBool,
    begun: Instant,
    progress: &'a (dyn Fn(&Progress) + Sync),
}

impl Campaign {
    /// Runs it, and tells `progress` after every step.
    #[must_use]
    pub fn run(&self, setting: &Setting, progress: &(dyn Fn(&Progress) + Sync)) -> Report {
        let singles = match self {
            Self::Seeds { .. } => Vec::new(),
            Self::Single { story } | Self::Pairs { story, .. } => {
                singles(*story, &[], setting.backing)
            }
        };
        let of = match self {
            Self::Seeds { seeds, .. } => seeds.end.saturating_sub(seeds.start),
            Self::Single { .. } | Self::Pairs { .. } => singles.len() as u64,
        };
        let work = Work {
            setting,
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
                        self.step(step, &singles, &work);
                        work.told();
                    }
                });
            }
        });
        work.report()
    }

    fn step(&self, step: u64, singles: &[Injection], work: &Work<'_>) {
        match self {
            Self::Seeds { seeds, faults, orders } => {
                work.one(Request::drawn(seeds.start + step, faults, *orders));
            }
            Self::Single { story } => {
                let place = usize::try_from(step).unwrap_or(usize::MAX);
                work.one(Request::fixed(*story, &singles[place..=place]));
            }
            Self::Pairs { story, part, parts } => {
                let first = &singles[usize::try_from(step).unwrap_or(usize::MAX)];
                let backing = work.setting.backing;
                let seconds = self::singles(*story, std::slice::from_ref(first), backing);
                for (place, second) in seconds.into_iter().enumerate() {
                    let mine = (step + place as u64) % (*parts).max(1) == *part;
                    if mine && !work.stop.load(Ordering::Relaxed) {
                        work.one(Request::fixed(*story, &[first.clone(), second]));
                    }
                }
            }
        }
    }
}

impl Work<'_> {
    fn one(&self, mut request: Request) {
        request.backing = self.setting.backing;
        let outcome = run(&request);
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.add(&request, outcome);
        if sum.report.failed >= self.setting.most_failures {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn told(&self) {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let (runs, failures) = {
            let sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
            (sum.report.runs, sum.report.failed)
        };
        let runs_per_second = per_second(runs, self.begun);
        (self.progress)(&Progress { runs, steps, of: self.of, runs_per_second, failures });
    }

    fn report(self) -> Report {
        let setting = self.setting;
        let sum = self.sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Sum { mut report, points, failures, virtual_seconds } = sum;
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
            report.bound = 3.0 / runs;
        }
        let told = |(request, outcome): &(Request, Outcome)| {
            if setting.shrinks { shrink(request, outcome) } else { as_it_is(request, outcome) }
        };
        report.failures = failures.iter().map(told).collect();
        report
    }
}

fn as_it_is(request: &Request, outcome: &Outcome) -> Failure {
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

/// Every fault that can strike a story struck by `first`, after these.
fn singles(story: Story, first: &[Injection], backing: Backing) -> Vec<Injection> {
    let request = Request { listed: true, backing, ..Request::fixed(story, first) };
    let outcome = run(&request);
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
    faults.collect()
}

/// Runs `seed` with `orders` orders, exposed to a part of `faults` of its own.
#[must_use]
pub fn run_seed(seed: u64, faults: &Faults, orders: u32) -> Outcome {
    run(&Request::drawn(seed, faults, orders))
}

/// The same on another store: the run is the same, to the byte.
#[must_use]
pub fn run_seed_on(backing: Backing, seed: u64, faults: &Faults, orders: u32) -> Outcome {
    run(&Request { backing, ..Request::drawn(seed, faults, orders) })
}

/// The same, telling every word of its trace.
#[must_use]
pub fn trace_seed(seed: u64, faults: &Faults, orders: u32) -> Outcome {
    run(&Request { told: true, ..Request::drawn(seed, faults, orders) })
}

/// A fixed story, struck by these faults and no other, telling every word of its trace.
#[must_use]
pub fn trace_fixed(story: Story, faults: &[Injection]) -> Outcome {
    run(&Request { told: true, ..Request::fixed(story, faults) })
}

/// Every fault that can strike a fixed story.
#[must_use]
pub fn single_faults(story: Story) -> Vec<Injection> {
    singles(story, &[], Backing::default())
}

/// The failure of a seed, shrunk; nothing where the seed violates nothing.
#[must_use]
pub fn shrink_seed(seed: u64, faults: &Faults, orders: u32) -> Option<Failure> {
    let request = Request::drawn(seed, faults, orders);
    let outcome = run(&request);
    (!outcome.holds()).then(|| shrink(&request, &outcome))
}

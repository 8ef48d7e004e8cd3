//! Runs an application from the beginning of a run to its end, and returns the outcome.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chorus_kernel::StoreError;
use chorus_local::{Definitions, VirtualClock};
use serde::Serialize;

use crate::application::{Application, Effects};
use crate::draw::Draw;
use crate::environment::{Called, Environment, Injection, Plan, beginning};
use crate::fault::Port;
use crate::invariants;
use crate::outage::Outage;
use crate::scenario::Scenario;
use crate::simulation::Simulation;
use crate::store::Backing;
use crate::trace::Trace;
use crate::trouble::Faults;

/// After faults have stopped, every case must end within this many rounds. In each round, the
/// sweeper runs and dead letters are redriven; in most rounds an operator helps.
const ROUNDS: u32 = 10;

/// Within this time, the sweeper publishes every event that was committed, but not published. The
/// sweeper runs every minute, and handles records that are older than half a minute. The sweeper's
/// clock may be off by five minutes.
const SWEPT_WITHIN: Duration = Duration::from_secs(400);

/// A run cannot be set up. This is not a violation, but a mistake in the application's
/// configuration, such as a rule with a pattern that EventBridge does not accept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the store cannot be set up")]
    Store(#[from] StoreError),
    #[error("the engine cannot be opened")]
    Engine(#[from] chorus_local::Error),
}

/// Runs an application, and keeps the parts that all runs share.
pub struct Simulator<A> {
    pub(crate) backing: Backing,
    /// The state machines. The first run reads them, and later runs reuse them.
    pub(crate) machines: OnceLock<Arc<Definitions>>,
    application: PhantomData<fn() -> A>,
}

impl<A: Application> Default for Simulator<A> {
    fn default() -> Self {
        Self::on(Backing::default())
    }
}

/// The scenario and the faults of a run, and what to record of it.
pub(crate) struct Request<A: Application> {
    pub(crate) scenario: Scenario<A::Script>,
    pub(crate) plan: Plan,
    /// The fixed script, or `None` if the scenario is drawn. In a fixed script, every call takes
    /// the same time.
    pub(crate) story: Option<A::Story>,
    /// Whether the lines of the trace are recorded.
    pub(crate) traced: bool,
    /// Whether every call is recorded.
    pub(crate) listed: bool,
}

impl<A: Application> Clone for Request<A> {
    fn clone(&self) -> Self {
        Self { scenario: self.scenario.clone(), plan: self.plan.clone(), ..*self }
    }
}

impl<A: Application> Request<A> {
    /// The run of `seed` with `size` cases.
    pub(crate) fn drawn(seed: u64, faults: &Faults, size: u32) -> Self {
        let scenario = Scenario::drawn::<A>(seed, faults, size);
        let (per_mille, troubles) = (scenario.per_mille, scenario.troubles.clone());
        let plan = Plan::Drawn { per_mille, troubles };
        Self { scenario, plan, story: None, traced: false, listed: false }
    }

    /// The run of a fixed script, with these faults and no others.
    pub(crate) fn fixed(story: A::Story, injections: &[Injection]) -> Self {
        let scenario = Scenario::fixed(A::fixed(story));
        let plan = Plan::listed(injections);
        Self { scenario, plan, story: Some(story), traced: false, listed: false }
    }
}

/// The outcome of a run; `E` counts how its cases ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome<E> {
    /// The seed that the run was drawn from.
    pub seed: u64,
    /// The violated invariants; empty if all hold.
    pub violations: Vec<String>,
    /// The injected faults, in order.
    pub injected: Vec<Injection>,
    pub ends: E,
    /// How often functions called the store, the bus and partners.
    pub calls: u64,
    pub deliveries: u64,
    /// How many events the bus accepted.
    pub events: u64,
    /// The number of dead letters, unreadable messages included.
    pub dead_letters: u64,
    /// How many times, in this order: the archive was replayed, projections were rebuilt, dead
    /// letters were redriven, and unreadable messages were published.
    pub chores: [u64; 4],
    /// The number of calls that were made during an outage.
    pub unanswered: u64,
    /// How much virtual time passed in the run, in seconds.
    pub virtual_seconds: i64,
    /// A hash of the trace. Runs with the same hash went the same way.
    pub fingerprint: u64,
    /// The places in the code at which processes made calls, and at which they died.
    #[serde(skip)]
    pub points: Points,
    /// The lines of the trace, if they were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<String>,
    /// The events of the cases in the order in which the bus accepted them; empty if no invariant
    /// was violated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<String>,
    /// Every call that a process made; empty if the request did not ask for the list of calls.
    #[serde(skip)]
    pub(crate) called: Vec<Called>,
}

/// Places in the code at which a process calls a port. A place consists of the action, the type of
/// the event that the action handles, the call's number in the invocation (from 1), and the port.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// The places at which a process made a call.
    pub seen: BTreeSet<(Arc<str>, u32, Port)>,
    /// The places at which a process died.
    pub crashed: BTreeSet<(Arc<str>, u32, Port)>,
}

impl<E> Outcome<E> {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

impl<A: Application> Simulator<A> {
    /// A simulator whose runs use the kernel's in-memory store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A simulator that keeps items in `backing`. A seed's run is the same with every backing, to
    /// the byte.
    #[must_use]
    pub const fn on(backing: Backing) -> Self {
        Self { backing, machines: OnceLock::new(), application: PhantomData }
    }

    /// Runs `seed` with `size` cases. The seed decides which of `faults` the run is exposed to.
    ///
    /// # Errors
    /// If the run cannot be set up.
    pub fn seed(&self, seed: u64, faults: &Faults, size: u32) -> Result<Outcome<A::Ends>, Error> {
        self.run(&Request::drawn(seed, faults, size))
    }

    /// Does the same as [`Self::seed`], and keeps the lines of the trace.
    ///
    /// # Errors
    /// If the run cannot be set up.
    pub fn trace_seed(
        &self,
        seed: u64,
        faults: &Faults,
        size: u32,
    ) -> Result<Outcome<A::Ends>, Error> {
        self.run(&Request { traced: true, ..Request::drawn(seed, faults, size) })
    }

    /// Runs a fixed script with these faults and no others, and keeps the lines of the trace.
    ///
    /// # Errors
    /// If the run cannot be set up.
    pub fn trace_story(
        &self,
        story: A::Story,
        faults: &[Injection],
    ) -> Result<Outcome<A::Ends>, Error> {
        self.run(&Request { traced: true, ..Request::fixed(story, faults) })
    }

    /// Runs a fixed script with these outages of the store, the bus or partners, and without other
    /// faults.
    ///
    /// # Errors
    /// If the run cannot be set up.
    pub fn outage(&self, story: A::Story, outages: &[Outage]) -> Result<Outcome<A::Ends>, Error> {
        let mut request = Request::fixed(story, &[]);
        request.scenario.outages = outages.to_vec();
        self.run(&request)
    }

    /// Runs to the end, and checks the invariants.
    pub(crate) fn run(&self, request: &Request<A>) -> Result<Outcome<A::Ends>, Error> {
        let clock = VirtualClock::at(beginning());
        let trace = if request.traced { Trace::recording() } else { Trace::default() };
        let seed = request.scenario.seed;
        let environment = Environment::new(clock, seed, request.plan.clone(), trace);
        {
            let mut state = environment.state();
            state.jitter = request.story.is_none();
            state.called = request.listed.then(Vec::new);
        }
        let scenario = request.scenario.clone();
        let mut simulation = Simulation::open(self, Arc::clone(&environment), scenario)?;
        simulation.set_up();
        simulation.play();
        simulation.stop_faults();
        let calm_since = environment.seconds();
        settle(&mut simulation);
        let took = environment.seconds() - calm_since;
        if took.unsigned_abs() > A::ENDS_WITHIN.as_secs() {
            environment.violated(format!("end: the run took {took} s after faults had stopped"));
        }
        let mut violations = environment.state().violations.clone();
        violations.extend(invariants::check(&simulation));
        let replays = request.scenario.loss.is_none();
        let replays = replays && (request.story.is_some() || Draw::of(seed, "at rest").percent(50));
        if violations.is_empty() && replays {
            violations.extend(check_replay(&mut simulation));
        }
        if violations.is_empty()
            && let Some(again) = request.scenario.again
        {
            violations.extend(check_repetition(&mut simulation, again));
        }
        Ok(outcome(&simulation, violations))
    }
}

/// Checks that clients change nothing when they repeat their requests after the idempotency records
/// have expired. A service can still recognize a repeated request then, because it keeps a case's
/// state for longer than idempotency records.
fn check_repetition<A: Application>(
    simulation: &mut Simulation<A>,
    again: Duration,
) -> Vec<String> {
    let before = effects(simulation);
    simulation.wait(again);
    simulation.expire();
    simulation.repeat();
    settle(simulation);
    let after = effects(simulation);
    let mut violations = invariants::check(simulation);
    if before != after {
        violations.push(format!("repetition: {before:?} before, {after:?} after"));
    }
    violations.iter().map(|violation| format!("{violation}, after records expired")).collect()
}

/// The number of external calls that had an effect, by kind, and the number of published events.
fn effects<A: Application>(simulation: &Simulation<A>) -> Effects {
    let mut effects = simulation.application.effects();
    effects.insert("events", simulation.observed.sightings().events.len());
    effects
}

/// Finishes a run after faults have stopped: recurring jobs and an operator's help bring the open
/// cases to an end.
fn settle<A: Application>(simulation: &mut Simulation<A>) {
    for round in 0..ROUNDS {
        simulation.wait(SWEPT_WITHIN);
        let redriven = simulation.redrive();
        // In half of the runs the operator does not help at first, so that the state machines reach
        // their timeouts.
        let helped = !simulation.scenario.seed.is_multiple_of(2) || round > 1;
        if round == 1 && !helped && !simulation.is_over() {
            simulation.wait(A::LONGEST_WAIT);
        }
        if helped {
            for client in simulation.application.help(round, &simulation.observed) {
                simulation.appear(client, Duration::ZERO);
            }
        }
        simulation.run();
        let published = invariants::unpublished(&simulation.observed).is_empty();
        if redriven == 0 && published && simulation.is_over() {
            break;
        }
    }
    if !simulation.scenario.rebuilds.is_empty() {
        simulation.rebuild();
        simulation.run();
    }
}

/// Checks that a replay of the whole archive at the end of a run changes nothing.
fn check_replay<A: Application>(simulation: &mut Simulation<A>) -> Vec<String> {
    let before = effects(simulation);
    simulation.replay("at-rest");
    simulation.run();
    let after = effects(simulation);
    let mut violations = invariants::check(simulation);
    if before != after {
        violations.push(format!("replay: {before:?} before, {after:?} after"));
    }
    violations.iter().map(|violation| format!("after a replay, {violation}")).collect()
}

fn outcome<A: Application>(
    simulation: &Simulation<A>,
    violations: Vec<String>,
) -> Outcome<A::Ends> {
    let ends = simulation.application.ends(&simulation.observed);
    let story = if violations.is_empty() { Vec::new() } else { story(simulation) };
    let sightings = simulation.observed.sightings();
    let mut state = simulation.environment.state();
    let scenario = &simulation.scenario;
    Outcome {
        seed: scenario.seed,
        violations,
        injected: std::mem::take(&mut state.injected),
        ends,
        calls: state.calls,
        unanswered: state.unanswered,
        deliveries: sightings.deliveries,
        events: sightings.events.len() as u64,
        dead_letters: sightings.dead,
        chores: [
            scenario.replays.len() as u64,
            scenario.rebuilds.len() as u64,
            scenario.redrives.len() as u64,
            scenario.poison.len() as u64,
        ],
        virtual_seconds: simulation.environment.seconds(),
        fingerprint: state.trace.fingerprint(),
        points: Points {
            seen: std::mem::take(&mut state.seen),
            crashed: std::mem::take(&mut state.crashed),
        },
        called: state.called.take().unwrap_or_default(),
        trace: std::mem::take(&mut state.trace).into_lines(),
        story,
    }
}

/// The events of the cases, in the order in which the bus first accepted them.
fn story<A: Application>(simulation: &Simulation<A>) -> Vec<String> {
    let sightings = simulation.observed.sightings();
    let mut traced: Vec<_> = sightings
        .events
        .values()
        .filter_map(|event| Some((event, simulation.application.name(&event.about)?)))
        .collect();
    traced.sort_by_key(|(event, _)| event.first);
    traced
        .iter()
        .map(|(event, case)| {
            let times =
                if event.times > 1 { format!(" (×{})", event.times) } else { String::new() };
            format!("{:.3} {case}: {}{times}", event.first, event.detail_type)
        })
        .collect()
}

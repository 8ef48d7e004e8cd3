//! A run from its beginning to its end, and what it came to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chorus_local::VirtualClock;
use chorus_order::Status;
use chorus_table::Rule;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::courier::Conduct;
use crate::draw::Draw;
use crate::fault::{Faults, Port};
use crate::invariants::{self, Effects};
use crate::scenario::{Review, Scenario, Story};
use crate::stage::{LONGEST_WAIT, Stage, beginning};
use crate::store::Backing;
use crate::trace::Trace;
use crate::world::{Called, Injection, Plan, World};

/// So often an operator comes by, once faults have stopped, before a run has come to no end.
const ROUNDS: u32 = 10;

/// So long after faults have stopped, in seconds, every order must have ended: the carrier alone
/// may take two and a half days.
const ENDS_WITHIN: i64 = 3 * 86_400;

/// What is asked of a run.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) scenario: Scenario,
    pub(crate) plan: Plan,
    pub(crate) backing: Backing,
    /// The fixed story that it tells: there, calls take the time that they always take. Without,
    /// all is drawn.
    pub(crate) story: Option<Story>,
    /// Whether every word of the trace is kept.
    pub(crate) told: bool,
    /// Whether every call is kept.
    pub(crate) listed: bool,
}

impl Request {
    /// The run of a seed.
    pub(crate) fn drawn(seed: u64, faults: &Faults, orders: u32) -> Self {
        let scenario = Scenario::drawn(seed, faults, orders);
        let (per_mille, troubles) = (scenario.per_mille, scenario.troubles.clone());
        Self {
            scenario,
            plan: Plan::Drawn { per_mille, troubles },
            backing: Backing::default(),
            story: None,
            told: false,
            listed: false,
        }
    }

    /// A fixed story, struck by these faults and no other.
    pub(crate) fn fixed(story: Story, injections: &[Injection]) -> Self {
        Self {
            scenario: Scenario::fixed(story),
            plan: Plan::listed(injections),
            backing: Backing::default(),
            story: Some(story),
            told: false,
            listed: false,
        }
    }
}

/// How the orders of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ends {
    /// Delivered.
    pub delivered: u64,
    /// Canceled.
    pub canceled: u64,
    /// Never placed: refused, or the caller went away first.
    pub unplaced: u64,
}

/// What a run came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// What must never be, and was: none, where all is well.
    pub violations: Vec<String>,
    /// The calls that were struck, in order.
    pub injected: Vec<Injection>,
    /// How the orders ended.
    pub ends: Ends,
    /// Calls to the outside of functions.
    pub calls: u64,
    /// Attempts to deliver something.
    pub deliveries: u64,
    /// Events that the bus took.
    pub events: u64,
    /// Dead letters, those of messages that nobody can read included.
    pub dead_letters: u64,
    /// How often the archive was replayed, projections rebuilt, dead letters sent back, and
    /// messages injected that nobody can read.
    pub chores: [u64; 4],
    /// How much time passed in the run, in seconds.
    pub virtual_seconds: i64,
    /// The fingerprint of the trace.
    pub fingerprint: u64,
    /// Where processes made calls, and where they died, by place in the code.
    #[serde(skip)]
    pub points: Points,
    /// Every word of the trace, where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub trace: Vec<String>,
    /// The events of the orders, as the bus took them first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub story: Vec<String>,
    /// Every call, where it was asked for.
    #[serde(skip)]
    pub(crate) called: Vec<Called>,
}

/// Places in the code: an action on an event, and which of its calls.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// At which a process made a call.
    pub seen: BTreeSet<(Arc<str>, u32, Port)>,
    /// At which a process died.
    pub crashed: BTreeSet<(Arc<str>, u32, Port)>,
}

impl Outcome {
    /// Whether all is well.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// The rules of the design table, derived once.
fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| chorus_events::table::TABLE.rules())
}

/// Runs to the end, and checks.
pub(crate) fn run(request: &Request) -> Outcome {
    let clock = VirtualClock::at(beginning());
    let trace = if request.told { Trace::told() } else { Trace::default() };
    let seed = request.scenario.seed;
    let world = World::new(clock, seed, request.plan.clone(), trace);
    {
        let mut state = world.state();
        state.jitter = request.story.is_none();
        state.called = request.listed.then(Vec::new);
    }
    let staged = Stage::new(Arc::clone(&world), request.scenario.clone(), request.backing, rules());
    let mut stage = match staged {
        Ok(stage) => stage,
        Err(error) => {
            let violations = vec![format!("stage: it cannot be set up: {error}")];
            return Outcome { seed, violations, ..Outcome::default() };
        }
    };
    stage.set_up();
    stage.play();
    stage.calm();
    let calm_since = world.seconds();
    settle(&mut stage);
    let took = world.seconds() - calm_since;
    if took > ENDS_WITHIN {
        world.violated(format!("end: it took {took} s after faults had stopped"));
    }
    let mut violations = world.state().violations.clone();
    violations.extend(invariants::check(&stage));
    if violations.is_empty() && (request.story.is_some() || Draw::of(seed, "at rest").percent(50)) {
        violations.extend(check_replay(&mut stage));
    }
    if violations.is_empty()
        && let Some(again) = request.scenario.again
    {
        violations.extend(check_repetition(&mut stage, again));
    }
    outcome(&stage, violations)
}

/// Much later, when records have expired, callers who repeat themselves change nothing: what a
/// service keeps of an order outlives its records.
fn check_repetition(stage: &mut Stage, again: Duration) -> Vec<String> {
    let before: Effects = invariants::effects(stage);
    stage.wait(again);
    stage.expire();
    stage.repeat();
    settle(stage);
    let after = invariants::effects(stage);
    let mut violations = invariants::check(stage);
    if before != after {
        violations.push(format!("repetition: {before:?} before, {after:?} after"));
    }
    violations.iter().map(|violation| format!("{violation}, after records expired")).collect()
}

/// Faults have stopped: what is left is finished by what recurs, and by an operator.
fn settle(stage: &mut Stage) {
    for round in 0..ROUNDS {
        // The sweeper is due every minute, and looks for what is older than half of one; clocks
        // may be off by five minutes.
        stage.wait(Duration::from_secs(400));
        let redriven = stage.redrive();
        // In half of the runs nobody helps at first: the state machines give up by themselves.
        let helped = !stage.scenario.seed.is_multiple_of(2) || round > 1;
        if round == 1 && !helped && !invariants::open(stage).is_empty() {
            stage.wait(LONGEST_WAIT);
        }
        for order_id in invariants::pending_reviews(stage) {
            if helped && (round > 0 || excused(stage, &order_id, |it| it.review.0 == Review::Never))
            {
                let name = format!("operator's review of {order_id}, {round}");
                stage.appear(Client::reviews(&order_id, "decline", name), Duration::ZERO);
            }
        }
        for order_id in invariants::open(stage) {
            let silent = excused(stage, &order_id, |it| it.manner.conduct == Conduct::Silent);
            if helped && round > 0 && silent {
                stage.appear(Client::cancels(&order_id, "an operator"), Duration::ZERO);
            }
        }
        stage.run();
        let unpublished = stage
            .shelf
            .all(chorus_kernel::IDEMPOTENCY_TABLE.name)
            .iter()
            .any(|item| chorus_kernel::text(item, "unpublished").is_some());
        if redriven == 0 && !unpublished && invariants::open(stage).is_empty() {
            break;
        }
    }
    if !stage.scenario.rebuilds.is_empty() {
        stage.rebuild();
        stage.run();
    }
}

/// Whether an order's own story says that it does not end by itself.
fn excused(
    stage: &Stage,
    order_id: &chorus_events::OrderId,
    holds: impl Fn(&crate::scenario::PlannedOrder) -> bool,
) -> bool {
    stage.scenario.orders.iter().any(|order| order.order_id == *order_id && holds(order))
}

/// The whole archive, replayed at rest, changes nothing.
fn check_replay(stage: &mut Stage) -> Vec<String> {
    let before: Effects = invariants::effects(stage);
    stage.replay("at-rest");
    stage.run();
    let after = invariants::effects(stage);
    let mut violations = invariants::check(stage);
    if before != after {
        violations.push(format!("replay: {before:?} before, {after:?} after"));
    }
    violations.iter().map(|violation| format!("after a replay, {violation}")).collect()
}

fn outcome(stage: &Stage, violations: Vec<String>) -> Outcome {
    let orders = invariants::orders(stage);
    let count = |status: Status| {
        let placed = orders.values().filter_map(|told| told.placed.as_ref());
        placed.filter(|order| order.status == status).count() as u64
    };
    let ends = Ends {
        delivered: count(Status::Delivered),
        canceled: count(Status::Canceled),
        unplaced: stage.scenario.orders.len().saturating_sub(orders.len()) as u64,
    };
    let story = if violations.is_empty() { Vec::new() } else { story(stage) };
    let sightings = stage.seen.sightings();
    let mut state = stage.world.state();
    let scenario = &stage.scenario;
    Outcome {
        seed: scenario.seed,
        violations,
        injected: std::mem::take(&mut state.injected),
        ends,
        calls: state.calls,
        deliveries: sightings.deliveries,
        events: sightings.events.len() as u64,
        dead_letters: sightings.dead,
        chores: [
            scenario.replays.len() as u64,
            scenario.rebuilds.len() as u64,
            scenario.redrives.len() as u64,
            scenario.poison.len() as u64,
        ],
        virtual_seconds: stage.world.seconds(),
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

/// The events about the orders, in the order in which the bus took them first.
fn story(stage: &Stage) -> Vec<String> {
    let sightings = stage.seen.sightings();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for order in &stage.scenario.orders {
        names.insert(order.order_id.as_str(), &order.name);
    }
    let mut told: Vec<_> = sightings
        .events
        .values()
        .filter_map(|event| Some((event, *names.get(event.about.as_str())?)))
        .collect();
    told.sort_by_key(|(event, _)| event.first);
    told.iter()
        .map(|(event, order)| {
            let times =
                if event.times > 1 { format!(" (×{})", event.times) } else { String::new() };
            format!("{:.3} {order}: {}{times}", event.first, event.detail_type)
        })
        .collect()
}

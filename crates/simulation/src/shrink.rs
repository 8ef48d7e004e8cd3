//! From a run that violates something to the shortest story that still does.
//!
//! What is drawn for one call depends on nothing but the seed and the call's own name, so faults
//! can be taken away one by one while the rest strikes where it did.

use std::time::Duration;

use crate::campaign::Failure;
use crate::run::{Outcome, Request, run};
use crate::scenario::{Review, Scenario};
use crate::world::{Injection, Plan};

/// So many runs are spent on it.
const MOST_RUNS: u32 = 400;

/// The failure of `request`, as short as it was found.
pub(crate) fn shrink(request: &Request, outcome: &Outcome) -> Failure {
    let mut hunt = Hunt { kind: kind(outcome), runs: 0, best: request.clone(), told: None };
    let mut faults = outcome.injected.clone();
    if hunt.try_with(&request.scenario, &faults) {
        hunt.simplify(&faults);
        faults = hunt.fewer(faults);
        hunt.simplify(&faults);
    }
    let told = hunt.told.unwrap_or_else(|| outcome.clone());
    Failure {
        seed: outcome.seed,
        fixed: request.story,
        violations: told.violations,
        struck_at_first: outcome.injected.len(),
        faults: told.injected,
        disorder: disorder(&hunt.best.scenario),
        story: told.story,
        shrunk_in: hunt.runs,
    }
}

/// What kind of thing was violated: the word before the colon.
fn kind(outcome: &Outcome) -> String {
    let first = outcome.violations.first().map_or("", String::as_str);
    first.split(':').next().unwrap_or_default().to_owned()
}

struct Hunt {
    kind: String,
    runs: u32,
    best: Request,
    told: Option<Outcome>,
}

impl Hunt {
    /// Whether this scenario, struck by these faults, violates the same; it is kept then.
    fn try_with(&mut self, scenario: &Scenario, faults: &[Injection]) -> bool {
        if self.runs >= MOST_RUNS {
            return false;
        }
        self.runs += 1;
        let plan = Plan::listed(faults);
        let request = Request { scenario: scenario.clone(), plan, ..self.best.clone() };
        let outcome = run(&request);
        let same = outcome.violations.iter().any(|it| it.split(':').next() == Some(&self.kind));
        if same {
            (self.best, self.told) = (request, Some(outcome));
        }
        same
    }

    /// Takes away what is not needed but for the faults: orders, duplicates, delays, callers.
    fn simplify(&mut self, faults: &[Injection]) {
        let mut place = 0;
        while place < self.best.scenario.orders.len() {
            let mut fewer = self.best.scenario.clone();
            fewer.orders.remove(place);
            if !self.try_with(&fewer, faults) {
                place += 1;
            }
        }
        let changes: [fn(&mut Scenario); 11] = [
            |it| it.delay = Duration::ZERO,
            |it| it.copies = 1,
            |it| it.poison.clear(),
            |it| it.redrives.clear(),
            |it| it.replays.clear(),
            |it| it.rebuilds.clear(),
            |it| it.prices.clear(),
            |it| it.again = None,
            |it| it.bank_is_mute = false,
            |it| it.orders.iter_mut().for_each(|order| order.twin = None),
            |it| it.orders.iter_mut().for_each(|order| order.cancel = None),
        ];
        for change in changes {
            let mut simpler = self.best.scenario.clone();
            change(&mut simpler);
            self.try_with(&simpler, faults);
        }
        for trouble in self.best.scenario.troubles.clone() {
            let mut simpler = self.best.scenario.clone();
            simpler.troubles.remove(&trouble);
            self.try_with(&simpler, faults);
        }
    }

    /// Delta debugging (Zeller and Hildebrandt, 2002): ever smaller parts are taken away.
    fn fewer(&mut self, mut faults: Vec<Injection>) -> Vec<Injection> {
        if self.try_with(&self.best.scenario.clone(), &[]) {
            return Vec::new();
        }
        let mut size = faults.len().div_ceil(2).max(1);
        loop {
            let mut begin = 0;
            let mut shorter = false;
            while begin < faults.len() {
                let end = (begin + size).min(faults.len());
                let without: Vec<_> = [&faults[..begin], &faults[end..]].concat();
                if self.try_with(&self.best.scenario.clone(), &without) {
                    faults = without;
                    shorter = true;
                } else {
                    begin = end;
                }
            }
            if size == 1 && !shorter {
                return faults;
            }
            size = size.div_ceil(2).max(1);
        }
    }
}

/// What goes on in a scenario besides orders that just arrive.
fn disorder(scenario: &Scenario) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |holds: bool, what: String| {
        if holds {
            told.push(what);
        }
    };
    let Scenario { copies, delay, .. } = scenario;
    tell(*copies > 1, format!("each delivery is made up to {copies} times"));
    tell(!delay.is_zero(), format!("deliveries are late by up to {delay:?}"));
    let chores = [
        ("the archive is replayed", &scenario.replays),
        ("the list of orders is rebuilt", &scenario.rebuilds),
        ("dead letters are sent back", &scenario.redrives),
        ("a message comes that nobody can read", &scenario.poison),
    ];
    for (what, moments) in chores {
        tell(!moments.is_empty(), format!("{what} after {moments:?}"));
    }
    let prices: Vec<Duration> = scenario.prices.iter().map(|it| it.0).collect();
    tell(!prices.is_empty(), format!("prices change after {prices:?}"));
    tell(scenario.bank_is_mute, "no answer to a charge arrives".to_owned());
    if let Some(again) = scenario.again {
        tell(true, format!("{again:?} after the end, callers repeat themselves"));
    }
    for order in &scenario.orders {
        let mut what = format!("{} of {:?} by {}", order.name, order.lines, order.customer);
        what.push_str(&format!(", placed after {:?}", order.at));
        if let Some(cancel) = order.cancel {
            what.push_str(&format!(", canceled {cancel:?} later"));
        }
        if let Some((after, changed)) = order.twin {
            let how = if changed { "changed" } else { "the same" };
            what.push_str(&format!(", sent again ({how}) {after:?} later"));
        }
        if order.lines.iter().any(|(sku, _)| *sku == "piano") {
            let (review, after): (Review, Duration) = order.review;
            what.push_str(&format!(", review: {review:?} after {after:?}"));
        }
        what.push_str(&format!(", carrier: {:?}", order.manner));
        tell(true, what);
    }
    let troubles: Vec<&str> = scenario.troubles.iter().map(|trouble| trouble.name()).collect();
    tell(!troubles.is_empty(), format!("exposed to {}", troubles.join(", ")));
    told
}

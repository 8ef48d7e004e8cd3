//! Shrinks a failure: finds a smaller run with the same violation.
//!
//! The random numbers for a call depend only on the seed and on the call's own name. So a fault can
//! be removed, and the other faults stay at their calls.

use std::time::Duration;

use crate::application::{Application, Script};
use crate::campaign::Failure;
use crate::environment::{Injection, Plan};
use crate::scenario::Scenario;
use crate::simulator::{Error, Outcome, Request, Simulator};
use crate::trouble::Trouble;

/// The most runs that are spent on shrinking a failure.
const MOST_RUNS: u32 = 400;

/// The failure of `request`, shrunk as far as possible.
pub(crate) fn shrink<A: Application>(
    simulator: &Simulator<A>,
    request: &Request<A>,
    outcome: &Outcome<A::Ends>,
) -> Result<Failure<A::Story>, Error> {
    let kind = kind(outcome.violations.first()).to_owned();
    let mut hunt = Hunt { simulator, kind, runs: 0, best: request.clone(), lines: None };
    let mut faults = outcome.injected.clone();
    if hunt.try_with(&request.scenario, &faults)? {
        hunt.simplify(&faults)?;
        faults = hunt.fewer(faults)?;
        hunt.simplify(&faults)?;
    }
    let lines = hunt.lines.unwrap_or_else(|| outcome.clone());
    Ok(Failure {
        seed: outcome.seed,
        fixed: request.story,
        violations: lines.violations,
        struck_at_first: outcome.injected.len(),
        faults: lines.injected,
        disorder: disorder(&hunt.best.scenario),
        story: lines.story,
        shrunk_in: hunt.runs,
    })
}

/// The kind of a violation: the text before the colon.
fn kind(violation: Option<&String>) -> &str {
    violation.and_then(|it| it.split(':').next()).unwrap_or_default()
}

struct Hunt<'a, A: Application> {
    simulator: &'a Simulator<A>,
    kind: String,
    runs: u32,
    best: Request<A>,
    lines: Option<Outcome<A::Ends>>,
}

impl<A: Application> Hunt<'_, A> {
    /// Runs `scenario` with these faults. If the run has the same kind of violation, keeps the
    /// scenario and the faults, and returns true.
    fn try_with(
        &mut self,
        scenario: &Scenario<A::Script>,
        faults: &[Injection],
    ) -> Result<bool, Error> {
        if self.runs >= MOST_RUNS {
            return Ok(false);
        }
        self.runs += 1;
        let plan = Plan::listed(faults);
        let request = Request { scenario: scenario.clone(), plan, ..self.best.clone() };
        let outcome = self.simulator.run(&request)?;
        let same = outcome.violations.iter().any(|it| kind(Some(it)) == self.kind);
        if same {
            (self.best, self.lines) = (request, Some(outcome));
        }
        Ok(same)
    }

    /// Removes what the violation does not need: cases of the script, duplicates, delays and other
    /// trouble. The `faults` stay.
    fn simplify(&mut self, faults: &[Injection]) -> Result<(), Error> {
        let mut place = 0;
        while place < self.best.scenario.script.len() {
            let mut fewer = self.best.scenario.clone();
            fewer.script.remove(place);
            if !self.try_with(&fewer, faults)? {
                place += 1;
            }
        }
        let changes: [fn(&mut Scenario<A::Script>); 8] = [
            |it| it.delay = Duration::ZERO,
            |it| it.copies = 1,
            |it| it.poison.clear(),
            |it| it.redrives.clear(),
            |it| it.replays.clear(),
            |it| it.rebuilds.clear(),
            |it| it.again = None,
            |it| it.mute = false,
        ];
        for change in changes {
            let mut simpler = self.best.scenario.clone();
            change(&mut simpler);
            self.try_with(&simpler, faults)?;
        }
        for change in A::Script::SIMPLER {
            let mut simpler = self.best.scenario.clone();
            change(&mut simpler.script);
            self.try_with(&simpler, faults)?;
        }
        for trouble in self.best.scenario.troubles.clone() {
            let mut simpler = self.best.scenario.clone();
            simpler.troubles.remove(&trouble);
            self.try_with(&simpler, faults)?;
        }
        Ok(())
    }

    /// Removes faults that the violation does not need. This is delta debugging (Zeller and
    /// Hildebrandt, 2002): it tries to remove smaller and smaller parts of the list.
    fn fewer(&mut self, mut faults: Vec<Injection>) -> Result<Vec<Injection>, Error> {
        if self.try_with(&self.best.scenario.clone(), &[])? {
            return Ok(Vec::new());
        }
        let mut size = faults.len().div_ceil(2).max(1);
        loop {
            let mut begin = 0;
            let mut shorter = false;
            while begin < faults.len() {
                let end = (begin + size).min(faults.len());
                let without: Vec<_> = [&faults[..begin], &faults[end..]].concat();
                if self.try_with(&self.best.scenario.clone(), &without)? {
                    faults = without;
                    shorter = true;
                } else {
                    begin = end;
                }
            }
            if size == 1 && !shorter {
                return Ok(faults);
            }
            size = size.div_ceil(2).max(1);
        }
    }
}

/// Describes the trouble in a scenario, except faults at calls: one kind of trouble in each line.
fn disorder<S: Script>(scenario: &Scenario<S>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |holds: bool, what: String| {
        if holds {
            lines.push(what);
        }
    };
    let Scenario { copies, delay, .. } = scenario;
    tell(*copies > 1, format!("each delivery is made up to {copies} times"));
    tell(!delay.is_zero(), format!("deliveries are late by up to {delay:?}"));
    let chores = [
        ("the archive is replayed", &scenario.replays),
        ("the projections are rebuilt", &scenario.rebuilds),
        ("dead letters are sent back", &scenario.redrives),
        ("a message comes that cannot be parsed", &scenario.poison),
    ];
    for (what, moments) in chores {
        tell(!moments.is_empty(), format!("{what} after {moments:?}"));
    }
    tell(scenario.mute, "the answers of one partner never arrive".to_owned());
    if let Some(again) = scenario.again {
        tell(true, format!("{again:?} after all cases have ended, callers repeat their requests"));
    }
    lines.extend(scenario.script.describe());
    let troubles: Vec<&str> = scenario.troubles.iter().copied().map(Trouble::name).collect();
    if !troubles.is_empty() {
        lines.push(format!("exposed to {}", troubles.join(", ")));
    }
    lines
}

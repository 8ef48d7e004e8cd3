//! The scenario of a run: the application's script, and what the bus, operators and partners do.
//! The faults at calls are not part of it.

use std::collections::BTreeSet;
use std::time::Duration;

use chorus_kernel::RECORD_LIFETIME;

use crate::application::Application;
use crate::draw::{Draw, Draws, HOUR};
use crate::outage::{self, Outage};
use crate::region::Loss;
use crate::trouble::{Faults, Trouble};

/// Everything that happens in a run besides the faults at calls.
#[derive(Debug, Clone)]
pub struct Scenario<S> {
    /// The seed that the scenario was drawn from; 0 for a fixed script.
    pub seed: u64,
    pub script: S,
    /// The kinds of trouble that the run is exposed to.
    pub troubles: BTreeSet<Trouble>,
    /// Whether all responses of one partner are lost while faults are injected, although the
    /// partner does what is requested. The application chooses the partner.
    pub mute: bool,
    /// The times at which unreadable messages arrive.
    pub poison: Vec<Duration>,
    /// How many of a thousand calls get a fault.
    pub(crate) per_mille: u64,
    pub(crate) copies: u32,
    pub(crate) delay: Duration,
    pub(crate) outages: Vec<Outage>,
    pub(crate) redrives: Vec<Duration>,
    pub(crate) replays: Vec<Duration>,
    pub(crate) rebuilds: Vec<Duration>,
    /// How the first of two regions goes away; `None` if there is only one region.
    pub(crate) loss: Option<Loss>,
    /// The time from the end of the run until clients repeat their requests. By then, the
    /// idempotency records have expired. `None` if no client repeats a request.
    pub(crate) again: Option<Duration>,
}

impl<S> Scenario<S> {
    /// Whether there are two regions, of which the first one goes away.
    #[must_use]
    pub const fn has_two_regions(&self) -> bool {
        self.loss.is_some()
    }

    /// Draws a scenario of `size` cases from `seed`. More than half of the seeds leave out some of
    /// `faults`, so that every combination occurs.
    pub(crate) fn drawn<A: Application<Script = S>>(seed: u64, faults: &Faults, size: u32) -> Self {
        let mut moments = Draw::of(seed, "scenario");
        let some = moments.percent(60);
        let exposed = |trouble: &Trouble| {
            !some
                || Trouble::BY_NAME.contains(trouble)
                || Draw::of(seed, trouble.name()).percent(60)
        };
        let two_regions = A::TWO_REGIONS && faults.0.contains(&Trouble::REGIONS);
        let simulated = |it: &Trouble| {
            *it != Trouble::REGIONS && !(two_regions && it.is_in_one_region_only::<A>())
        };
        let troubles: BTreeSet<Trouble> =
            faults.0.iter().copied().filter(simulated).filter(exposed).collect();
        let mut draws = Draws { seed, troubles, quantities: Draw::of(seed, "extent"), moments };
        let poison = draws.moments(Trouble::POISON, 2);
        // Each redrive is followed by a second one, as if an operator sent the same dead letters
        // back twice.
        let soon = Duration::from_millis(1);
        let redrives = draws.moments(Trouble::REDRIVES, 2);
        let redrives = redrives.iter().flat_map(|at| [*at, *at + soon]).collect();
        let replays = draws.moments(Trouble::REPLAYS, 2);
        let rebuilds = draws.moments(Trouble::REBUILDS, 2);
        let per_mille = draws.quantities.one_of(&[4, 15, 40, 80]);
        let mute = draws.has(Trouble::LOST_ANSWERS) && draws.quantities.percent(10);
        let copies =
            if draws.has(Trouble::DUPLICATES) { draws.quantities.one_of(&[1, 2, 2, 5]) } else { 1 };
        let delays = [0, 2_000, 60_000, HOUR, 24 * HOUR];
        let delay = if draws.has(Trouble::DELAYS) { draws.quantities.one_of(&delays) } else { 0 };
        let outages = outage::drawn(&draws, A::PORTS);
        let script = A::draw(size, &mut draws);
        let loss = two_regions.then(|| Loss::drawn(&draws, size));
        let again = draws.has(Trouble::EXPIRY).then(|| {
            let further = Duration::from_millis(1_000 + draws.quantities.below(72 * HOUR));
            Duration::from_secs(RECORD_LIFETIME.unsigned_abs()) + further
        });
        Self {
            seed,
            script,
            troubles: draws.troubles,
            mute,
            poison,
            per_mille,
            copies,
            delay: Duration::from_millis(delay),
            outages,
            redrives,
            replays,
            rebuilds,
            loss,
            again,
        }
    }

    /// The scenario of a fixed script, without any trouble: faults come only from the run's plan.
    pub(crate) const fn fixed(script: S) -> Self {
        Self {
            seed: 0,
            script,
            troubles: BTreeSet::new(),
            mute: false,
            poison: Vec::new(),
            per_mille: 0,
            copies: 1,
            delay: Duration::ZERO,
            outages: Vec::new(),
            redrives: Vec::new(),
            replays: Vec::new(),
            rebuilds: Vec::new(),
            loss: None,
            again: None,
        }
    }
}

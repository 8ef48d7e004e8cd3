//! The kinds of trouble that a run can be exposed to.

use std::collections::BTreeSet;

use crate::application::Application;
use crate::fault::Fault;

/// A kind of trouble that a run can be exposed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trouble(&'static str);

impl Trouble {
    /// A process dies before or after a call.
    pub const CRASHES: Self = Self("crashes");
    /// Calls are throttled or get a 5xx, and transactions are refused.
    pub const REFUSALS: Self = Self("refusals");
    /// A call gets no answer, but has its effect, at once or later.
    pub const LOST_ANSWERS: Self = Self("lost-answers");
    /// The platform treats functions as timed out and retries them, while they continue to run.
    pub const TIMEOUTS: Self = Self("timeouts");
    /// PutEvents accepts some entries and rejects others.
    pub const PARTIAL_PUBLISHES: Self = Self("partial-publishes");
    /// A query of an index finds an earlier state.
    pub const STALE_READS: Self = Self("stale-reads");
    /// A delivery happens up to five times; some of the copies run at the same time.
    pub const DUPLICATES: Self = Self("duplicates");
    /// Deliveries are late, by up to a day, and overtake each other.
    pub const DELAYS: Self = Self("delays");
    /// Clocks are off by up to five minutes, each invocation's clock by a different amount. Some
    /// clocks jump back during an invocation.
    pub const SKEW: Self = Self("skew");
    /// Unreadable messages are published.
    pub const POISON: Self = Self("poison");
    /// Dead letters are redriven in the middle of a run, each time twice in a row.
    pub const REDRIVES: Self = Self("redrives");
    /// The whole archive is replayed in the middle of a run.
    pub const REPLAYS: Self = Self("replays");
    /// Projections are discarded and rebuilt in the middle of a run.
    pub const REBUILDS: Self = Self("rebuilds");
    /// Each service is rolled out, rolled back and rolled out again. Half of all events have a
    /// field that their consumers do not know.
    pub const VERSIONS: Self = Self("versions");
    /// There are two regions. The first one goes away at a call that the seed determines, and the
    /// second one takes over. This is not part of `all`, because some kinds of trouble are not
    /// simulated with two regions.
    pub const REGIONS: Self = Self("regions");
    /// One tenant has many cases, such as orders, at the same moment, and few deliveries run at a
    /// time. This is not part of `all`, because such runs take much longer.
    pub const NOISY_TENANT: Self = Self("noisy-tenant");
    /// As few deliveries run at a time as in runs with a noisy tenant, but no tenant is noisy. A
    /// test compares both kinds of run. This is not part of `all`, because a run then takes longer.
    pub const SCARCE_CONCURRENCY: Self = Self("scarce-concurrency");
    /// Partners are unavailable for up to six hours, the store and the bus for up to ten minutes.
    pub const OUTAGES: Self = Self("outages");
    /// Idempotency records expire, and TTL deletes them up to two days late. Clients repeat their
    /// requests after the records have expired.
    pub const EXPIRY: Self = Self("expiry");

    /// The trouble that any application can have.
    pub const GENERAL: [Self; 16] = [
        Self::CRASHES,
        Self::REFUSALS,
        Self::LOST_ANSWERS,
        Self::TIMEOUTS,
        Self::PARTIAL_PUBLISHES,
        Self::STALE_READS,
        Self::DUPLICATES,
        Self::DELAYS,
        Self::SKEW,
        Self::POISON,
        Self::REDRIVES,
        Self::REPLAYS,
        Self::REBUILDS,
        Self::VERSIONS,
        Self::EXPIRY,
        Self::OUTAGES,
    ];

    /// A kind of trouble that the application defines. The application's script decides when the
    /// trouble happens.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The general trouble that is simulated only in runs with one region. Skewed clocks are in
    /// this list, because an instance caches the active region for ten seconds: if each invocation
    /// had a different skew, the instance would not know when the ten seconds are over.
    pub(crate) const IN_ONE_REGION: [Self; 8] = [
        Self::SKEW,
        Self::POISON,
        Self::REDRIVES,
        Self::REPLAYS,
        Self::REBUILDS,
        Self::VERSIONS,
        Self::EXPIRY,
        Self::NOISY_TENANT,
    ];

    /// The kinds of trouble that no seed draws: if a campaign names one, every run has it.
    pub(crate) const BY_NAME: [Self; 3] =
        [Self::REGIONS, Self::NOISY_TENANT, Self::SCARCE_CONCURRENCY];

    /// Whether runs of the application with two regions leave out this kind of trouble.
    #[must_use]
    pub fn is_in_one_region_only<A: Application>(self) -> bool {
        Self::IN_ONE_REGION.contains(&self) || A::IN_ONE_REGION.contains(&self)
    }

    /// The kind of trouble that a fault belongs to.
    #[must_use]
    pub const fn of(fault: Fault) -> Self {
        match fault {
            Fault::Throttled | Fault::Unavailable | Fault::Conflict => Self::REFUSALS,
            Fault::Lost | Fault::Late => Self::LOST_ANSWERS,
            Fault::CrashBefore | Fault::CrashAfter => Self::CRASHES,
            Fault::Partial => Self::PARTIAL_PUBLISHES,
            Fault::Stale => Self::STALE_READS,
            Fault::TimedOut => Self::TIMEOUTS,
        }
    }
}

/// The kinds of trouble that may occur in the runs of a campaign. Each run has some of them; its
/// seed decides which, and how much of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub BTreeSet<Trouble>);

impl Faults {
    /// All trouble that any application can have, and the application's `own`.
    #[must_use]
    pub fn all(own: &[Trouble]) -> Self {
        Self(Trouble::GENERAL.iter().chain(own).copied().collect())
    }

    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Reads words that are separated by commas, such as `all,-skew`. A word is `all`, `none`, or
    /// the name of a kind of trouble: a general kind, a kind that is not part of `all`, or one of
    /// the application's `own` kinds. A `-` before a word removes what earlier words added.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn read(text: &str, own: &[Trouble]) -> Result<Self, UnknownTrouble> {
        let known: Vec<Trouble> = Trouble::GENERAL.iter().chain(own).copied().collect();
        let unknown = |name: &str| UnknownTrouble {
            name: name.to_owned(),
            known: known.iter().map(|it| it.name()).collect::<Vec<_>>().join(", "),
        };
        let mut faults = Self::none();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (word, taken_out) = word.strip_prefix('-').map_or((word, false), |it| (it, true));
            let meant: Vec<Trouble> = match word {
                "all" => known.clone(),
                "none" => Vec::new(),
                name => {
                    let mut all = known.iter().chain(&Trouble::BY_NAME);
                    let found = all.find(|trouble| trouble.name() == name);
                    vec![*found.ok_or_else(|| unknown(name))?]
                }
            };
            for trouble in meant {
                if taken_out {
                    faults.0.remove(&trouble);
                } else {
                    faults.0.insert(trouble);
                }
            }
        }
        Ok(faults)
    }

    /// Reads the same text as [`Faults::read`], and returns only the kinds that it names one by
    /// one, not those that `all` stands for.
    ///
    /// # Errors
    /// If a name is unknown.
    pub fn named(text: &str, own: &[Trouble]) -> Result<Self, UnknownTrouble> {
        let words: Vec<&str> = text.split(',').filter(|word| word.trim() != "all").collect();
        Self::read(&words.join(","), own)
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|trouble| trouble.name()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

/// No kind of trouble, general or of the application, has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of fault called {name}: choose from all, none, {known}")]
pub struct UnknownTrouble {
    name: String,
    known: String,
}

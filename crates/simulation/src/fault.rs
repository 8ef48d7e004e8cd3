//! What can go wrong at a call to the outside of a function, and which of it a run is exposed to.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a function reaches out: every such call is a point at which it may be struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// A strongly consistent read.
    Read,
    /// A read of an index, which trails its table.
    IndexRead,
    /// A conditional write or a transaction.
    Write,
    /// PutEvents.
    Publish,
    /// The payment provider.
    Payment,
    /// The mailer.
    Mail,
    /// The carrier, called by the bus itself.
    Carrier,
}

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Refused as too much at once; nothing was done.
    Throttled,
    /// No answer (a 5xx); nothing was done.
    Unavailable,
    /// Refused because another transaction holds an item; nothing was done.
    Conflict,
    /// Done, but the answer is lost.
    Lost,
    /// The process dies; nothing was done.
    CrashBefore,
    /// Done, then the process dies.
    CrashAfter,
    /// Some entries of the request are not taken.
    Partial,
    /// The index answers as it did before.
    Stale,
    /// No answer, and done much later all the same.
    Late,
    /// The platform gives the function up as timed out and tries again; the function goes on.
    TimedOut,
}

impl Port {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Read,
        Self::IndexRead,
        Self::Write,
        Self::Publish,
        Self::Payment,
        Self::Mail,
        Self::Carrier,
    ];

    /// What can go wrong here.
    #[must_use]
    pub const fn faults(self) -> &'static [Fault] {
        use Fault::{
            Conflict, CrashAfter, CrashBefore, Late, Lost, Partial, Stale, Throttled, TimedOut,
            Unavailable,
        };
        match self {
            Self::Read => &[Throttled, CrashBefore, TimedOut],
            Self::IndexRead => &[Throttled, Stale, CrashBefore, TimedOut],
            Self::Write => {
                &[Throttled, Unavailable, Conflict, Lost, CrashBefore, CrashAfter, TimedOut]
            }
            Self::Publish => &[Unavailable, Partial, Lost, CrashBefore, CrashAfter, TimedOut],
            Self::Payment => &[Unavailable, Lost, Late, CrashBefore, CrashAfter, TimedOut],
            Self::Mail | Self::Carrier => &[Unavailable, Lost, CrashBefore, CrashAfter, TimedOut],
        }
    }
}

/// A kind of trouble that a run can be exposed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Processes die before and after calls.
    Crashes,
    /// Throttles, 5xx and refused transactions.
    Refusals,
    /// Done, but the answer is lost; or done late.
    LostAnswers,
    /// Functions are given up as timed out, and go on beside their own retry.
    Timeouts,
    /// PutEvents takes some entries and not others.
    PartialPublishes,
    /// Indexes answer as they did before.
    StaleReads,
    /// Each delivery is made up to five times; some of its copies run at once.
    Duplicates,
    /// Deliveries are late, by up to a day, and overtake each other.
    Delays,
    /// Clocks are off by up to five minutes, each invocation's by another amount, and some jump
    /// back under way.
    Skew,
    /// Customers cancel, at any moment; callers repeat themselves, or go away.
    Customers,
    /// Reviewers approve, decline, change their mind, or never come.
    Reviews,
    /// The carrier gives up, calls back twice, late or never, or is down.
    Carrier,
    /// Messages that nobody can read.
    Poison,
    /// Dead letters are sent back, once and twice, while orders run.
    Redrives,
    /// The whole archive is replayed while orders run.
    Replays,
    /// Projections are thrown away and rebuilt while orders run.
    Rebuilds,
    /// Prices change while orders run.
    Prices,
    /// Newer senders say events with fields that consumers do not know yet.
    Versions,
    /// Records expire, TTL deletes them up to two days late, and callers repeat themselves then.
    Expiry,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Crashes,
        Self::Refusals,
        Self::LostAnswers,
        Self::Timeouts,
        Self::PartialPublishes,
        Self::StaleReads,
        Self::Duplicates,
        Self::Delays,
        Self::Skew,
        Self::Customers,
        Self::Reviews,
        Self::Carrier,
        Self::Poison,
        Self::Redrives,
        Self::Replays,
        Self::Rebuilds,
        Self::Prices,
        Self::Versions,
        Self::Expiry,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crashes => "crashes",
            Self::Refusals => "refusals",
            Self::LostAnswers => "lost-answers",
            Self::Timeouts => "timeouts",
            Self::PartialPublishes => "partial-publishes",
            Self::StaleReads => "stale-reads",
            Self::Duplicates => "duplicates",
            Self::Delays => "delays",
            Self::Skew => "skew",
            Self::Customers => "customers",
            Self::Reviews => "reviews",
            Self::Carrier => "carrier",
            Self::Poison => "poison",
            Self::Redrives => "redrives",
            Self::Replays => "replays",
            Self::Rebuilds => "rebuilds",
            Self::Prices => "prices",
            Self::Versions => "versions",
            Self::Expiry => "expiry",
        }
    }

    /// The trouble that a fault belongs to.
    #[must_use]
    pub const fn of(fault: Fault) -> Self {
        match fault {
            Fault::Throttled | Fault::Unavailable | Fault::Conflict => Self::Refusals,
            Fault::Lost | Fault::Late => Self::LostAnswers,
            Fault::CrashBefore | Fault::CrashAfter => Self::Crashes,
            Fault::Partial => Self::PartialPublishes,
            Fault::Stale => Self::StaleReads,
            Fault::TimedOut => Self::Timeouts,
        }
    }
}

/// Which trouble runs may be exposed to. Each seed draws its own part of it, and how much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults(pub BTreeSet<Trouble>);

impl Faults {
    /// All there is.
    #[must_use]
    pub fn all() -> Self {
        Self(Trouble::ALL.into_iter().collect())
    }

    /// Nothing goes wrong.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|trouble| trouble.name()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(","))
    }
}

/// No trouble has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no trouble called {0}: choose from all, none, {names}", names = names())]
pub struct UnknownTrouble(pub String);

fn names() -> String {
    Trouble::ALL.map(Trouble::name).join(", ")
}

impl FromStr for Faults {
    type Err = UnknownTrouble;

    /// Reads `all`, `none`, or names separated by commas; a name after `-` is taken out.
    fn from_str(text: &str) -> Result<Self, UnknownTrouble> {
        let mut faults = Self::none();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (word, taken_out) = word.strip_prefix('-').map_or((word, false), |it| (it, true));
            let meant: Vec<Trouble> = match word {
                "all" => Trouble::ALL.to_vec(),
                "none" => Vec::new(),
                name => {
                    let found = Trouble::ALL.into_iter().find(|trouble| trouble.name() == name);
                    vec![found.ok_or_else(|| UnknownTrouble(name.to_owned()))?]
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
}

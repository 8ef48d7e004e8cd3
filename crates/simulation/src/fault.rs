//! What can go wrong at a call to the outside of a function.

use serde::{Serialize, Serializer};

/// Where a function reaches out: a fault may be injected at every such call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Tells it apart in a trace's fingerprint.
    number: u8,
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Read,
    IndexRead,
    Write,
    Publish,
    External,
    SlowExternal,
}

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
    pub const READ: Self = Self { number: 0, name: "Read", kind: Kind::Read };
    /// A read of an index, which trails its table.
    pub const INDEX_READ: Self = Self { number: 1, name: "IndexRead", kind: Kind::IndexRead };
    /// A conditional write or a transaction.
    pub const WRITE: Self = Self { number: 2, name: "Write", kind: Kind::Write };
    pub const PUBLISH: Self = Self { number: 3, name: "Publish", kind: Kind::Publish };

    pub(crate) const GENERAL: [Self; 4] =
        [Self::READ, Self::INDEX_READ, Self::WRITE, Self::PUBLISH];

    /// The port of a partner outside. `number` distinguishes the application's ports, from 0;
    /// `name` is in CamelCase.
    #[must_use]
    pub const fn external(number: u8, name: &'static str) -> Self {
        Self { number: 4 + number, name, kind: Kind::External }
    }

    /// The port of a partner outside that takes up to two seconds, and sometimes does what it was
    /// asked for an hour later.
    #[must_use]
    pub const fn slow_external(number: u8, name: &'static str) -> Self {
        Self { number: 4 + number, name, kind: Kind::SlowExternal }
    }

    pub(crate) const fn number(self) -> u64 {
        self.number as u64
    }

    /// The fault of a call during an outage.
    pub(crate) const fn absence(self) -> Fault {
        match self.kind {
            Kind::Read | Kind::IndexRead => Fault::Throttled,
            _ => Fault::Unavailable,
        }
    }

    pub(crate) const fn is_slow(self) -> bool {
        matches!(self.kind, Kind::SlowExternal)
    }

    /// What can go wrong here.
    #[must_use]
    pub const fn faults(self) -> &'static [Fault] {
        use Fault::{
            Conflict, CrashAfter, CrashBefore, Late, Lost, Partial, Stale, Throttled, TimedOut,
            Unavailable,
        };
        match self.kind {
            Kind::Read => &[Throttled, CrashBefore, TimedOut],
            Kind::IndexRead => &[Throttled, Stale, CrashBefore, TimedOut],
            Kind::Write => {
                &[Throttled, Unavailable, Conflict, Lost, CrashBefore, CrashAfter, TimedOut]
            }
            Kind::Publish => &[Unavailable, Partial, Lost, CrashBefore, CrashAfter, TimedOut],
            Kind::SlowExternal => &[Unavailable, Lost, Late, CrashBefore, CrashAfter, TimedOut],
            Kind::External => &[Unavailable, Lost, CrashBefore, CrashAfter, TimedOut],
        }
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Port {
    /// In kebab-case, as everything in a report.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut name = String::new();
        for letter in self.name.chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        serializer.serialize_str(&name)
    }
}

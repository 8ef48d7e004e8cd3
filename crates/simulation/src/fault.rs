//! The ports of functions, and the faults that can be injected into their calls.

use serde::{Serialize, Serializer};

/// A port through which functions call something outside, such as the store or a partner. A fault
/// may be injected into each of these calls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Identifies the port in a run's fingerprint: a hash of everything that happened in the run.
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

/// The fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The call is throttled, and has no effect.
    Throttled,
    /// The callee seems to be unavailable; the call has no effect.
    Unavailable,
    /// The call is refused, and has no effect, because another transaction holds an item.
    Conflict,
    /// The call has its effect, but the answer is lost.
    Lost,
    /// The process dies before the call has its effect.
    CrashBefore,
    /// The process dies after the call had its effect.
    CrashAfter,
    /// Some entries of the request are rejected.
    Partial,
    /// The index returns an earlier state.
    Stale,
    /// The call gets no answer, and has its effect much later.
    Late,
    /// The platform treats the invocation as timed out, and retries it; the function continues to
    /// run.
    TimedOut,
}

impl Port {
    pub const READ: Self = Self { number: 0, name: "Read", kind: Kind::Read };
    /// A read of an index, which is eventually consistent.
    pub const INDEX_READ: Self = Self { number: 1, name: "IndexRead", kind: Kind::IndexRead };
    /// A conditional write or a transaction.
    pub const WRITE: Self = Self { number: 2, name: "Write", kind: Kind::Write };
    pub const PUBLISH: Self = Self { number: 3, name: "Publish", kind: Kind::Publish };

    pub(crate) const GENERAL: [Self; 4] =
        [Self::READ, Self::INDEX_READ, Self::WRITE, Self::PUBLISH];

    /// The port of an external partner. `number` is the port's position among the application's
    /// ports, from 0; `name` is in CamelCase.
    #[must_use]
    pub const fn external(number: u8, name: &'static str) -> Self {
        Self { number: 4 + number, name, kind: Kind::External }
    }

    /// The port of an external partner that takes up to two seconds to answer. Some calls have
    /// their effect only an hour later.
    #[must_use]
    pub const fn slow_external(number: u8, name: &'static str) -> Self {
        Self { number: 4 + number, name, kind: Kind::SlowExternal }
    }

    pub(crate) const fn number(self) -> u64 {
        self.number as u64
    }

    /// The fault that every call gets during an outage.
    pub(crate) const fn absence(self) -> Fault {
        match self.kind {
            Kind::Read | Kind::IndexRead => Fault::Throttled,
            _ => Fault::Unavailable,
        }
    }

    pub(crate) const fn is_slow(self) -> bool {
        matches!(self.kind, Kind::SlowExternal)
    }

    /// The faults that can be injected into calls of this port.
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
    /// Writes the name in kebab-case, like all names in a report.
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

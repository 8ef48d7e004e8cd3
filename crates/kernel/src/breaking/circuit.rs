//! The circuit breaker of one partner: the stored state, called the circuit, and its transitions.

use chorus_table::Breaker;
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::AttributeValue;

use crate::{Condition, Failure, IDEMPOTENCY_TABLE, Item, Key, Write, number, text};

/// The sort key of a circuit.
const CIRCUIT: &str = "circuit";

/// The circuit of one partner as it is stored: one item in the table of idempotency records,
/// because every function may read and write that table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Circuit {
    /// How many times the circuit was written; 0 if it is not stored.
    pub(crate) version: i64,
    /// How many calls in a row were not answered.
    pub(crate) failures: u32,
    /// When the last of the unanswered calls failed.
    pub(crate) failed_at: Timestamp,
    /// Since when the circuit is open, so that calls have to wait; `None` if it is closed.
    pub(crate) open_since: Option<Timestamp>,
    /// If the circuit is open, the earliest time of the next probe: a call that tests whether the
    /// partner answers again.
    pub(crate) probe_at: Timestamp,
    /// How many probes were made after `probe_at`. The last probe that is allowed after one pause
    /// sets this number to 0, and sets `probe_at` to the end of the next pause.
    pub(crate) probes: u32,
    /// Why the call that opened the circuit was not answered; empty while the circuit is closed.
    pub(crate) reason: String,
}

/// Whether a call to the partner may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permit {
    Call,
    /// The call may be made as a probe. Before the call, the caller has to store this new circuit.
    Probe(Circuit),
    Wait,
}

impl Circuit {
    pub(crate) fn key(breaker: &Breaker) -> Key {
        let pk = format!("partner#{}", breaker.partner.name);
        Key { table: IDEMPOTENCY_TABLE.name, pk, sk: CIRCUIT.to_owned() }
    }

    pub(crate) fn permit(&self, breaker: &Breaker, now: Timestamp) -> Permit {
        if self.open_since.is_none() {
            return Permit::Call;
        }
        if now < self.probe_at {
            return Permit::Wait;
        }
        let probes = self.probes + 1;
        let last = probes >= breaker.probes;
        Permit::Probe(Self {
            probe_at: if last { after(now, breaker.pause_seconds) } else { self.probe_at },
            probes: if last { 0 } else { probes },
            ..self.clone()
        })
    }

    /// The circuit after one more unanswered call. The call failed at `now`; `why` is the reason.
    pub(crate) fn after_failure(&self, breaker: &Breaker, now: Timestamp, why: &str) -> Self {
        let forgotten = now > after(self.failed_at, breaker.within_seconds);
        let failures = if forgotten { 1 } else { self.failures.saturating_add(1) };
        let failed = Self { failures, failed_at: now, ..self.clone() };
        if failures < breaker.failures || self.open_since.is_some() {
            return failed;
        }
        Self {
            open_since: Some(now),
            probe_at: after(now, breaker.pause_seconds),
            probes: 0,
            reason: why.to_owned(),
            ..failed
        }
    }

    /// The circuit after a call that was answered; `None` if the answer changes nothing.
    pub(crate) fn after_answer(&self) -> Option<Self> {
        let changes = self.failures > 0 || self.open_since.is_some();
        changes.then(|| Self { version: self.version, ..Self::default() })
    }

    /// Returns the write that stores the circuit with the next version. The store refuses the write
    /// if the stored version has changed since the circuit was read.
    pub(crate) fn put(&self, breaker: &Breaker) -> Write {
        let key = Self::key(breaker);
        let mut item = key.to_item();
        let mut set = |name: &str, value: i64| {
            item.insert(name.to_owned(), AttributeValue::N(value.to_string()));
        };
        set("version", self.version + 1);
        set("failures", i64::from(self.failures));
        set("failed-at", self.failed_at.as_millisecond());
        set("probe-at", self.probe_at.as_millisecond());
        set("probes", i64::from(self.probes));
        if let Some(since) = self.open_since {
            set("open-since", since.as_millisecond());
        }
        item.insert("reason".to_owned(), AttributeValue::S(self.reason.clone()));
        let condition = match self.version {
            0 => Condition::Absent,
            value => Condition::Equals { attribute: "version", value },
        };
        Write::Put { key, item, condition: Some(condition) }
    }

    /// The circuit that the write of [`Self::put`] stores: this circuit with the next version.
    pub(crate) fn stored(self) -> Self {
        Self { version: self.version + 1, ..self }
    }

    pub(crate) fn read(item: &Item) -> Result<Self, Failure> {
        let missing = |name: &str| Failure::corrupt("circuit", &format!("it has no valid {name}"));
        let whole = |name: &str| number(item, name).ok_or_else(|| missing(name));
        let small =
            |name: &str| whole(name).and_then(|it| it.try_into().map_err(|_| missing(name)));
        let moment = |name: &str| {
            whole(name).and_then(|it| Timestamp::from_millisecond(it).map_err(|_| missing(name)))
        };
        let open = item.contains_key("open-since");
        Ok(Self {
            version: whole("version")?,
            failures: small("failures")?,
            failed_at: moment("failed-at")?,
            open_since: open.then(|| moment("open-since")).transpose()?,
            probe_at: moment("probe-at")?,
            probes: small("probes")?,
            reason: text(item, "reason").unwrap_or_default().to_owned(),
        })
    }
}

/// Whether `item`, which comes from the table of idempotency records, is the circuit of this
/// breaker's partner and is open.
#[must_use]
pub fn is_open(breaker: &Breaker, item: &Item) -> bool {
    Circuit::key(breaker).is_of(item) && item.contains_key("open-since")
}

/// Whether an item of the table of idempotency records is the state of a circuit breaker, not a
/// record.
pub(crate) fn is_circuit(item: &Item) -> bool {
    text(item, "sk") == Some(CIRCUIT)
}

fn after(moment: Timestamp, seconds: u32) -> Timestamp {
    moment.checked_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::breakers::tests::BANK;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn failed(times: i64, apart: i64) -> Circuit {
        let fail = |circuit: Circuit, time| circuit.after_failure(&BANK, at(time * apart), "down");
        (0..times).fold(Circuit::default(), fail)
    }

    #[test]
    fn so_many_failures_in_a_row_open_it_and_one_less_does_not() {
        assert_eq!(failed(2, 1).permit(&BANK, at(2)), Permit::Call);
        let open = failed(3, 1);
        assert_eq!((open.open_since, &*open.reason), (Some(at(2)), "down"));
        assert_eq!(open.permit(&BANK, at(3)), Permit::Wait);
    }

    #[test]
    fn failures_that_are_far_apart_or_have_an_answer_between_them_do_not_add_up() {
        assert_eq!(failed(9, 61).failures, 1);
        let answered = failed(2, 1).after_answer().unwrap();
        assert_eq!(answered.after_failure(&BANK, at(2), "down").failures, 1);
        assert_eq!(Circuit::default().after_answer(), None);
    }

    #[test]
    fn after_each_pause_as_many_calls_go_through_as_there_are_probes() {
        let mut circuit = failed(3, 1);
        let mut called = Vec::new();
        for second in 3..=122 {
            while let Permit::Probe(probed) = circuit.permit(&BANK, at(second)) {
                called.push(second);
                circuit = probed.after_failure(&BANK, at(second), "still down");
            }
        }
        assert_eq!(called, [32, 32, 62, 62, 92, 92, 122, 122]);
        assert_eq!(circuit.open_since, Some(at(2)), "the circuit was never closed");
    }

    #[test]
    fn one_answer_closes_it() {
        let closed = failed(3, 1).after_answer().unwrap();
        assert_eq!(closed.permit(&BANK, at(3)), Permit::Call);
    }

    #[test]
    fn what_is_stored_is_read_as_it_was() {
        for circuit in [Circuit::default(), failed(1, 1), failed(3, 1), failed(5, 1)] {
            let Write::Put { item, .. } = circuit.put(&BANK) else { panic!("a circuit is put") };
            assert_eq!(Circuit::read(&item).unwrap(), circuit.stored());
            assert!(is_circuit(&item));
        }
    }
}

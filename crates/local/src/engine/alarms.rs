//! Alarms: when each execution of a state machine continues, or reaches a timeout. The engine does
//! not store alarms, because each execution in the store says when it continues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

/// When an execution of a state machine continues if nothing wakes it earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    pub at: Timestamp,
    /// Whether the execution waits for a callback, which may arrive before `at`. Such an alarm does
    /// not count as pending.
    pub passive: bool,
}

/// All alarms, and the executions at work: the executions that the runner has taken and is
/// advancing.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    set: BTreeMap<Arc<str>, Alarm>,
    active: BTreeSet<(Timestamp, Arc<str>)>,
    passive: BTreeSet<(Timestamp, Arc<str>)>,
    /// The executions that are being advanced, and whether each was woken since the runner took it.
    at_work: BTreeMap<Arc<str>, bool>,
}

impl Alarms {
    /// Makes the execution due now. If it is being advanced at this moment, it becomes due again
    /// afterwards.
    pub(crate) fn wake(&mut self, execution: &Arc<str>, now: Timestamp) {
        match self.at_work.get_mut(execution) {
            Some(again) => *again = true,
            None => self.set(execution, Some(Alarm { at: now, passive: false })),
        }
    }

    /// Removes the alarm of an execution that has ended. If the execution is being advanced at this
    /// moment, it is advanced once more, which changes nothing.
    pub(crate) fn end(&mut self, execution: &str) {
        match self.at_work.get_mut(execution) {
            Some(again) => *again = true,
            None => self.set(&Arc::from(execution), None),
        }
    }

    /// Takes the execution that is due first, if any is due, and marks it as being advanced.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Arc<str>> {
        let first = [self.active.first(), self.passive.first()].into_iter().flatten().min();
        let (_, execution) = first.filter(|(at, _)| *at <= now).cloned()?;
        self.set(&execution, None);
        self.at_work.insert(Arc::clone(&execution), false);
        Some(execution)
    }

    /// Marks an execution as no longer being advanced, and sets its alarm to `next`. If the
    /// execution was woken while it was being advanced, the alarm is set to `now` instead.
    pub(crate) fn end_turn(&mut self, execution: &Arc<str>, next: Option<Alarm>, now: Timestamp) {
        let again = self.at_work.remove(execution).unwrap_or(false);
        let next = if again { Some(Alarm { at: now, passive: false }) } else { next };
        self.set(execution, next);
    }

    fn set(&mut self, execution: &Arc<str>, alarm: Option<Alarm>) {
        if let Some(Alarm { at, passive }) = self.set.remove(execution) {
            self.of(passive).remove(&(at, Arc::clone(execution)));
        }
        if let Some(alarm) = alarm {
            self.of(alarm.passive).insert((alarm.at, Arc::clone(execution)));
            self.set.insert(Arc::clone(execution), alarm);
        }
    }

    const fn of(&mut self, passive: bool) -> &mut BTreeSet<(Timestamp, Arc<str>)> {
        if passive { &mut self.passive } else { &mut self.active }
    }

    /// When the next alarm is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let passive = self.passive.first().map(|(at, _)| *at);
        self.next_active().into_iter().chain(passive).min()
    }

    /// When the next alarm that is not passive is due.
    pub(crate) fn next_active(&self) -> Option<Timestamp> {
        self.active.first().map(|(at, _)| *at)
    }

    /// The number of alarms that are set and not passive.
    pub(crate) fn pending(&self) -> usize {
        self.active.len()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.at_work.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_execution_that_is_woken_at_work_goes_on_once_more() {
        let (mut alarms, name) = (Alarms::default(), Arc::from("it"));
        alarms.wake(&name, at(1));
        assert_eq!(alarms.take(at(1)).as_ref(), Some(&name));
        alarms.wake(&name, at(2));
        assert_eq!((alarms.take(at(2)), alarms.in_flight()), (None, 1));
        alarms.end_turn(&name, Some(Alarm { at: at(90), passive: true }), at(3));
        assert_eq!(alarms.next(), Some(at(3)));
    }

    #[test]
    fn an_execution_that_has_ended_rings_no_more_unless_it_is_at_work() {
        let (mut alarms, name) = (Alarms::default(), Arc::from("it"));
        alarms.end_turn(&name, Some(Alarm { at: at(90), passive: true }), at(3));
        alarms.end("it");
        assert_eq!((alarms.next(), alarms.pending()), (None, 0));
        alarms.wake(&name, at(4));
        assert_eq!(alarms.take(at(4)).as_ref(), Some(&name));
        alarms.end("it");
        alarms.end_turn(&name, Some(Alarm { at: at(90), passive: true }), at(5));
        assert_eq!(alarms.next(), Some(at(5)), "it looks once more");
    }

    #[test]
    fn what_waits_for_somebody_else_is_no_work_but_rings_in_its_time() {
        let (mut alarms, name) = (Alarms::default(), Arc::from("it"));
        alarms.end_turn(&name, Some(Alarm { at: at(90), passive: true }), at(3));
        assert_eq!(
            (alarms.pending(), alarms.next_active(), alarms.next()),
            (0, None, Some(at(90)))
        );
        assert!(alarms.take(at(89)).is_none());
        assert_eq!(alarms.take(at(90)), Some(name));
    }
}

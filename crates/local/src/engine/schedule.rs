//! Recurring schedules: named jobs, every so many seconds.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// A schedule: `rate(every)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The job that it fires.
    pub job: &'static str,
    pub every: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Recurring {
    pub(crate) schedule: Schedule,
    pub(crate) next_at: Timestamp,
    pub(crate) running: bool,
}

impl Recurring {
    /// Fires `every` after it last ran, or after now where it never did.
    pub(crate) fn new(schedule: Schedule, last: Option<Timestamp>, now: Timestamp) -> Self {
        let next_at = later(last.unwrap_or(now), schedule.every);
        Self { schedule, next_at, running: false }
    }

    /// When it fires next; never while its job is running.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (!self.running).then_some(self.next_at)
    }

    /// Fires. What was missed while the process was away is not made up for.
    pub(crate) fn fire(&mut self, now: Timestamp) {
        self.running = true;
        self.next_at = later(now, self.schedule.every);
    }
}

//! Recurring schedules: jobs that are started at a fixed interval.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// A schedule with the rate `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The name of the job that the schedule starts.
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
    /// The first run is `every` after the last one, or after now if there was none.
    pub(crate) fn new(schedule: Schedule, last: Option<Timestamp>, now: Timestamp) -> Self {
        let next_at = later(last.unwrap_or(now), schedule.every);
        Self { schedule, next_at, running: false }
    }

    /// When the job is started next; none while it is running.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (!self.running).then_some(self.next_at)
    }

    /// Starts the job. Runs that were missed while the process was down are not made up for.
    pub(crate) fn fire(&mut self, now: Timestamp) {
        self.running = true;
        self.next_at = later(now, self.schedule.every);
    }
}

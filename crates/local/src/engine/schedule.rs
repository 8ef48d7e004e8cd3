//! Recurring schedules: jobs that are started at a fixed interval.

use std::time::Duration;

use jiff::Timestamp;

use super::retry::later;

/// A job, and the interval at which it is started.
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
    /// The next run is `every` after `last`, or after `now` if the job never ran. A `last` in the
    /// future is ignored: the clock was set back since the job ran.
    pub(crate) fn new(schedule: Schedule, last: Option<Timestamp>, now: Timestamp) -> Self {
        let last = last.filter(|last| *last <= now);
        let next_at = later(last.unwrap_or(now), schedule.every);
        Self { schedule, next_at, running: false }
    }

    /// The time of the job's next start; `None` while the job is running.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (!self.running).then_some(self.next_at)
    }

    /// Ensures that the next run starts no later than one interval after `now`. Without this, a
    /// clock that is set back by an hour would delay the run by an hour.
    pub(crate) fn bound(&mut self, now: Timestamp) {
        self.next_at = self.next_at.min(later(now, self.schedule.every));
    }

    /// Starts the job, and sets its next run to one interval from now. However many runs were
    /// missed while the process was down, the job runs once.
    pub(crate) fn fire(&mut self, now: Timestamp) {
        self.running = true;
        self.next_at = later(now, self.schedule.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: Schedule = Schedule { job: "hourly", every: Duration::from_secs(3_600) };

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(hour)
    }

    #[test]
    fn a_clock_that_went_back_stops_no_job() {
        let ran_later = Recurring::new(HOURLY, Some(at(1_000)), at(10));
        assert_eq!(ran_later.due_at(), Some(at(11)));
        let mut running_since = Recurring::new(HOURLY, Some(at(1_000)), at(1_000));
        running_since.bound(at(10));
        assert_eq!(running_since.due_at(), Some(at(11)));
        running_since.bound(at(10));
        assert_eq!(running_since.due_at(), Some(at(11)), "it does not wait for ever");
    }
}

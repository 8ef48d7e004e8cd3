//! Records events: each follows from the last one of its lane.

use std::borrow::Cow;

use super::lane::LaneId;
use super::{Effect, Execution, Status, Work};
use crate::failure::Failure;
use crate::history::{self, Details, HistoryEvent};

impl Execution {
    /// Records an event of a lane; the next one of the lane follows from it.
    pub(super) fn emit(
        &mut self,
        lane: LaneId,
        kind: impl Into<Cow<'static, str>>,
        details: Details,
        work: &mut Work<'_>,
    ) -> u64 {
        let previous = self.lanes.get(&lane).map_or(0, |lane| lane.last_event);
        let id = self.note(previous, kind, details, work);
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.last_event = id;
        }
        id
    }

    /// Records an event that follows from the given one.
    pub(super) fn note(
        &mut self,
        previous_event_id: u64,
        kind: impl Into<Cow<'static, str>>,
        details: Details,
        work: &mut Work<'_>,
    ) -> u64 {
        // The last place is kept for the event that says that the history is full.
        if self.events + 1 >= work.machine.limits.events {
            work.full = true;
            return self.events;
        }
        self.force(previous_event_id, kind.into(), details, work)
    }

    fn force(
        &mut self,
        previous_event_id: u64,
        kind: Cow<'static, str>,
        details: Details,
        work: &mut Work<'_>,
    ) -> u64 {
        self.events += 1;
        work.turn.events.push(HistoryEvent {
            id: self.events,
            previous_event_id,
            timestamp: work.now,
            kind,
            details: details.map(|(key, details)| (Cow::Borrowed(key), details)),
        });
        self.events
    }

    /// Ends the execution with a failure that nothing handles.
    pub(super) fn fail_execution(&mut self, lane: LaneId, failure: Failure, work: &mut Work<'_>) {
        let Failure { error, cause, .. } = failure;
        let key = "executionFailedEventDetails";
        let details = history::failed(key, error.as_deref(), cause.as_deref());
        self.emit(lane, "ExecutionFailed", details, work);
        self.finish(Status::Failed { error, cause }, work);
    }

    pub(super) fn time_out(&mut self, work: &mut Work<'_>) {
        let details = history::failed("executionTimedOutEventDetails", None, None);
        self.note(self.events, "ExecutionTimedOut", details, work);
        self.finish(Status::TimedOut, work);
    }

    pub(super) fn history_is_full(&mut self, work: &mut Work<'_>) {
        let limit = work.machine.limits.events;
        let cause =
            format!("The execution reached the maximum number of history events ({limit}).");
        let Failure { error, cause, .. } = Failure::runtime(cause);
        let key = "executionFailedEventDetails";
        let details = history::failed(key, error.as_deref(), cause.as_deref());
        // What could not be recorded has not happened.
        let starts = |effect: &Effect| matches!(effect, Effect::StartTask(_));
        work.turn.effects.retain(|effect| !starts(effect));
        self.force(self.events, "ExecutionFailed".into(), details, work);
        self.finish(Status::Failed { error, cause }, work);
    }
}

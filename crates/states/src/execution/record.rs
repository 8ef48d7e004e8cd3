//! Records the events of the history. Each event names the previous event of its lane (the top
//! level, a branch or an iteration).

use std::borrow::Cow;

use super::lane::LaneId;
use super::{Effect, Status, Work};
use crate::failure::Failure;
use crate::history::{self, Details, HistoryEvent};

/// The lane (the top level, a branch or an iteration) of a new event, and the id of the event from
/// which the new event follows.
#[derive(Clone, Copy)]
pub(super) struct After {
    pub(super) lane: LaneId,
    pub(super) event: u64,
}

impl Work<'_, '_> {
    /// Records an event that follows from the lane's last event. From then on, the new event is the
    /// lane's last event. Returns the id of the new event.
    pub(super) fn emit(
        &mut self,
        lane: LaneId,
        kind: impl Into<Cow<'static, str>>,
        details: Details,
    ) -> u64 {
        let previous = self.execution.lanes.get(&lane).map_or(0, |lane| lane.last_event);
        let id = self.note_of(After { lane, event: previous }, kind, details);
        if let Some(lane) = self.execution.lanes.get_mut(&lane) {
            lane.last_event = id;
        }
        id
    }

    /// Records an event that follows from the event in `after`, and returns the new event's id.
    /// Inside a distributed Map, records nothing and returns the id in `after`, because each
    /// iteration is an execution with a separate history.
    pub(super) fn note_of(
        &mut self,
        after: After,
        kind: impl Into<Cow<'static, str>>,
        details: Details,
    ) -> u64 {
        if self.iteration_of(after.lane).is_some() {
            return after.event;
        }
        self.note(after.event, kind, details)
    }

    /// Records an event that follows from the event `previous_event_id`, and returns the new
    /// event's id. Records nothing if the history is full.
    pub(super) fn note(
        &mut self,
        previous_event_id: u64,
        kind: impl Into<Cow<'static, str>>,
        details: Details,
    ) -> u64 {
        // The last event is reserved for the report that the history is full.
        if self.execution.events + 1 >= self.machine.limits.events {
            self.full = true;
            return self.execution.events;
        }
        self.force(previous_event_id, kind.into(), details)
    }

    fn force(&mut self, previous_event_id: u64, kind: Cow<'static, str>, details: Details) -> u64 {
        self.execution.events += 1;
        self.turn.events.push(HistoryEvent {
            id: self.execution.events,
            previous_event_id,
            timestamp: self.now,
            kind,
            details: details.map(|(key, details)| (Cow::Borrowed(key), details)),
        });
        self.execution.events
    }

    /// Ends the execution with a failure that nothing handles.
    pub(super) fn fail_execution(&mut self, lane: LaneId, failure: Failure) {
        let Failure { error, cause, .. } = failure;
        let key = "executionFailedEventDetails";
        let details = history::failed(key, error.as_deref(), cause.as_deref());
        self.emit(lane, "ExecutionFailed", details);
        self.finish(Status::Failed { error, cause });
    }

    pub(super) fn time_out(&mut self) {
        let details = history::failed("executionTimedOutEventDetails", None, None);
        self.note(self.execution.events, "ExecutionTimedOut", details);
        self.finish(Status::TimedOut);
    }

    pub(super) fn history_is_full(&mut self) {
        let limit = self.machine.limits.events;
        let cause =
            format!("The execution reached the maximum number of history events ({limit}).");
        let Failure { error, cause, .. } = Failure::runtime(cause);
        let key = "executionFailedEventDetails";
        let details = history::failed(key, error.as_deref(), cause.as_deref());
        // The history may lack the events with which this turn's tasks start, so the tasks are not
        // started.
        let starts = |effect: &Effect| matches!(effect, Effect::StartTask(_));
        self.turn.effects.retain(|effect| !starts(effect));
        self.force(self.execution.events, "ExecutionFailed".into(), details);
        self.finish(Status::Failed { error, cause });
    }
}

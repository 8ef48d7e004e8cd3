//! Handles the failure of a state: retries the state, catches the failure, or passes the failure to
//! the Parallel or Map around the state.

use jiff::SignedDuration;

use super::context::Extra;
use super::lane::{LaneId, Phase};
use super::record::After;
use super::{Effect, Work};
use crate::failure::Failure;
use crate::history;
use crate::json::Json;
use crate::machine::{Catcher, Kind, Next, Retrier};
use crate::scope::{Entropy, Scope};
use crate::shaping;
use crate::trail::NextField;

impl Work<'_, '_> {
    pub(super) fn handle_failure(&mut self, id: LaneId, failure: Failure) {
        if failure.is_fatal() {
            return self.fail_whole(id, failure);
        }
        let Some(state) = self.state_of(id) else { return };
        if let Some(fan) = state.kind.fan() {
            if self.retry(id, &fan.retry, &failure) {
                return;
            }
            if !matches!(state.kind, Kind::Task(_)) {
                self.close_children(id);
                self.emit(id, format!("{}StateFailed", state.kind.name()), None);
            }
            let answers = |name: &String| failure.is_matched_by(name);
            let position =
                fan.catch.iter().position(|catcher| catcher.error_equals.iter().any(answers));
            if let Some(position) = position {
                let catcher = &fan.catch[position];
                self.show_error(
                    id,
                    &failure,
                    Json::object([("catchIndex", (position as u64).into())]),
                );
                return match self.catch(id, catcher, &failure) {
                    Ok(()) => {
                        self.go_to(
                            id,
                            &Next::State(catcher.next.clone()),
                            NextField::Catch(position),
                        );
                    }
                    Err(failure) => self.give_up(id, failure),
                };
            }
        }
        self.give_up(id, failure);
    }

    /// Schedules another attempt of the failed state. Returns false if no retrier matches the
    /// failure, or if the matching retrier allows no further attempt.
    fn retry(&mut self, id: LaneId, retriers: &[Retrier], failure: &Failure) -> bool {
        let answers =
            |retrier: &Retrier| retrier.error_equals.iter().any(|name| failure.is_matched_by(name));
        let Some(position) = retriers.iter().position(answers) else { return false };
        let retrier = &retriers[position];
        let used = self.execution.lanes[&id].retried.get(position).copied().unwrap_or(u64::MAX);
        if used >= retrier.max_attempts {
            let details = Json::object([("retryIndex", Json::from(position as u64))]);
            self.show_error(id, failure, details);
            return false;
        }
        let delay = delay(retrier, used, &mut self.execution.entropy);
        let details = [
            ("retryIndex", Json::from(position as u64)),
            ("retryBackoffIntervalSeconds", Json::from(delay.as_secs())),
        ];
        self.show_error(id, failure, Json::object(details));
        self.close_children(id);
        let until = self.now.checked_add(delay).unwrap_or(jiff::Timestamp::MAX);
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return false };
        lane.retried[position] += 1;
        if delay.is_zero() {
            self.make_ready(id, Phase::Retry);
        } else {
            lane.phase = Phase::Backoff(until);
        }
        true
    }

    fn catch(&mut self, id: LaneId, catcher: &Catcher, failure: &Failure) -> Result<(), Failure> {
        let error = failure.output();
        let jsonata = self.state_of(id).is_some_and(|state| state.jsonata);
        let (output, assigned) = self.evaluate(id, Extra::default(), |environment, lane| {
            if jsonata {
                let scope = Scope { error: Some(&error), ..environment.scope(&lane.input) };
                let assigned = shaping::assign(catcher.assign.as_ref(), &scope)?;
                let output = match &catcher.output {
                    Some(template) => template.fill(&scope)?,
                    None => error.clone(),
                };
                return Ok((output, assigned));
            }
            let assigned = shaping::assign(catcher.assign.as_ref(), &environment.scope(&error))?;
            Ok((shaping::combine(&catcher.result_path, &lane.input, error.clone())?, assigned))
        })?;
        self.exit(id, output, assigned)
    }

    /// Ends the execution. Inside a distributed Map, ends only the iteration, because each
    /// iteration is a separate execution.
    fn fail_whole(&mut self, id: LaneId, failure: Failure) {
        match self.iteration_of(id) {
            Some((map, child)) => self.iteration_failed(map, child, failure),
            None => self.fail_execution(id, failure),
        }
    }

    /// Passes a failure that the lane does not handle to the Parallel or Map around the lane. If
    /// the lane is the top level, ends the execution.
    fn give_up(&mut self, id: LaneId, failure: Failure) {
        let Some((parent, index)) = self.execution.lanes.get(&id).and_then(|lane| lane.parent)
        else {
            return self.fail_execution(id, failure);
        };
        if failure.is_fatal() {
            return self.fail_whole(id, failure);
        }
        if self.execution.lanes.get(&parent).is_some_and(|lane| lane.map_run.is_some()) {
            return self.iteration_failed(parent, id, failure);
        }
        let last = self.execution.lanes[&id].last_event;
        let siblings = self.fan_of(parent).map(|fan| fan.live.clone()).unwrap_or_default();
        let mut siblings: Vec<(usize, LaneId)> = siblings
            .into_iter()
            .filter_map(|id| Some((self.execution.lanes.get(&id)?.parent?.1, id)))
            .collect();
        siblings.sort_unstable();
        for (place, sibling) in siblings {
            self.close(sibling, last, place == index);
        }
        if let Some(lane) = self.execution.lanes.get_mut(&parent) {
            lane.last_event = last;
            lane.phase = Phase::Enter;
        }
        self.handle_failure(parent, Failure { from_branch: true, ..failure });
    }

    /// Closes the lanes of the branches or iterations of a state that has failed.
    fn close_children(&mut self, id: LaneId) {
        let last = self.execution.lanes.get(&id).map_or(0, |lane| lane.last_event);
        let children = self.fan_of(id).map(|fan| std::mem::take(&mut fan.live));
        for child in children.unwrap_or_default() {
            self.close(child, last, false);
        }
    }

    /// Removes a lane (a branch or an iteration) and all lanes inside it, and records that their
    /// states and iterations were aborted. With `failed`, records the lane's own iteration as
    /// failed, not as aborted.
    pub(super) fn close(&mut self, id: LaneId, last: u64, failed: bool) {
        let Some(lane) = self.execution.lanes.get(&id) else { return };
        let around = lane.parent.and_then(|(parent, index)| {
            let state = self.state_of(parent)?;
            let name = self.execution.lanes.get(&parent)?.state.clone();
            matches!(state.kind, Kind::Map(..)).then_some((name, index))
        });
        if let Some((name, index)) = around {
            let (event, key) = if failed {
                ("MapIterationFailed", "mapIterationFailedEventDetails")
            } else {
                ("MapIterationAborted", "mapIterationAbortedEventDetails")
            };
            self.note_of(
                After { lane: id, event: last },
                event,
                history::iteration(key, &name, index),
            );
        }
        let entered = !matches!(self.execution.lanes[&id].phase, Phase::Enter);
        let kind = self.state_of(id).map(|state| &state.kind);
        let breaks_off = match kind {
            Some(Kind::Task(_)) => entered || failed,
            Some(Kind::Wait(_) | Kind::Parallel(..) | Kind::Map(..)) => entered && !failed,
            _ => false,
        };
        if let Some(kind) = kind.filter(|_| breaks_off) {
            self.note_of(
                After { lane: id, event: last },
                format!("{}StateAborted", kind.name()),
                None,
            );
        }
        let children = self.fan_of(id).map(|fan| std::mem::take(&mut fan.live));
        for child in children.unwrap_or_default() {
            self.close(child, last, false);
        }
        if let Some(lane) = self.execution.lanes.remove(&id) {
            self.turn.effects.extend(lane.task().map(Effect::StopTask));
            self.execution.ready.retain(|ready| *ready != id);
        }
    }
}

/// Returns how long to wait before the next attempt, after `used` retries.
fn delay(retrier: &Retrier, used: u64, entropy: &mut Entropy) -> SignedDuration {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let grown = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    // The default is 366 days: no execution lasts longer than a year.
    let most = retrier.max_delay_seconds.unwrap_or(31_622_400) as f64;
    let seconds = grown.min(most);
    let seconds = if retrier.full_jitter { seconds * entropy.draw_fraction() } else { seconds };
    SignedDuration::from_millis((seconds * 1000.0) as i64)
}

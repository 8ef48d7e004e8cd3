//! A state has failed: it is retried, or caught, or its failure goes up.

use jiff::SignedDuration;

use super::context::Extra;
use super::lane::{LaneId, Phase};
use super::{Effect, Execution, Work};
use crate::failure::Failure;
use crate::history;
use crate::machine::{Catcher, Kind, Next, Retrier};
use crate::scope::Entropy;
use crate::shaping;

impl Execution {
    /// Handles the failure of a lane's state.
    pub(super) fn trouble(
        &mut self,
        id: LaneId,
        failure: Failure,
        from_branch: bool,
        work: &mut Work<'_>,
    ) {
        if failure.is_fatal() {
            return self.fail_execution(id, failure, work);
        }
        let Some(state) = self.state_of(id, work.machine) else { return };
        if let Some(fan) = state.kind.fan() {
            if self.retry(id, &fan.retry, &failure, from_branch, work) {
                return;
            }
            if !matches!(state.kind, Kind::Task(_)) {
                self.close_children(id, work);
                self.emit(id, format!("{}StateFailed", state.kind.name()), None, work);
            }
            let catcher = fan.catch.iter().find(|catcher| {
                let answers = |name: &String| failure.answers_to(name, from_branch);
                catcher.error_equals.iter().any(answers)
            });
            if let Some(catcher) = catcher {
                return match self.catch(id, catcher, &failure, work) {
                    Ok(()) => self.go_to(id, &Next::State(catcher.next.clone()), work),
                    Err(failure) => self.give_up(id, failure, work),
                };
            }
        }
        self.give_up(id, failure, work);
    }

    /// Puts the lane to sleep before another attempt, unless its retrier is used up.
    fn retry(
        &mut self,
        id: LaneId,
        retriers: &[Retrier],
        failure: &Failure,
        from_branch: bool,
        work: &mut Work<'_>,
    ) -> bool {
        let answers = |retrier: &Retrier| {
            retrier.error_equals.iter().any(|name| failure.answers_to(name, from_branch))
        };
        let Some(position) = retriers.iter().position(answers) else { return false };
        let retrier = &retriers[position];
        let used = self.lanes[&id].retried.get(position).copied().unwrap_or(u64::MAX);
        if used >= retrier.max_attempts {
            return false;
        }
        let delay = delay(retrier, used, &mut self.entropy);
        self.close_children(id, work);
        let until = work.now.checked_add(delay).unwrap_or(jiff::Timestamp::MAX);
        let Some(lane) = self.lanes.get_mut(&id) else { return false };
        lane.retried[position] += 1;
        if delay.is_zero() {
            self.make_ready(id, Phase::Retry);
        } else {
            lane.phase = Phase::Backoff(until);
        }
        true
    }

    fn catch(
        &mut self,
        id: LaneId,
        catcher: &Catcher,
        failure: &Failure,
        work: &mut Work<'_>,
    ) -> Result<(), Failure> {
        let error = failure.output();
        let (output, assigned) = self.evaluate(id, Extra::default(), |world, lane| {
            let assigned = shaping::assign(catcher.assign.as_ref(), &world.scope(&error))?;
            Ok((shaping::combine(&catcher.result_path, &lane.input, error.clone())?, assigned))
        })?;
        self.exit(id, output, assigned, work)
    }

    /// Nothing in the lane handles the failure: it goes to the state around it.
    fn give_up(&mut self, id: LaneId, failure: Failure, work: &mut Work<'_>) {
        let Some((parent, index)) = self.lanes.get(&id).and_then(|lane| lane.parent) else {
            return self.fail_execution(id, failure, work);
        };
        if failure.is_fatal() {
            return self.fail_execution(id, failure, work);
        }
        let last = self.lanes[&id].last_event;
        let siblings = self.fan_of(parent).map(|fan| fan.live.clone()).unwrap_or_default();
        let mut siblings: Vec<(usize, LaneId)> = siblings
            .into_iter()
            .filter_map(|id| Some((self.lanes.get(&id)?.parent?.1, id)))
            .collect();
        siblings.sort_unstable();
        for (place, sibling) in siblings {
            self.close(sibling, last, place == index, work);
        }
        if let Some(lane) = self.lanes.get_mut(&parent) {
            lane.last_event = last;
            lane.phase = Phase::Enter;
        }
        self.trouble(parent, failure, true, work);
    }

    /// Closes the lanes that are open below one, when the state around them fails by itself.
    fn close_children(&mut self, id: LaneId, work: &mut Work<'_>) {
        let last = self.lanes.get(&id).map_or(0, |lane| lane.last_event);
        let children = self.fan_of(id).map(|fan| std::mem::take(&mut fan.live));
        for child in children.unwrap_or_default() {
            self.close(child, last, false, work);
        }
    }

    /// Removes a lane and all below it, and records what that breaks off.
    fn close(&mut self, id: LaneId, last: u64, failed: bool, work: &mut Work<'_>) {
        let Some(lane) = self.lanes.get(&id) else { return };
        let around = lane.parent.and_then(|(parent, index)| {
            let state = self.state_of(parent, work.machine)?;
            let name = self.lanes.get(&parent)?.state.clone();
            matches!(state.kind, Kind::Map(..)).then_some((name, index))
        });
        if let Some((name, index)) = around {
            let (event, key) = if failed {
                ("MapIterationFailed", "mapIterationFailedEventDetails")
            } else {
                ("MapIterationAborted", "mapIterationAbortedEventDetails")
            };
            self.note(last, event, history::iteration(key, &name, index), work);
        }
        let entered = !matches!(self.lanes[&id].phase, Phase::Enter);
        let kind = self.state_of(id, work.machine).map(|state| &state.kind);
        let breaks_off = match kind {
            Some(Kind::Task(_)) => entered || failed,
            Some(Kind::Wait(_) | Kind::Parallel(..) | Kind::Map(..)) => entered && !failed,
            _ => false,
        };
        if let Some(kind) = kind.filter(|_| breaks_off) {
            self.note(last, format!("{}StateAborted", kind.name()), None, work);
        }
        let children = self.fan_of(id).map(|fan| std::mem::take(&mut fan.live));
        for child in children.unwrap_or_default() {
            self.close(child, last, false, work);
        }
        if let Some(lane) = self.lanes.remove(&id) {
            work.turn.effects.extend(lane.task().map(Effect::StopTask));
            self.ready.retain(|ready| *ready != id);
        }
    }
}

/// How long to wait before the attempt after that many retries.
fn delay(retrier: &Retrier, used: u64, entropy: &mut Entropy) -> SignedDuration {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let grown = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    // A year is longer than any execution may last.
    let most = retrier.max_delay_seconds.unwrap_or(31_622_400) as f64;
    let seconds = grown.min(most);
    let seconds = if retrier.full_jitter { seconds * entropy.draw_fraction() } else { seconds };
    SignedDuration::from_millis((seconds * 1000.0) as i64)
}

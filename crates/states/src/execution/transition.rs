//! Makes one transition of a lane (the top level, a branch or an iteration): enters a state and
//! does its work, or continues a state with the result that the state has waited for.

use jiff::Timestamp;

use super::Work;
use super::context::Extra;
use super::lane::{LaneId, Phase, after};
use crate::choice;
use crate::failure::Failure;
use crate::history;
use crate::json::Json;
use crate::machine::{ChoiceRule, Kind, Next, Pass, Seconds, State, Text, Wait};
use crate::path::Path;
use crate::scope::Scope;
use crate::shaping;
use crate::template::{Expression, unexpected};
use crate::timestamp;
use crate::trail::{NextField, Transition};

/// The longest wait in seconds: Step Functions counts seconds in 32 bits.
const LONGEST_WAIT: i64 = i32::MAX as i64;

impl<'m> Work<'_, 'm> {
    pub(super) fn transition(&mut self, id: LaneId) {
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        match std::mem::replace(&mut lane.phase, Phase::Enter) {
            Phase::Enter => self.enter(id),
            Phase::Retry => self.attempt(id),
            Phase::Start(task, input) => self.start_task(id, *task, *input),
            Phase::Done(result) => self.complete(id, result),
            Phase::Failed(failure) => self.handle_failure(id, failure),
            Phase::Waited => self.pass_on(id),
            Phase::Stored(content) => self.stored(id, &content),
            blocked => lane.phase = blocked,
        }
    }

    /// Marks as ready every lane (the top level, a branch or an iteration) whose wait, backoff or
    /// timeout has ended.
    pub(super) fn wake(&mut self) {
        let due = |wakes: Option<Timestamp>| wakes.is_some_and(|wakes| wakes <= self.now);
        let ids: Vec<LaneId> = self
            .execution
            .lanes
            .iter()
            .filter(|(_, lane)| due(lane.wakes_at()))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            let phase = self.execution.lanes.get(&id).map(|lane| lane.phase.clone());
            match phase {
                Some(Phase::Waiting(_)) => self.make_ready(id, Phase::Waited),
                Some(Phase::Backoff(_)) => self.make_ready(id, Phase::Retry),
                Some(Phase::Task(task)) => self.task_timed_out(id, &task),
                _ => {}
            }
        }
    }

    pub(super) fn make_ready(&mut self, id: LaneId, phase: Phase) {
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.phase = phase;
            self.execution.ready.push_back(id);
        }
    }

    /// Returns the state that a lane is in. `None` if the lane has been closed, or if the machine
    /// is not the one with which the execution was started.
    pub(super) fn state_of(&self, id: LaneId) -> Option<&'m State> {
        let lane = self.execution.lanes.get(&id)?;
        self.machine.state(lane.flow, &lane.state)
    }

    fn enter(&mut self, id: LaneId) {
        let Some(state) = self.state_of(id) else {
            let name = self.execution.lanes[&id].state.clone();
            let cause = format!("The machine has no state '{name}'");
            return self.fail_execution(id, Failure::runtime(cause));
        };
        let lane = &self.execution.lanes[&id];
        let details = history::state_entered(&lane.state, lane.input.to_string());
        let event = format!("{}StateEntered", state.kind.name());
        let entered_from = state.jsonata.then_some(lane.last_event);
        let entered = self.emit(id, event, details);
        if let (Some(trail), Some(lane)) =
            (&mut self.execution.trail, self.execution.lanes.get(&id))
        {
            trail.entered.push(lane.state.clone());
        }
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.entered_event = entered;
            lane.entered_from = entered_from;
            lane.entered_at = self.now;
            // A Task, Parallel or Map counts its retries, for `RetryCount` in the context object,
            // even if it has no retrier.
            let retriers = state.kind.fan().map(|fan| fan.retry.len().max(1));
            let used = self.execution.probe.as_ref().map_or(0, |probe| probe.retries);
            (lane.map_run, lane.written) = (None, None);
            lane.retried = vec![used; retriers.unwrap_or(0)];
        }
        self.attempt(id);
    }

    /// Does the state's own work: when the lane enters the state, and again at each retry.
    fn attempt(&mut self, id: LaneId) {
        let Some(state) = self.state_of(id) else { return };
        let done = match &state.kind {
            Kind::Pass(pass) => self.pass(id, state, pass).map(|result| Some(Phase::Done(result))),
            Kind::Choice(rules, default) => self.choose(id, rules, default.as_deref()),
            Kind::Succeed => Ok(Some(Phase::Waited)),
            Kind::Wait(wait) => self.wait(id, wait),
            Kind::Fail { error, cause } => {
                Err(self.failure(id, error.as_ref(), cause.as_ref()).unwrap_or_else(|error| error))
            }
            Kind::Task(task) => self.schedule(id, task),
            Kind::Parallel(fan, branches) => match self.given_outcome(id) {
                Some(outcome) => outcome.map(|result| Some(Phase::Done(result))),
                None => self.fork(id, fan, branches),
            },
            Kind::Map(_, map) => match &map.distributed {
                Some(distributed) => self.distribute(id, map, distributed),
                None => self.iterate(id, map),
            },
        };
        match done {
            Ok(Some(Phase::Done(result))) => self.complete(id, result),
            Ok(Some(Phase::Waited)) => self.pass_on(id),
            Ok(Some(phase)) => {
                if let Some(lane) = self.execution.lanes.get_mut(&id) {
                    lane.phase = phase;
                }
            }
            Ok(None) => {}
            Err(failure) => self.handle_failure(id, failure),
        }
    }

    fn pass(&mut self, id: LaneId, state: &State, pass: &Pass) -> Result<Json, Failure> {
        if state.jsonata {
            return Ok(self.execution.lanes[&id].input.clone());
        }
        self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            if let Some(result) = &pass.result {
                environment.show("result", result);
                return Ok(result.clone());
            }
            environment.show("afterInputPath", &input);
            let result = match &pass.parameters {
                Some(parameters) => parameters.fill(&environment.scope(&input))?,
                None => input,
            };
            environment.show("afterParameters", &result);
            Ok(result)
        })
    }

    fn choose(
        &mut self,
        id: LaneId,
        rules: &[ChoiceRule],
        default: Option<&str>,
    ) -> Result<Option<Phase>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(None) };
        let ((next, field), output, assigned) =
            self.evaluate(id, Extra::default(), |environment, lane| {
                let input = shaping::select(&state.input_path, &lane.input, environment)?;
                if !state.jsonata {
                    environment.show("afterInputPath", &input);
                }
                let scope = environment.scope(&input);
                let position = choice::first_match(rules, &scope)?;
                let rule = position.map(|position| &rules[position]);
                let field = position.map_or(NextField::Default, NextField::Rule);
                let next = rule.map(|rule| rule.next.as_str()).or(default).ok_or_else(|| {
                    Failure::runtime(
                        "Failed to transition out of the state. The state does not point to a next \
                     state.",
                    )
                })?;
                let assign = rule.map_or(state.assign.as_ref(), |rule| rule.assign.as_ref());
                let assigned = shaping::assign(assign, &scope)?;
                let template = rule.map_or(state.output.as_ref(), |rule| rule.output.as_ref());
                let output = match template {
                    Some(template) => template.fill(&scope)?,
                    None => shaping::select(&state.output_path, &input, environment)?,
                };
                Ok(((next.to_owned(), field), output, assigned))
            })?;
        self.exit(id, output, assigned)?;
        self.go_to(id, &Next::State(next), field);
        Ok(None)
    }

    fn wait(&mut self, id: LaneId, wait: &Wait) -> Result<Option<Phase>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(None) };
        let now = self.now;
        let until = self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let scope = environment.scope(&input);
            Ok(match wait {
                Wait::Timestamp(until) => *until,
                Wait::Seconds(seconds) => after(now, pause(seconds, &scope)?),
                Wait::TimestampQuery(query) => {
                    let value = query.evaluate("Timestamp", &scope)?;
                    let Some(text) = value.as_str() else {
                        return Err(unexpected("Timestamp", query, "string", &value));
                    };
                    timestamp::parse(text).ok_or_else(|| {
                        let cause = format!(
                            "The Timestamp field cannot be parsed as an ISO-8601 extended offset \
                             date-time format string: {text}"
                        );
                        Failure::query("Timestamp", cause)
                    })?
                }
                Wait::TimestampPath(path) => {
                    let value = waited_for("TimestampPath", path, &scope)?;
                    let text = value.as_str().unwrap_or_default();
                    timestamp::parse(text).ok_or_else(|| {
                        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        Failure::runtime(format!(
                            "The TimestampPath parameter does not reference a valid ISO-8601 \
                             extended offset date-time format string: {path} == {shown}"
                        ))
                    })?
                }
            })
        })?;
        if until.duration_since(now).as_secs() > LONGEST_WAIT {
            return Err(
                self.with_state_in_cause(id, Failure::runtime("Wait state delay is too long."))
            );
        }
        Ok(Some(if until <= now { Phase::Waited } else { Phase::Waiting(until) }))
    }

    /// Returns the failure that the fields of a Fail state describe.
    fn failure(
        &mut self,
        id: LaneId,
        error: Option<&Text>,
        cause: Option<&Text>,
    ) -> Result<Failure, Failure> {
        let shown = self.state_of(id).is_some_and(|state| !state.jsonata);
        self.evaluate(id, Extra::default(), |environment, lane| {
            if shown {
                environment.show("afterInputPath", &lane.input);
            }
            let scope = environment.scope(&lane.input);
            let text =
                |text: Option<&Text>, field| text.map(|text| evaluate_text(text, field, &scope));
            Ok(Failure {
                error: text(error, "ErrorPath").transpose()?,
                cause: text(cause, "CausePath").transpose()?,
                ..Failure::new("", "")
            })
        })
    }

    /// Leaves a state that only passes its input on: a Succeed, or a Wait that is over.
    fn pass_on(&mut self, id: LaneId) {
        let Some(state) = self.state_of(id) else { return };
        let shaped = self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let assigned = shaping::assign(state.assign.as_ref(), &environment.scope(&input))?;
            if let Some(template) = &state.output {
                return Ok((template.fill(&environment.scope(&input))?, assigned));
            }
            if !state.jsonata {
                environment.show("afterInputPath", &input);
            }
            Ok((shaping::select(&state.output_path, &input, environment)?, assigned))
        });
        let left = shaped.and_then(|(output, assigned)| self.exit(id, output, assigned));
        match left {
            Ok(()) => self.go_to(id, state.next.as_ref().unwrap_or(&Next::End), NextField::Next),
            Err(failure) => self.handle_failure(id, failure),
        }
    }

    fn note_transition(&mut self, id: LaneId, next: &Next, by: NextField) {
        let Some(trail) = &mut self.execution.trail else { return };
        let Some(lane) = self.execution.lanes.get(&id) else { return };
        trail.transitions.push(Transition::new(&lane.state, next, by));
    }

    /// Moves the lane from its state to the next one, or ends the lane. The lane's `input` already
    /// holds the output of the state that the lane leaves.
    pub(super) fn go_to(&mut self, id: LaneId, next: &Next, by: NextField) {
        self.note_transition(id, next, by);
        match next {
            Next::State(name) => {
                if let Some(lane) = self.execution.lanes.get_mut(&id) {
                    lane.state.clone_from(name);
                }
                self.show_left(id);
                self.make_ready(id, Phase::Enter);
            }
            Next::End => self.end_lane(id),
        }
    }
}

/// Returns for how many seconds a Wait state waits.
fn pause(seconds: &Seconds, scope: &Scope<'_>) -> Result<u64, Failure> {
    let path = match seconds {
        Seconds::Fixed(seconds) => return Ok(*seconds),
        Seconds::Path(path) => path,
        Seconds::Query(place, query) => return shaping::number(place, query, scope),
    };
    let value = waited_for("SecondsPath", path, scope)?;
    let refused = |what: &str| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Failure::runtime(format!("The SecondsPath parameter {what}: {path} == {shown}"))
    };
    let number = value.as_integer().or_else(|| value.as_str()?.parse().ok());
    let number = number.ok_or_else(|| refused("cannot be parsed as a long value"))?;
    u64::try_from(number).map_err(|_| refused("references a negative value"))
}

/// Reads how long, or until when, a Wait state waits: the value at `path`, which `field` contains.
fn waited_for(field: &str, path: &Path, scope: &Scope<'_>) -> Result<Json, Failure> {
    scope.read(path).map_err(|miss| {
        Failure::runtime(match miss.input {
            Some(_) => format!("The {field} parameter does not reference an input value: {path}"),
            None => miss.reason,
        })
    })
}

fn evaluate_text(text: &Text, field: &str, scope: &Scope<'_>) -> Result<String, Failure> {
    let value = match text {
        Text::Fixed(text) => return Ok(text.clone()),
        Text::Query(place, query) => {
            return match query.evaluate(place, scope)? {
                Json::String(text) => Ok(text),
                other => Err(unexpected(place, query, "string", &other)),
            };
        }
        Text::Computed(Expression::Call(call)) => call.evaluate(scope)?,
        Text::Computed(Expression::Path(path)) => {
            let found = scope.read(path);
            found.map_err(|miss| crate::template::not_found(&miss, path, field))?
        }
    };
    match value {
        Json::String(text) => Ok(text),
        other => Err(Failure::runtime(format!("The {field} field must be a string, not {other}"))),
    }
}

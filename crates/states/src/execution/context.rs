//! Makes the context object, and evaluates the fields of the state that a lane (the top level, a
//! branch or an iteration) is in.

use super::Work;
use super::lane::{Lane, LaneId, Phase};
use super::record::After;
use crate::failure::{Failure, Origin, QUERY};
use crate::json::{Json, Object};
use crate::scope::Environment;
use crate::timestamp;

/// Values that are added to the context object for one evaluation.
#[derive(Clone, Copy, Default)]
pub(super) struct Extra<'a> {
    /// The value of `$$.Task.Token`.
    pub(super) token: Option<&'a str>,
    /// The index and the value in `$$.Map.Item`, for the iteration that is about to start.
    pub(super) item: Option<(usize, &'a Json)>,
}

impl Work<'_, '_> {
    /// Runs `evaluation` with the context object and the variables of a lane (the top level, a
    /// branch or an iteration). Each random value that the evaluation draws advances the
    /// execution's entropy.
    pub(super) fn evaluate<T>(
        &mut self,
        id: LaneId,
        extra: Extra<'_>,
        evaluation: impl FnOnce(&Environment<'_>, &Lane) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let lane = &self.execution.lanes[&id];
        let context = || self.context(lane, &extra);
        let entropy = self.execution.entropy.clone();
        let mut environment = Environment::new(context, self.variables(lane), entropy, self.now);
        if self.execution.probe.is_some() {
            environment = environment.watched();
        }
        let result = evaluation(&environment, lane);
        let result = result.map_err(|failure| self.with_state_in_cause(id, failure));
        let (entropy, seen) = environment.into_parts();
        self.execution.entropy = entropy;
        if let Some(probe) = &mut self.execution.probe {
            probe.seen.extend(seen);
        }
        if let Err(failure) = &result {
            self.note_evaluation(id, failure);
        }
        result
    }

    /// Records that a JSONata expression failed. The new event follows the lane's last event, with
    /// one exception, as in Step Functions: if the last event is the state's entry, the new event
    /// follows the event before the entry, unless the failed expression is the field `Timestamp`.
    fn note_evaluation(&mut self, id: LaneId, failure: &Failure) {
        if failure.error.as_deref() != Some(QUERY) {
            return;
        }
        let location = failure.location.as_deref();
        let lane = &self.execution.lanes[&id];
        let mut members = Object::new();
        let error = [("error", &failure.error), ("cause", &failure.cause)];
        for (name, text) in error {
            members.extend(text.clone().map(|text| (name.to_owned(), text.into())));
        }
        members.extend(location.map(|location| ("location".to_owned(), location.into())));
        members.insert("state".to_owned(), lane.state.as_str().into());
        let is_first = lane.last_event == lane.entered_event && location != Some("Timestamp");
        let previous = lane.entered_from.filter(|_| is_first).unwrap_or(lane.last_event);
        let details = Some(("evaluationFailedEventDetails", Json::Object(members)));
        let noted = self.note_of(After { lane: id, event: previous }, "EvaluationFailed", details);
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.last_event = noted;
        }
    }

    /// Adds the name of the state to the cause of a field's failure. Leaves the failure as it is if
    /// a payload is too large, or in a test of a single state.
    pub(super) fn with_state_in_cause(&self, id: LaneId, failure: Failure) -> Failure {
        let lane = &self.execution.lanes[&id];
        if failure.origin == Origin::Payload || self.execution.probe.is_some() {
            return failure;
        }
        failure.at(&lane.state, lane.entered_event)
    }

    /// Returns the variables that a lane (the top level, a branch or an iteration) can read: its
    /// own, then those of each lane around it. An iteration of a distributed Map is a separate
    /// execution, so it cannot read the variables of the lanes around it.
    fn variables<'a>(&'a self, lane: &'a Lane) -> Vec<&'a Object> {
        let mut scopes = vec![&lane.variables];
        let mut parent = lane.parent;
        while let Some((id, _)) = parent {
            let Some(lane) = self.execution.lanes.get(&id) else { break };
            if lane.map_run.is_some() {
                break;
            }
            scopes.push(&lane.variables);
            parent = lane.parent;
        }
        scopes
    }

    fn context(&self, lane: &Lane, extra: &Extra<'_>) -> Json {
        let given = self.execution.probe.as_ref().and_then(|probe| probe.context.clone());
        given.unwrap_or_else(|| self.own_context(lane, extra))
    }

    fn own_context(&self, lane: &Lane, extra: &Extra<'_>) -> Json {
        let identity = &self.execution.identity;
        let mut execution = Object::new();
        execution.insert("Id".to_owned(), identity.execution_arn.as_str().into());
        execution.insert("Input".to_owned(), self.execution.input.clone());
        execution.insert("StartTime".to_owned(), timestamp::format(self.execution.started).into());
        execution.insert("Name".to_owned(), identity.execution_name.as_str().into());
        if let Some(role) = &identity.role_arn {
            execution.insert("RoleArn".to_owned(), role.as_str().into());
        }
        execution.insert("RedriveCount".to_owned(), Json::from(0_u64));
        let machine = Json::object([
            ("Id", identity.machine_arn.as_str().into()),
            ("Name", identity.machine_name.as_str().into()),
        ]);
        let mut state = Object::new();
        state.insert("Name".to_owned(), lane.state.as_str().into());
        state.insert("EnteredTime".to_owned(), timestamp::format(lane.entered_at).into());
        if !lane.retried.is_empty() {
            state.insert("RetryCount".to_owned(), Json::from(lane.retries()));
        }
        let mut context = Object::new();
        context.insert("Execution".to_owned(), Json::Object(execution));
        context.insert("StateMachine".to_owned(), machine);
        context.insert("State".to_owned(), Json::Object(state));
        let own = lane.item.as_ref().map(|item| (item.index, &item.value));
        if let Some((index, value)) = extra.item.or(own) {
            let members = [("Index", Json::from(index as u64)), ("Value", value.clone())];
            let item = Json::object([("Item", Json::object(members))]);
            context.insert("Map".to_owned(), item);
        }
        let waiting = match &lane.phase {
            Phase::Task(task) => task.token.as_deref(),
            _ => None,
        };
        if let Some(token) = extra.token.or(waiting) {
            let token = Json::object([("Token", token.into())]);
            context.insert("Task".to_owned(), token);
        }
        Json::Object(context)
    }

    /// Returns the text of a payload; fails if the payload exceeds the limits. `id` names the state
    /// or the service that made the payload.
    pub(super) fn payload(&self, id: &str, value: &Json) -> Result<String, Failure> {
        let limits = &self.machine.limits;
        if value.depth(limits.depth) > limits.depth {
            return Err(Failure::payload(id));
        }
        let text = value.to_string();
        if text.len() > limits.payload { Err(Failure::payload(id)) } else { Ok(text) }
    }
}

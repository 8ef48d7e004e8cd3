//! Schedules and starts tasks, and records their answers and timeouts.

use super::context::Extra;
use super::lane::{Lane, LaneId, Phase, TaskState, after};
use super::{Effect, TaskId, TaskRequest, Work};
use crate::failure::{Failure, Origin};
use crate::history::{self, Details};
use crate::json::{Json, Object};
use crate::machine::{Family, Kind, Resource, Seconds, State, Task};
use crate::scope::Environment;
use crate::shaping;

/// A step in a task's life for which the history has an event.
#[derive(Clone, Copy)]
pub(super) enum TaskEvent {
    Scheduled,
    Started,
    Submitted,
    Succeeded,
    Failed,
    TimedOut,
}

impl Work<'_, '_> {
    /// Computes the task's call and its input. The next transition asks the caller of this library
    /// to make that call.
    pub(super) fn schedule(&mut self, id: LaneId, task: &Task) -> Result<Option<Phase>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(None) };
        let token = task.has_token.then(|| hex::encode(self.execution.entropy.draw()));
        let extra = Extra { token: token.as_deref(), ..Extra::default() };
        let (input, mut scheduled) =
            self.evaluate(id, extra, |environment, lane| fill(task, state, environment, lane))?;
        let text = self.payload(&self.execution.lanes[&id].state, &input)?;
        scheduled.id = TaskId(self.execution.next_task);
        scheduled.token = token;
        self.execution.next_task += 1;
        let details = self.scheduled(&task.resource, text, &scheduled);
        self.emit(id, TaskEvent::Scheduled.event(&task.resource), details);
        self.make_ready(id, Phase::Start(Box::new(scheduled), Box::new(input)));
        Ok(None)
    }

    fn scheduled(&self, resource: &Resource, input: String, task: &TaskState) -> Details {
        let mut members = Object::new();
        let key = match resource.service() {
            Some((service, action)) => {
                let region =
                    self.execution.identity.machine_arn.split(':').nth(3).unwrap_or_default();
                members.insert("resourceType".to_owned(), service.into());
                members.insert("resource".to_owned(), action.into());
                members.insert("region".to_owned(), region.into());
                members.insert("parameters".to_owned(), input.into());
                "taskScheduledEventDetails"
            }
            None => {
                members.insert("resource".to_owned(), resource.arn().into());
                members.insert("input".to_owned(), input.into());
                let truncated = Json::object([("truncated", Json::Bool(false))]);
                members.insert("inputDetails".to_owned(), truncated);
                match resource.family() {
                    Family::Activity => "activityScheduledEventDetails",
                    _ => "lambdaFunctionScheduledEventDetails",
                }
            }
        };
        let seconds = [("timeoutInSeconds", task.timeout), ("heartbeatInSeconds", task.heartbeat)];
        for (name, seconds) in seconds {
            members.extend(seconds.map(|seconds| (name.to_owned(), Json::from(seconds))));
        }
        if let Some(role) = task.credentials.as_ref().and_then(|given| given.get("RoleArn")) {
            let credentials = Json::object([("roleArn", role.clone())]);
            members.insert("taskCredentials".to_owned(), credentials);
        }
        Some((key, Json::Object(members)))
    }

    /// Adds an effect that asks the caller of this library to make the task's call.
    pub(super) fn start_task(&mut self, id: LaneId, mut task: TaskState, input: Json) {
        let Some(resource) = self.resource_of(id) else { return };
        if resource.family() != Family::Activity {
            let details = match resource.family() {
                Family::Lambda => None,
                _ => moment(TaskEvent::Started, &resource, Object::new()),
            };
            self.emit(id, TaskEvent::Started.event(&resource), details);
        }
        task.deadline = task.timeout.map(|seconds| after(self.now, seconds));
        task.beat_by = task.heartbeat.map(|seconds| after(self.now, seconds));
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        self.turn.effects.push(Effect::StartTask(Box::new(TaskRequest {
            task: task.id,
            state: lane.state.clone(),
            resource,
            input,
            token: task.token.clone(),
            attempt: lane.retries(),
            deadline: task.deadline,
            credentials: task.credentials.clone(),
        })));
        lane.phase = Phase::Task(Box::new(task));
    }

    /// Returns the resource of the Task state that the lane is in; `None` if the lane is in no Task
    /// state.
    pub(super) fn resource_of(&self, id: LaneId) -> Option<Resource> {
        match &self.state_of(id)?.kind {
            Kind::Task(task) => Some(task.resource.clone()),
            _ => None,
        }
    }

    pub(super) fn task_timed_out(&mut self, id: LaneId, task: &TaskState) {
        let missed_beat = task.beat_by.is_some_and(|by| task.deadline.is_none_or(|end| by < end));
        let origin = if missed_beat { Origin::Heartbeat } else { Origin::Ordinary };
        let failure = Failure::timeout(origin);
        self.task_failed(id, TaskEvent::TimedOut, failure);
        self.turn.effects.push(Effect::StopTask(task.id));
    }

    /// Records that the task has failed; the next transition handles the failure.
    pub(super) fn task_failed(&mut self, id: LaneId, how: TaskEvent, failure: Failure) {
        let Some(resource) = self.resource_of(id) else { return };
        let details = history::failed("", failure.error.as_deref(), failure.cause.as_deref());
        let members = match details {
            Some((_, Json::Object(members))) => members,
            _ => Object::new(),
        };
        self.emit(id, how.event(&resource), moment(how, &resource, members));
        self.make_ready(id, Phase::Failed(failure));
    }

    /// Records that the task has succeeded, or that its job was submitted; `output` is the
    /// service's response.
    pub(super) fn task_answered(&mut self, id: LaneId, how: TaskEvent, output: String) {
        let Some(resource) = self.resource_of(id) else { return };
        let mut members = Object::new();
        members.insert("output".to_owned(), output.into());
        let truncated = Json::object([("truncated", Json::Bool(false))]);
        members.insert("outputDetails".to_owned(), truncated);
        self.emit(id, how.event(&resource), moment(how, &resource, members));
    }
}

/// Makes the details of an event of the history. For a service integration, they start with the
/// service and the action.
fn moment(how: TaskEvent, resource: &Resource, mut members: Object) -> Details {
    if let Some((service, action)) = resource.service() {
        let mut all = Object::new();
        all.insert("resourceType".to_owned(), service.into());
        all.insert("resource".to_owned(), action.into());
        all.append(&mut members);
        members = all;
    }
    Some((how.details(resource), Json::Object(members)))
}

/// Evaluates the fields of the Task: returns the input of the call, and the task with its timeouts
/// and credentials.
fn fill(
    task: &Task,
    state: &State,
    environment: &Environment<'_>,
    lane: &Lane,
) -> Result<(Json, TaskState), Failure> {
    let selected = shaping::select(&state.input_path, &lane.input, environment)?;
    if !state.jsonata {
        environment.show("afterInputPath", &selected);
    }
    let scope = environment.scope(&selected);
    let seconds = |given: &Option<Seconds>, field| {
        given.as_ref().map(|given| shaping::seconds(given, field, &scope)).transpose()
    };
    let timeout = seconds(&task.timeout, "TimeoutSecondsPath")?;
    let heartbeat = seconds(&task.heartbeat, "HeartbeatSecondsPath")?;
    let credentials =
        task.credentials.as_ref().map(|credentials| credentials.fill(&scope)).transpose()?;
    let input = match &task.fan.parameters {
        Some(parameters) => parameters.fill(&scope)?,
        None => selected.clone(),
    };
    environment.show(if state.jsonata { "afterArguments" } else { "afterParameters" }, &input);
    let state = TaskState {
        id: TaskId(0),
        token: None,
        timeout,
        heartbeat,
        deadline: None,
        beat_by: None,
        credentials,
    };
    Ok((input, state))
}

impl TaskEvent {
    fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Started => "Started",
            Self::Submitted => "Submitted",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
        }
    }

    fn event(self, resource: &Resource) -> String {
        let family = match resource.family() {
            Family::Lambda => "LambdaFunction",
            Family::Activity => "Activity",
            Family::Service => "Task",
        };
        format!("{family}{}", self.name())
    }

    /// The key under which an event of the history contains its details.
    fn details(self, resource: &Resource) -> &'static str {
        match (resource.family(), self) {
            (Family::Service, Self::Scheduled) => "taskScheduledEventDetails",
            (Family::Service, Self::Started) => "taskStartedEventDetails",
            (Family::Service, Self::Submitted) => "taskSubmittedEventDetails",
            (Family::Service, Self::Succeeded) => "taskSucceededEventDetails",
            (Family::Service, Self::Failed) => "taskFailedEventDetails",
            (Family::Service, Self::TimedOut) => "taskTimedOutEventDetails",
            (Family::Activity, Self::Scheduled) => "activityScheduledEventDetails",
            (Family::Activity, Self::Started | Self::Submitted) => "activityStartedEventDetails",
            (Family::Activity, Self::Succeeded) => "activitySucceededEventDetails",
            (Family::Activity, Self::Failed) => "activityFailedEventDetails",
            (Family::Activity, Self::TimedOut) => "activityTimedOutEventDetails",
            (Family::Lambda, Self::Succeeded) => "lambdaFunctionSucceededEventDetails",
            (Family::Lambda, Self::Failed) => "lambdaFunctionFailedEventDetails",
            (Family::Lambda, Self::TimedOut) => "lambdaFunctionTimedOutEventDetails",
            (Family::Lambda, _) => "lambdaFunctionScheduledEventDetails",
        }
    }
}

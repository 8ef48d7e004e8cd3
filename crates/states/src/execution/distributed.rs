//! Runs a distributed Map. Its items may come from a file, and its results may go to files. Its
//! iterations are separate executions, so their events are not in the history of the Map's
//! execution.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::context::Extra;
use super::lane::{FanOut, LaneId, Phase, TaskState};
use super::record::After;
use super::results::{self, Iteration};
use super::{Effect, Outcome, TaskId, TaskRequest, Work, items};
use crate::failure::{EXCEEDED, Failure, READER_FAILED, WRITER_FAILED};
use crate::history;
use crate::json::Json;
use crate::machine::{Distributed, Kind, Map, Resource, Share};
use crate::scope::Scope;
use crate::shaping;

/// The maximum number of iterations that run at a time, even if the Map allows more.
const MAX_CONCURRENCY: usize = 1_000;

/// What an execution stores of a Map Run, as Step Functions calls the run of a distributed Map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MapRun {
    failed: usize,
    tolerated_count: Option<u64>,
    tolerated_share: Option<f64>,
    /// The iterations with their inputs, times and failures. Kept only if the Map's results may
    /// have to describe the iterations.
    #[serde(default, rename = "told", skip_serializing_if = "Option::is_none")]
    pub(super) iterations: Option<Vec<Iteration>>,
}

/// How many iterations run at a time, how many may fail, and how many items are read.
struct Bounds {
    limit: usize,
    tolerated_count: Option<u64>,
    tolerated_share: Option<f64>,
    max_items: Option<i64>,
}

impl Bounds {
    /// Whether more iterations have failed than the Map tolerates. If the Map sets no tolerance,
    /// one failed iteration is too many.
    fn are_exceeded(&self, failed: usize, total: usize) -> bool {
        let share = failed as f64 * 100.0 / total.max(1) as f64;
        match (self.tolerated_count, self.tolerated_share) {
            (None, None) => true,
            (count, most) => {
                count.is_some_and(|most| failed as u64 > most)
                    || most.is_some_and(|most| share > most)
            }
        }
    }

    /// Like [`Self::are_exceeded`], but false if the Map sets no tolerance. Only `TestState` needs
    /// this: there, a Map that sets no tolerance ends with the result that a mock gives.
    fn are_given_and_exceeded(&self, failed: usize, total: usize) -> bool {
        let is_given = self.tolerated_count.is_some() || self.tolerated_share.is_some();
        is_given && self.are_exceeded(failed, total)
    }
}

fn exceeded() -> Failure {
    Failure::new(EXCEEDED, "The specified tolerated failure threshold was exceeded")
}

impl Work<'_, '_> {
    /// Starts the run of a distributed Map. If the items are in a file, requests the file from
    /// storage first.
    pub(super) fn distribute(
        &mut self,
        id: LaneId,
        map: &Map,
        distributed: &Distributed,
    ) -> Result<Option<Phase>, Failure> {
        let given = match &distributed.reader {
            Some(_) => None,
            None => Some(self.given(id, map)?),
        };
        let limit = self.limit(id, map)?;
        let length = given.as_ref().map_or(0, Vec::len);
        self.emit(id, "MapStateStarted", history::map_started(length));
        let bounds = Bounds { limit, ..self.bounds(id, distributed)? };
        if let Some(outcome) = self.given_outcome(id) {
            let failed = self.execution.probe.as_ref().map_or(0, |probe| probe.failed_iterations);
            if outcome.is_ok() && failed > 0 && bounds.are_given_and_exceeded(failed, length) {
                return Err(exceeded());
            }
            return outcome.map(|result| Some(Phase::Done(result)));
        }
        let parameters = self.parameters(id, distributed)?;
        let arn = self.run_arn(id, distributed);
        let details = Json::object([("mapRunArn", arn.as_str().into())]);
        self.emit(id, "MapRunStarted", Some(("mapRunStartedEventDetails", details)));
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.map_run = Some(arn);
        }
        match (given, &distributed.reader) {
            (Some(items), _) => self.launch(id, items, &bounds),
            (None, Some(reader)) => self.call_storage(id, &reader.resource, parameters),
            (None, None) => {}
        }
        Ok(None)
    }

    fn given(&mut self, id: LaneId, map: &Map) -> Result<Vec<Json>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(Vec::new()) };
        self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            if !state.jsonata {
                environment.show("afterInputPath", &input);
            }
            let items = super::fan::items(&map.items, &environment.scope(&input))?;
            if !state.jsonata {
                environment.show("afterItemsPath", &Json::Array(items.clone()));
            }
            Ok(items)
        })
    }

    fn limit(&mut self, id: LaneId, map: &Map) -> Result<usize, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(0) };
        let limit = self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let scope = environment.scope(&input);
            let limit = map.max_concurrency.as_ref();
            let limit = limit.map(|limit| shaping::seconds(limit, "MaxConcurrencyPath", &scope));
            let limit = limit.transpose()?.unwrap_or(0);
            environment.show("maxConcurrency", &Json::from(limit));
            Ok(limit)
        })?;
        Ok(usize::try_from(limit).unwrap_or(0))
    }

    fn bounds(&mut self, id: LaneId, distributed: &Distributed) -> Result<Bounds, Failure> {
        let Some(state) = self.state_of(id) else { return Err(Failure::runtime("No state")) };
        self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let scope = environment.scope(&input);
            let count = distributed.tolerated_count.as_ref();
            let count =
                count.map(|count| shaping::seconds(count, "ToleratedFailureCountPath", &scope));
            let tolerated_count = count.transpose()?;
            if let Some(count) = tolerated_count {
                environment.show("toleratedFailureCount", &Json::from(count));
            }
            let share = distributed.tolerated_share.as_ref();
            let tolerated_share = share.map(|share| percentage(share, &scope)).transpose()?;
            if let Some(share) = tolerated_share {
                let share = Number::from_f64(share).map_or(Json::Null, Json::Number);
                environment.show("toleratedFailurePercentage", &share);
            }
            let max_items =
                distributed.reader.as_ref().and_then(|reader| reader.max_items.as_ref());
            let max_items = max_items.map(|most| shaping::integer(most, "MaxItemsPath", &scope));
            let max_items = max_items.transpose()?;
            Ok(Bounds { limit: 0, tolerated_count, tolerated_share, max_items })
        })
    }

    fn parameters(&mut self, id: LaneId, distributed: &Distributed) -> Result<Json, Failure> {
        let reader = distributed.reader.as_ref();
        let Some(parameters) = reader.and_then(|reader| reader.parameters.as_ref()) else {
            return Ok(Json::empty_object());
        };
        let Some(state) = self.state_of(id) else { return Ok(Json::Null) };
        self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            parameters.fill(&environment.scope(&input))
        })
    }

    /// Returns the inputs of the iterations: applies `ItemSelector` to each item, then makes
    /// batches as `ItemBatcher` specifies.
    fn inputs(&mut self, id: LaneId, items: Vec<Json>) -> Result<Vec<Json>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(items) };
        let Kind::Map(_, map) = &state.kind else { return Ok(items) };
        let mut selected = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            selected.push(match &map.item_selector {
                None => item,
                Some(selector) => {
                    let extra = Extra { item: Some((index, &item)), ..Extra::default() };
                    self.evaluate(id, extra, |environment, lane| {
                        let input = shaping::select(&state.input_path, &lane.input, environment)?;
                        selector.fill(&environment.scope(&input))
                    })?
                }
            });
        }
        let batcher = map.distributed.as_ref().and_then(|given| given.batcher.as_ref());
        let Some(batcher) = batcher else { return Ok(selected) };
        self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let scope = environment.scope(&input);
            let number = |given: &Option<_>, field| {
                given.as_ref().map(|given| shaping::seconds(given, field, &scope)).transpose()
            };
            let most_items = number(&batcher.items, "MaxItemsPerBatchPath")?;
            let most_bytes = number(&batcher.bytes, "MaxInputBytesPerBatchPath")?;
            let own = batcher.input.as_ref().map(|input| input.fill(&scope)).transpose()?;
            Ok(items::batched(selected, most_items, most_bytes, own.as_ref()))
        })
    }

    /// Starts the first iterations over the items.
    fn launch(&mut self, id: LaneId, items: Vec<Json>, bounds: &Bounds) {
        let launched = self.inputs(id, items).and_then(|inputs| self.open(id, inputs, bounds));
        if let Err(failure) = launched {
            let failure = self.run_failed(id, failure);
            self.handle_failure(id, failure);
        }
    }

    fn open(&mut self, id: LaneId, inputs: Vec<Json>, bounds: &Bounds) -> Result<(), Failure> {
        let limit = if bounds.limit == 0 { MAX_CONCURRENCY } else { bounds.limit };
        let length = inputs.len();
        let iterations = self.records_iterations(id).then(Vec::new);
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return Ok(()) };
        let started = lane.last_event;
        lane.phase = Phase::Fan(Box::new(FanOut {
            results: vec![None; length],
            live: Vec::new(),
            pending: VecDeque::from(inputs),
            last_event: started,
            run: Some(MapRun {
                failed: 0,
                tolerated_count: bounds.tolerated_count,
                tolerated_share: bounds.tolerated_share,
                iterations,
            }),
        }));
        for _ in 0..limit.min(MAX_CONCURRENCY).min(length) {
            self.open_iteration(id, started)?;
        }
        if length == 0 {
            self.gather(id);
        }
        Ok(())
    }

    /// Adds an effect that asks the caller to read or write a file.
    pub(super) fn call_storage(&mut self, id: LaneId, resource: &Resource, input: Json) {
        let task = TaskId(self.execution.next_task);
        self.execution.next_task += 1;
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        self.turn.effects.push(Effect::StartTask(Box::new(TaskRequest {
            task,
            state: lane.state.clone(),
            resource: resource.clone(),
            input,
            token: None,
            attempt: lane.retries(),
            deadline: None,
            credentials: None,
        })));
        lane.phase = Phase::Task(Box::new(TaskState::of_storage(task)));
    }

    /// Accepts the answer to a call that reads or writes a file of a Map. Returns false if the
    /// lane's state is not a Map.
    pub(super) fn storage_answered(&mut self, id: LaneId, outcome: &Outcome) -> bool {
        let Some(state) = self.state_of(id) else { return false };
        if !matches!(state.kind, Kind::Map(..)) {
            return false;
        }
        let phase = match outcome {
            Outcome::Succeeded(content) => Phase::Stored(content.clone()),
            Outcome::Failed(failure) => {
                let is_written = self.execution.lanes[&id].written.is_some();
                let error = if is_written { WRITER_FAILED } else { READER_FAILED };
                let cause = failure.cause.clone().or(failure.error.clone()).unwrap_or_default();
                Phase::Failed(self.run_failed(id, Failure::new(error, cause)))
            }
            _ => return true,
        };
        self.make_ready(id, phase);
        true
    }

    /// Continues a Map after one of its files has been read or written.
    pub(super) fn stored(&mut self, id: LaneId, content: &Json) {
        let Some(state) = self.state_of(id) else { return };
        let Kind::Map(_, map) = &state.kind else { return };
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        if lane.written.is_some() {
            return self.write_next(id);
        }
        let Some(distributed) = &map.distributed else { return };
        let planned = self
            .limit(id, map)
            .and_then(|limit| Ok(Bounds { limit, ..self.bounds(id, distributed)? }));
        let read = planned.and_then(|bounds| {
            let items = items_of(distributed, bounds.max_items, content)?;
            Ok((items, bounds))
        });
        match read {
            Ok((items, bounds)) => self.launch(id, items, &bounds),
            Err(failure) => {
                let failure = self.run_failed(id, failure);
                self.handle_failure(id, failure);
            }
        }
    }

    /// Counts a failed iteration. The run fails if more iterations have failed than the Map
    /// tolerates; otherwise the run continues.
    pub(super) fn iteration_failed(&mut self, id: LaneId, child: LaneId, failure: Failure) {
        let place = self.execution.lanes.get(&child).and_then(|lane| lane.parent);
        self.close(child, 0, false);
        let now = self.now;
        let Some(fan) = self.fan_of(id) else { return };
        fan.live.retain(|live| *live != child);
        let total = fan.results.len();
        if let Some((_, index)) = place {
            fan.end(index, now, Some(failure));
        }
        let Some(run) = &mut fan.run else { return };
        run.failed += usize::from(place.is_some());
        let bounds = Bounds {
            limit: 0,
            tolerated_count: run.tolerated_count,
            tolerated_share: run.tolerated_share,
            max_items: None,
        };
        if bounds.are_exceeded(run.failed, total) {
            let failure = self.run_failed(id, exceeded());
            return self.handle_failure(id, failure);
        }
        self.go_on(id, 0);
    }

    pub(super) fn run_failed(&mut self, id: LaneId, failure: Failure) -> Failure {
        let (error, cause) = (failure.error.as_deref(), failure.cause.as_deref());
        let details = history::failed("mapRunFailedEventDetails", error, cause);
        self.emit(id, "MapRunFailed", details);
        failure
    }

    pub(super) fn run_succeeded(&mut self, id: LaneId, result: Json) {
        // These two events do not become the lane's last event. So the `previousEventId` of
        // `MapStateExited` is the id of the run's start, not of the run's end. Histories that Step
        // Functions has recorded since the end of 2024 show this.
        let started = self.execution.lanes.get(&id).map_or(0, |lane| lane.last_event);
        let succeeded = self.note_of(After { lane: id, event: started }, "MapRunSucceeded", None);
        self.note_of(After { lane: id, event: succeeded }, "MapStateSucceeded", None);
        self.complete(id, result);
    }

    fn run_arn(&mut self, id: LaneId, distributed: &Distributed) -> String {
        let machine = &self.execution.identity.machine_arn;
        let machine = machine.replacen(":stateMachine:", ":mapRun:", 1);
        let name = &self.execution.lanes[&id].state;
        let label = results::label(distributed, name);
        let run = self.execution.entropy.draw_uuid();
        format!("{machine}/{label}:{run}")
    }

    /// Finds the distributed Map that contains the lane `id`. Returns the Map's lane and the
    /// iteration's lane, or `None` if no distributed Map contains the lane.
    pub(super) fn iteration_of(&self, id: LaneId) -> Option<(LaneId, LaneId)> {
        let mut child = id;
        loop {
            let (parent, _) = self.execution.lanes.get(&child)?.parent?;
            if self.execution.lanes.get(&parent)?.map_run.is_some() {
                return Some((parent, child));
            }
            child = parent;
        }
    }
}

/// Reads the items in a file's content, at most `most` of them.
fn items_of(
    distributed: &Distributed,
    most: Option<i64>,
    content: &Json,
) -> Result<Vec<Json>, Failure> {
    let Some(reader) = &distributed.reader else { return Ok(Vec::new()) };
    let refused = |reason: String| Failure::new(READER_FAILED, reason);
    let most = most.map(usize::try_from).transpose();
    let most = most.map_err(|_| refused("field MaxItems must be positive".to_owned()))?;
    let mut items =
        items::read(&reader.format, reader.pointer.as_deref(), content).map_err(refused)?;
    // An absent number means no limit, and so does zero.
    items.truncate(most.filter(|most| *most > 0).unwrap_or(usize::MAX));
    Ok(items)
}

fn percentage(share: &Share, scope: &Scope<'_>) -> Result<f64, Failure> {
    let template = match share {
        Share::Fixed(share) => return Ok(*share),
        Share::Computed(template) => template,
    };
    let value = template.fill(scope)?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let Some(share) = number else {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let path = template.paths().first().map(ToString::to_string).unwrap_or_default();
        return Err(Failure::runtime(format!(
            "The ToleratedFailurePercentagePath field refers to value \"{shown}\" which is not a \
             valid float: {path}"
        )));
    };
    if (0.0..=100.0).contains(&share) {
        return Ok(share);
    }
    Err(Failure::runtime("ToleratedFailurePercentage must be between 0 and 100."))
}

//! Runs Parallel and Map: starts a lane for each branch or iteration, and collects their results.

use std::collections::VecDeque;

use super::context::Extra;
use super::lane::{FanOut, Item, Lane, LaneId, Phase};
use super::record::After;
use super::{Status, Work};
use crate::failure::{Failure, QUERY};
use crate::history;
use crate::json::Json;
use crate::machine::{CommonFields, FlowId, Items, Kind, Map};
use crate::scope::Scope;
use crate::shaping;

impl Work<'_, '_> {
    /// Starts the branches of a Parallel.
    pub(super) fn fork(
        &mut self,
        id: LaneId,
        fan: &CommonFields,
        branches: &[FlowId],
    ) -> Result<Option<Phase>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(None) };
        let input = self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            match &fan.parameters {
                Some(parameters) => parameters.fill(&environment.scope(&input)),
                None => Ok(input),
            }
        })?;
        self.payload(&self.execution.lanes[&id].state, &input)?;
        let started = self.emit(id, "ParallelStateStarted", None);
        let mut opened = FanOut {
            results: vec![None; branches.len()],
            live: Vec::new(),
            pending: VecDeque::new(),
            last_event: started,
            run: None,
        };
        for (index, flow) in branches.iter().enumerate() {
            let lane = self.child(id, index, *flow, input.clone());
            opened.live.push(self.spawn(Lane { last_event: started, ..lane }));
        }
        Ok(Some(Phase::Fan(Box::new(opened))))
    }

    fn child(&self, parent: LaneId, index: usize, flow: FlowId, input: Json) -> Lane {
        let start_at = self.machine.flows[flow].start_at.clone();
        let item = self.execution.lanes.get(&parent).and_then(|lane| lane.item.clone());
        Lane { parent: Some((parent, index)), item, ..Lane::new(flow, start_at, input, self.now) }
    }

    /// Starts the first iterations of an inline Map.
    pub(super) fn iterate(&mut self, id: LaneId, map: &Map) -> Result<Option<Phase>, Failure> {
        let Some(state) = self.state_of(id) else { return Ok(None) };
        let (items, limit) = self.evaluate(id, Extra::default(), |environment, lane| {
            let input = shaping::select(&state.input_path, &lane.input, environment)?;
            let scope = environment.scope(&input);
            if !state.jsonata {
                environment.show("afterInputPath", &input);
            }
            let items = items(&map.items, &scope)?;
            let limit = match &map.max_concurrency {
                Some(limit) => shaping::seconds(limit, "MaxConcurrencyPath", &scope)?,
                None => 0,
            };
            if !state.jsonata {
                environment.show("afterItemsPath", &Json::Array(items.clone()));
            }
            environment.show("maxConcurrency", &Json::from(limit));
            Ok((items, usize::try_from(limit).unwrap_or(0)))
        })?;
        if let Some(outcome) = self.given_outcome(id) {
            return outcome.map(|result| Some(Phase::Done(result)));
        }
        let most = self.machine.limits.concurrency;
        let limit = if limit == 0 { most } else { limit.min(most) }.max(1);
        let started = self.emit(id, "MapStateStarted", history::map_started(items.len()));
        let length = items.len();
        self.execution.lanes.entry(id).and_modify(|lane| {
            lane.phase = Phase::Fan(Box::new(FanOut {
                results: vec![None; length],
                live: Vec::new(),
                pending: items.into(),
                last_event: started,
                run: None,
            }));
        });
        for _ in 0..limit.min(length) {
            self.open_iteration(id, started)?;
        }
        if length == 0 {
            self.gather(id);
        }
        Ok(None)
    }

    /// Starts the next iteration, if any is pending.
    pub(super) fn open_iteration(&mut self, id: LaneId, previous: u64) -> Result<(), Failure> {
        let Some(state) = self.state_of(id) else { return Ok(()) };
        let Kind::Map(_, map) = &state.kind else { return Ok(()) };
        let Some(fan) = self.fan_of(id).filter(|fan| !fan.pending.is_empty()) else {
            return Ok(());
        };
        let index = fan.results.len() - fan.pending.len();
        let is_own = fan.run.is_some();
        let Some(value) = fan.pending.pop_front() else { return Ok(()) };
        if is_own {
            let now = self.now;
            if let Some(fan) = self.fan_of(id) {
                fan.begin(&value, now);
            }
            let lane = Lane { item: None, ..self.child(id, index, map.processor, value) };
            let opened = self.spawn(lane);
            if let Some(fan) = self.fan_of(id) {
                fan.live.push(opened);
            }
            return Ok(());
        }
        let input = match &map.item_selector {
            None => value.clone(),
            Some(selector) => {
                let extra = Extra { item: Some((index, &value)), ..Extra::default() };
                self.evaluate(id, extra, |environment, lane| {
                    let input = shaping::select(&state.input_path, &lane.input, environment)?;
                    selector.fill(&environment.scope(&input))
                })?
            }
        };
        let name = self.execution.lanes[&id].state.clone();
        self.payload(&name, &input)?;
        let details = history::iteration("mapIterationStartedEventDetails", &name, index);
        let started =
            self.note_of(After { lane: id, event: previous }, "MapIterationStarted", details);
        let lane = self.child(id, index, map.processor, input);
        let item = Some(Item { index, value });
        let opened = self.spawn(Lane { last_event: started, item, ..lane });
        if let Some(fan) = self.fan_of(id) {
            fan.live.push(opened);
        }
        Ok(())
    }

    pub(super) fn fan_of(&mut self, id: LaneId) -> Option<&mut FanOut> {
        match &mut self.execution.lanes.get_mut(&id)?.phase {
            Phase::Fan(fan) => Some(fan),
            _ => None,
        }
    }

    /// Ends a lane (the top level, a branch or an iteration) after its last state. The lane's
    /// `input` already holds the output of this state.
    pub(super) fn end_lane(&mut self, id: LaneId) {
        let Some((parent, index)) = self.execution.lanes.get(&id).and_then(|lane| lane.parent)
        else {
            let output =
                self.execution.lanes.get(&id).map(|lane| lane.input.clone()).unwrap_or_default();
            let details = history::execution_succeeded(&output);
            self.emit(id, "ExecutionSucceeded", details);
            return self.finish(Status::Succeeded { output });
        };
        let before = self.execution.lanes.get(&id).map_or(0, |lane| lane.last_event);
        let is_map = self.state_of(parent).is_some_and(|state| matches!(state.kind, Kind::Map(..)));
        let is_own = self.execution.lanes.get(&parent).is_some_and(|lane| lane.map_run.is_some());
        if is_map {
            let name = self.execution.lanes[&parent].state.clone();
            let details = history::iteration("mapIterationSucceededEventDetails", &name, index);
            self.emit(id, "MapIterationSucceeded", details);
        }
        let Some(lane) = self.execution.lanes.remove(&id) else { return };
        let now = self.now;
        let Some(fan) = self.fan_of(parent) else { return };
        fan.end(index, now, None);
        fan.results[index] = Some(lane.input);
        fan.live.retain(|live| *live != id);
        if !is_own {
            fan.last_event = fan.last_event.max(lane.last_event);
        }
        self.go_on(parent, before);
    }

    /// Starts the next iteration, or collects the results if no iteration is pending or running.
    pub(super) fn go_on(&mut self, id: LaneId, previous: u64) {
        let Some(fan) = self.fan_of(id) else { return };
        if !fan.pending.is_empty() {
            if let Err(failure) = self.open_iteration(id, previous) {
                self.handle_failure(id, failure);
            }
        } else if fan.live.is_empty() {
            self.gather(id);
        }
    }

    /// Collects the results of a Parallel or a Map whose branches or iterations are all done.
    pub(super) fn gather(&mut self, id: LaneId) {
        let Some(state) = self.state_of(id) else { return };
        let Some(lane) = self.execution.lanes.get_mut(&id) else { return };
        let Phase::Fan(fan) = std::mem::replace(&mut lane.phase, Phase::Enter) else { return };
        lane.last_event = fan.last_event;
        if fan.run.is_some() {
            return self.run_ended(id, *fan);
        }
        let results = fan.results.into_iter().map(Option::unwrap_or_default).collect();
        let event = format!("{}StateSucceeded", state.kind.name());
        self.note_of(After { lane: id, event: fan.last_event }, event, None);
        self.complete(id, Json::Array(results));
    }
}

/// Evaluates the items of a Map.
pub(super) fn items(items: &Items, scope: &Scope<'_>) -> Result<Vec<Json>, Failure> {
    let (found, path) = match items {
        Items::Input => (scope.input.clone(), "$".to_owned()),
        Items::QueryInput => {
            return match scope.input {
                Json::Array(items) => Ok(items.clone()),
                other => Err(Failure::new(
                    QUERY,
                    format!("Map state input must be an array but was: {other}"),
                )),
            };
        }
        Items::Path(path) => (shaping::read(path, scope)?, path.to_string()),
        Items::Template(template) => {
            return match template.fill(scope)? {
                Json::Array(items) => Ok(items),
                other => Err(template.unexpected("array", &other)),
            };
        }
    };
    match found {
        Json::Array(items) => Ok(items),
        _ => {
            // In this message, Step Functions shortens the `$$` at the start of a path to `$`.
            let path = if path.starts_with("$$") { &path[1..] } else { &path };
            Err(Failure::runtime(format!("Reference path \"{path}\" must point to array.")))
        }
    }
}

//! Turns a state's result into its output and its variables: applies `ResultSelector`, `Assign`,
//! `ResultPath` and `OutputPath` or, in JSONata, `Assign` and `Output`.

use super::Work;
use super::context::Extra;
use super::lane::LaneId;
use crate::failure::Failure;
use crate::history;
use crate::json::{Json, Object};
use crate::machine::{Kind, Next, ResultPath, State};
use crate::scope::Scope;
use crate::shaping;
use crate::template::Template;
use crate::trail::NextField;

impl Work<'_, '_> {
    /// Ends the state: shapes `result` into the state's output, and goes to the next state.
    pub(super) fn complete(&mut self, id: LaneId, result: Json) {
        let Some(state) = self.state_of(id) else { return };
        let shaped = self.shape(id, state, result);
        let left = shaped.and_then(|(output, assigned)| self.exit(id, output, assigned));
        match left {
            Ok(()) => self.go_to(id, state.next.as_ref().unwrap_or(&Next::End), NextField::Next),
            Err(failure) => self.handle_failure(id, failure),
        }
    }

    fn shape(
        &mut self,
        id: LaneId,
        state: &State,
        result: Json,
    ) -> Result<(Json, Object), Failure> {
        if state.jsonata {
            return self.shape_jsonata(id, state, &result);
        }
        let (selector, result_path) = result_fields(state);
        self.evaluate(id, Extra::default(), |environment, lane| {
            let assigned = shaping::assign(state.assign.as_ref(), &environment.scope(&result))?;
            let selected = match selector {
                Some(selector) => selector.fill(&environment.scope(&result))?,
                None => result,
            };
            environment.show("afterResultSelector", &selected);
            let output = shaping::combine(result_path, &lane.input, selected)?;
            environment.show("afterResultPath", &output);
            Ok((shaping::select(&state.output_path, &output, environment)?, assigned))
        })
    }

    fn shape_jsonata(
        &mut self,
        id: LaneId,
        state: &State,
        result: &Json,
    ) -> Result<(Json, Object), Failure> {
        // In JSONata, a Pass has no `$states.result`: it passes its input on.
        let has_result = !matches!(state.kind, Kind::Pass(_));
        self.evaluate(id, Extra::default(), |environment, lane| {
            let result_seen = has_result.then_some(result);
            let scope = Scope { result: result_seen, ..environment.scope(&lane.input) };
            let assigned = shaping::assign(state.assign.as_ref(), &scope)?;
            let output = match &state.output {
                Some(template) => template.fill(&scope)?,
                None => result.clone(),
            };
            Ok((output, assigned))
        })
    }

    /// Records the exit from the state, and makes the state's output the input of the next state.
    pub(super) fn exit(
        &mut self,
        id: LaneId,
        output: Json,
        assigned: Object,
    ) -> Result<(), Failure> {
        let Some(state) = self.state_of(id) else { return Ok(()) };
        let name = self.execution.lanes[&id].state.clone();
        let text = self.payload(&name, &output)?;
        let variables = assigned.values().map(Json::size).sum::<usize>();
        if variables > self.machine.limits.payload {
            return Err(Failure::payload(&name));
        }
        let details = history::state_exited(&name, text, Some(&assigned));
        self.emit(id, format!("{}StateExited", state.kind.name()), details);
        if let Some(lane) = self.execution.lanes.get_mut(&id) {
            lane.variables.extend(assigned);
            lane.input = output;
        }
        Ok(())
    }
}

/// Returns the state's `ResultSelector` and its `ResultPath`.
fn result_fields(state: &State) -> (Option<&Template>, &ResultPath) {
    match (&state.kind, state.kind.fan()) {
        (Kind::Pass(pass), _) => (None, &pass.result_path),
        (_, Some(fan)) => (fan.result_selector.as_ref(), &fan.result_path),
        _ => (None, &ResultPath::Replace),
    }
}

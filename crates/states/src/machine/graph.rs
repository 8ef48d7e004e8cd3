//! Checks the transitions between the states of one flow: the top level, a branch or an item
//! processor.

use std::collections::HashSet;

use super::fields::Fields;
use super::{Flow, Kind, Next, State};
use crate::json::Object;
use crate::problem::Code;

/// Returns the names of the states that a state can lead to, each with the field that names it.
pub(crate) fn targets(state: &State) -> Vec<(String, &str)> {
    let mut targets = Vec::new();
    if let Some(Next::State(next)) = &state.next {
        targets.push(("Next".to_owned(), next.as_str()));
    }
    if let Kind::Choice(rules, default) = &state.kind {
        for (index, rule) in rules.iter().enumerate() {
            targets.push((format!("Choices[{index}].Next"), rule.next.as_str()));
        }
        targets.extend(default.iter().map(|default| ("Default".to_owned(), default.as_str())));
    }
    if let Some(fan) = state.kind.fan() {
        for (index, catcher) in fan.catch.iter().enumerate() {
            targets.push((format!("Catch[{index}].Next"), catcher.next.as_str()));
        }
    }
    targets
}

/// Reports transitions to states that do not exist, unreachable states, and a flow that cannot end.
///
/// `named` is the flow's field `States`. It includes the states that could not be read, so that
/// transitions to them are not reported.
pub(super) fn check(flow: &Flow, named: &Object, fields: &Fields<'_>) {
    if !flow.start_at.is_empty() && !named.contains_key(&flow.start_at) {
        let reason = format!("there is no state '{}'", flow.start_at);
        fields.coded(Code::MissingTransitionTarget).advise("StartAt", reason, &known(named));
        return;
    }
    let empty = Object::new();
    for (name, state) in &flow.states {
        let place = fields.of_state(name, &empty);
        for (field, target) in targets(state) {
            if !named.contains_key(target) {
                let reason = format!("there is no state '{target}'");
                place.coded(Code::MissingTransitionTarget).advise(&field, reason, &known(named));
            }
        }
    }
    if flow.states.len() < named.len() || flow.start_at.is_empty() {
        return;
    }
    let reached = reached(flow);
    for name in flow.states.keys().filter(|name| !reached.contains(name.as_str())) {
        let remedy = "let a Next, Default or Catch lead to it, or remove it";
        let reason = "cannot be reached from StartAt";
        fields
            .of_state(name, &empty)
            .coded(Code::MissingTransitionTarget)
            .advise("", reason, remedy);
    }
    let ends = |name: &&str| {
        flow.states.get(*name).is_some_and(|state| {
            state.next == Some(Next::End) || matches!(state.kind, Kind::Succeed | Kind::Fail { .. })
        })
    };
    if !reached.iter().any(ends) {
        let remedy =
            "give a state that can be reached \"End\": true, or add a Succeed or a Fail state";
        let reason = "no state that can be reached ends the flow";
        fields.coded(Code::MissingEndState).advise("States", reason, remedy);
    }
}

fn reached(flow: &Flow) -> HashSet<&str> {
    let mut reached = HashSet::new();
    let mut pending = vec![flow.start_at.as_str()];
    while let Some(name) = pending.pop() {
        if !reached.insert(name) {
            continue;
        }
        if let Some(state) = flow.states.get(name) {
            pending.extend(targets(state).into_iter().map(|(_, target)| target));
        }
    }
    reached
}

fn known(named: &Object) -> String {
    let names: Vec<&str> = named.keys().take(8).map(String::as_str).collect();
    let more = if named.len() > names.len() { ", …" } else { "" };
    format!("the states that it can name are {}{more}", names.join(", "))
}

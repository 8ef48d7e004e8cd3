//! Checks the variables. Their names must be valid, each variable that is read must be assigned
//! somewhere, and no inner scope (a branch or an item processor) may assign a variable of an outer
//! scope.

use std::collections::HashSet;

use super::choice::{Comparison, Operand, Test};
use super::fields::Fields;
use super::{Flow, FlowId, Items, Kind, Seconds, Selector, State, Text, Wait};
use crate::json::Object;
use crate::path::{Path, Root};
use crate::template::Template;

const MAX_NAME: usize = 80;

pub(super) fn check(flows: &[Flow], fields: &Fields<'_>) {
    if !flows.is_empty() {
        check_flow(flows, 0, &HashSet::new(), fields);
    }
}

fn check_flow(flows: &[Flow], id: FlowId, outer: &HashSet<String>, fields: &Fields<'_>) {
    let Some(flow) = flows.get(id) else { return };
    let (empty, fields) = (Object::new(), &fields.at(&flow.pointer));
    let mut visible = outer.clone();
    for (name, state) in &flow.states {
        let place = fields.of_state(name, &empty);
        for variable in assigned(state) {
            check_name(variable, &place);
            if outer.contains(variable) {
                let remedy = "use another name: an inner scope can only read this variable";
                let reason = format!("'{variable}' is a variable of an outer scope");
                place.advise("Assign", reason, remedy);
            }
            visible.insert(variable.to_owned());
        }
    }
    for (name, state) in &flow.states {
        let place = fields.of_state(name, &empty);
        // Variables that only a state's own catchers assign are not set while its branches run.
        let around = || {
            let of_others = flow.states.iter().filter(|(other, _)| *other != name);
            let others = of_others.flat_map(|(_, other)| assigned(other));
            let own = state.assign.iter().flat_map(Template::keys);
            let known = others.chain(own).chain(outer.iter().map(String::as_str));
            known.map(str::to_owned).collect::<HashSet<String>>()
        };
        for path in paths(state) {
            if let Root::Variable(variable) = path.root()
                && !visible.contains(variable)
            {
                let reason = format!("'{path}' reads the variable '{variable}', which is not set");
                place.advise("", reason, "assign it with Assign in a state before this one");
            }
        }
        match &state.kind {
            Kind::Parallel(_, branches) => {
                let around = around();
                branches.iter().for_each(|flow| check_flow(flows, *flow, &around, fields));
            }
            // The iterations of a distributed Map are separate executions, so they cannot read the
            // variables outside of the Map.
            Kind::Map(_, map) if map.distributed.is_some() => {
                check_flow(flows, map.processor, &HashSet::new(), fields);
            }
            Kind::Map(_, map) => check_flow(flows, map.processor, &around(), fields),
            _ => {}
        }
    }
}

fn check_name(name: &str, place: &Fields<'_>) {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    let field = format!("Assign.{name}");
    if !starts || !characters.all(|next| next == '_' || next.is_alphanumeric()) {
        let remedy = "a letter or an underscore, then letters, digits and underscores";
        place.advise(&field, "is not a name for a variable", remedy);
    }
    if name.chars().count() > MAX_NAME {
        place.refuse(&field, format!("the name is longer than {MAX_NAME} characters"));
    }
    if name == "states" {
        place.refuse(&field, "the name is reserved");
    }
}

fn assignments(state: &State) -> Vec<&Template> {
    let mut templates: Vec<&Template> = state.assign.iter().collect();
    if let Kind::Choice(rules, _) = &state.kind {
        templates.extend(rules.iter().filter_map(|rule| rule.assign.as_ref()));
    }
    if let Some(fan) = state.kind.fan() {
        templates.extend(fan.catch.iter().filter_map(|catcher| catcher.assign.as_ref()));
    }
    templates
}

fn assigned(state: &State) -> Vec<&str> {
    assignments(state).into_iter().flat_map(Template::keys).collect()
}

/// Returns every path in the fields of a state.
fn paths(state: &State) -> Vec<&Path> {
    let mut paths = Vec::new();
    for selector in [&state.input_path, &state.output_path] {
        if let Selector::Path(path) = selector {
            paths.push(path);
        }
    }
    let mut templates = assignments(state);
    if let Some(fan) = state.kind.fan() {
        templates.extend(fan.parameters.iter().chain(&fan.result_selector));
    }
    match &state.kind {
        Kind::Pass(pass) => templates.extend(&pass.parameters),
        Kind::Task(task) => {
            templates.extend(&task.credentials);
            paths.extend(task.timeout.iter().chain(&task.heartbeat).filter_map(by_path));
        }
        Kind::Map(_, map) => {
            templates.extend(&map.item_selector);
            if let Items::Path(path) = &map.items {
                paths.push(path);
            }
            paths.extend(map.max_concurrency.iter().filter_map(by_path));
        }
        Kind::Wait(Wait::Seconds(seconds)) => paths.extend(by_path(seconds)),
        Kind::Wait(Wait::TimestampPath(path)) => paths.push(path),
        Kind::Fail { error, cause } => {
            for text in error.iter().chain(cause) {
                if let Text::Computed(expression) = text {
                    paths.extend(expression.paths());
                }
            }
        }
        Kind::Choice(rules, _) => rules.iter().for_each(|rule| of_test(&rule.test, &mut paths)),
        _ => {}
    }
    paths.extend(templates.into_iter().flat_map(Template::paths));
    paths
}

fn by_path(seconds: &Seconds) -> Option<&Path> {
    match seconds {
        Seconds::Path(path) => Some(path),
        Seconds::Fixed(_) | Seconds::Query(..) => None,
    }
}

fn of_test<'a>(test: &'a Test, paths: &mut Vec<&'a Path>) {
    match test {
        Test::And(tests) | Test::Or(tests) => {
            tests.iter().for_each(|test| of_test(test, paths));
        }
        Test::Not(test) => of_test(test, paths),
        Test::Condition(_) => {}
        Test::Compare(variable, comparison) => {
            paths.push(variable);
            if let Comparison::Value { operand: Operand::Path(path), .. } = comparison {
                paths.push(path);
            }
        }
    }
}

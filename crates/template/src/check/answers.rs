//! Checks that the Choice states of a state machine compare a field of the waiting tasks' answers
//! with each value that the answers can contain, and with no other value.

use std::collections::BTreeSet;

use chorus_kernel::Answers;

use super::machines::parts;
use super::view::View;
use crate::machine::{Comparison, Definition, Machine};
use crate::{Finding, names};

pub(super) fn check(view: View<'_>) -> Vec<Finding> {
    let machines = Machine::all(view.stack);
    let read = |machine: &Machine| {
        let properties =
            &view.document["Resources"][names::machine(machine.spec.name)]["Properties"];
        Definition::read(&view.definition(properties)?)
    };
    let all: Vec<(&Machine, Definition)> =
        machines.iter().filter_map(|machine| Some((machine, read(machine)?))).collect();
    let nested: BTreeSet<&str> = all.iter().flat_map(|(_, definition)| parts(definition)).collect();
    // The outer machine may compare the answers of a nested machine, so both are checked together.
    let whole = all.iter().filter(|(machine, _)| !nested.contains(machine.spec.name));
    whole.flat_map(|(machine, _)| of_whole(machine, &all)).collect()
}

/// Checks a machine together with all machines nested in it.
fn of_whole(machine: &Machine, all: &[(&Machine, Definition)]) -> Vec<Finding> {
    let mut names: BTreeSet<&str> = [machine.spec.name].into();
    loop {
        let inside = all.iter().filter(|(machine, _)| names.contains(machine.spec.name));
        let more: BTreeSet<&str> = inside.flat_map(|(_, definition)| parts(definition)).collect();
        if more.is_subset(&names) {
            break;
        }
        names.extend(more);
    }
    let inside: Vec<_> = all.iter().filter(|one| names.contains(one.0.spec.name)).collect();
    let definitions: Vec<&Definition> = inside.iter().map(|(_, definition)| definition).collect();
    let declared = inside.iter().flat_map(|(machine, _)| machine.spec.answers);
    let id = names::machine(machine.spec.name);
    declared.flat_map(|answers| of_field(&id, answers, &definitions)).collect()
}

fn of_field(id: &str, answers: &Answers, definitions: &[&Definition]) -> Vec<Finding> {
    let Answers { field, values } = *answers;
    let results = definitions.iter().flat_map(|definition| definition.results(field));
    let answered: BTreeSet<&str> = values.iter().copied().chain(results).collect();
    let compared: Vec<Comparison<'_>> = definitions
        .iter()
        .flat_map(|definition| definition.comparisons())
        .filter(|comparison| comparison.field == field)
        .collect();
    let unknown = compared.iter().filter(|one| !answered.contains(one.value)).map(|one| {
        let Comparison { state, value, .. } = one;
        let problem =
            format!("compares {field} with {value} in {state}, but no task returns {value}");
        let known: Vec<&str> = answered.iter().copied().collect();
        Finding::new(id, problem, format!("Compare {field} only with {}", known.join(", ")))
    });
    let ignored = answered.iter().filter(|value| !compared.iter().any(|one| one.value == **value));
    let ignored = ignored.map(|value| {
        let problem = format!(
            "may get the answer {value} in {field}, but no Choice state compares {field} with \
             {value}"
        );
        let remedy =
            format!("Compare {field} with {value}, or remove {value} from the machine's answers");
        Finding::new(id, problem, remedy)
    });
    unknown.chain(ignored).collect()
}

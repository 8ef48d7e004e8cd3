//! The definitions of the state machines, with their placeholders filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_kernel::{Function, MachineSpec};
use serde_json::{Value, json};
use states::Machine;

use crate::Error;

/// The value for the placeholder `${Bus}`, by which definitions name this engine's bus.
const BUS: &str = "local";

/// All state machines by name. Each machine has one or more definitions, from the oldest to the
/// definition of this release, with their placeholders filled in. Older definitions stay, because
/// running executions continue with them.
#[derive(Debug)]
pub struct Definitions {
    editions: BTreeMap<&'static str, Vec<Arc<Machine>>>,
    /// For each machine, a JSON object that maps the names of its timeouts to seconds.
    limits: BTreeMap<&'static str, Value>,
}

impl Definitions {
    /// The state machines of these functions. `limits` maps a timeout's name to the number of
    /// seconds that replaces the timeout's default.
    ///
    /// # Errors
    /// If a definition is invalid, or has a `${placeholder}` without a value.
    pub fn of(functions: &[Function], limits: &BTreeMap<String, u32>) -> Result<Self, Error> {
        let mut filled = BTreeMap::from([("Bus".to_owned(), BUS.to_owned())]);
        let mut limits_of = BTreeMap::new();
        for function in functions {
            let service = function.service;
            filled.insert(format!("{}Function", service.title), service.name.to_owned());
            for machine in function.machines_under_way() {
                filled.insert(machine.name.to_owned(), machine.name.to_owned());
                let here = |(name, seconds): &(&str, u32)| {
                    ((*name).to_owned(), *limits.get(*name).unwrap_or(seconds))
                };
                let here: BTreeMap<String, u32> = machine.limits.iter().map(here).collect();
                filled
                    .extend(here.iter().map(|(name, seconds)| (name.clone(), seconds.to_string())));
                limits_of.insert(machine.name, json!(here));
            }
        }
        let machines = functions.iter().flat_map(Function::machines_under_way);
        let editions = machines.map(|machine| Ok((machine.name, all(machine, &filled)?)));
        Ok(Self { editions: editions.collect::<Result<_, Error>>()?, limits: limits_of })
    }

    /// A JSON object that maps the names of this machine's timeouts to seconds. The object becomes
    /// part of an execution's input.
    pub(crate) fn limits(&self, name: &str) -> Option<&Value> {
        self.limits.get(name)
    }

    /// Every machine's name, with the definition that new executions are started with.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Arc<Machine>)> {
        self.editions.iter().filter_map(|(name, editions)| Some((*name, editions.last()?)))
    }

    /// The machine's definition with the index `edition`. An execution stores the index of the
    /// definition with which it was started, and continues with that definition.
    pub(crate) fn get(&self, name: &str, edition: usize) -> Option<&Arc<Machine>> {
        self.editions.get(name)?.get(edition)
    }

    /// The index of the definition with which new executions of this machine are started.
    pub(crate) fn newest(&self, name: &str) -> usize {
        self.editions.get(name).map_or(0, |editions| editions.len().saturating_sub(1))
    }
}

fn all(
    machine: &MachineSpec,
    filled: &BTreeMap<String, String>,
) -> Result<Vec<Arc<Machine>>, Error> {
    let editions = machine.former.iter().chain([&machine.definition]);
    editions.map(|definition| parse(machine.name, definition, filled)).collect()
}

fn parse(
    machine: &'static str,
    definition: &str,
    filled: &BTreeMap<String, String>,
) -> Result<Arc<Machine>, Error> {
    let fill = |text: String, name: &str, value: &str| text.replace(&format!("${{{name}}}"), value);
    let own = definition.to_owned();
    let definition = filled.iter().fold(own, |text, (name, value)| fill(text, name, value));
    if let Some((_, rest)) = definition.split_once("${") {
        let name = rest.split('}').next().unwrap_or_default().to_owned();
        return Err(Error::Substitution { machine, name });
    }
    let parsed = Machine::parse(&definition);
    parsed.map(Arc::new).map_err(|problems| Error::Machine(machine, problems.to_string()))
}

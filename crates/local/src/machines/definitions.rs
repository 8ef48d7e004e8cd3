//! The machines' definitions, with what they leave to their surroundings filled in.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_kernel::{Function, MachineSpec};
use states::Machine;

use crate::Error;

/// The name that a definition calls this engine's bus by.
const BUS: &str = "local";

/// All state machines by name, with what they leave to their surroundings filled in.
#[derive(Debug)]
pub struct Definitions(BTreeMap<&'static str, Arc<Machine>>);

impl Definitions {
    /// The machines of these functions; `limits` overrule what they say of their waits.
    ///
    /// # Errors
    /// Where a definition is none, or leaves something open that nobody fills in.
    pub fn of(functions: &[Function], limits: &BTreeMap<String, u32>) -> Result<Self, Error> {
        let mut filled = BTreeMap::from([("Bus".to_owned(), BUS.to_owned())]);
        for function in functions {
            let service = function.service;
            filled.insert(format!("{}Function", service.title), service.name.to_owned());
            for machine in &function.machines {
                filled.insert(machine.name.to_owned(), machine.name.to_owned());
                for (name, seconds) in machine.limits {
                    let seconds = limits.get(*name).unwrap_or(seconds);
                    filled.insert((*name).to_owned(), seconds.to_string());
                }
            }
        }
        let machines = functions.iter().flat_map(|function| &function.machines);
        machines
            .map(|machine| Ok((machine.name, parse(machine, &filled)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Machine>> {
        self.0.get(name)
    }
}

fn parse(machine: &MachineSpec, filled: &BTreeMap<String, String>) -> Result<Arc<Machine>, Error> {
    let fill = |text: String, name: &str, value: &str| text.replace(&format!("${{{name}}}"), value);
    let own = machine.definition.to_owned();
    let definition = filled.iter().fold(own, |text, (name, value)| fill(text, name, value));
    if let Some((_, rest)) = definition.split_once("${") {
        let name = rest.split('}').next().unwrap_or_default().to_owned();
        return Err(Error::Substitution { machine: machine.name, name });
    }
    let parsed = Machine::parse(&definition);
    parsed.map(Arc::new).map_err(|problems| Error::Machine(machine.name, problems.to_string()))
}

//! Counts how many times a set of runs has entered each state and made each transition.

use indexmap::IndexMap;

use crate::machine::{Kind, Machine, Next, targets};
use crate::run::Run;
use crate::trail::{NextField, Transition};

/// How many times each state was entered and each [`Transition`] was made. States that no run has
/// entered, and transitions that no run has made, are listed with 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coverage {
    states: IndexMap<String, usize>,
    transitions: IndexMap<Transition, usize>,
}

impl Coverage {
    /// Starts the count with every state and every transition of the machine at 0.
    #[must_use]
    pub fn new(machine: &Machine) -> Self {
        let mut coverage = Self::default();
        for (name, state) in machine.flows.iter().flat_map(|flow| &flow.states) {
            coverage.states.insert(name.clone(), 0);
            for (field, target) in targets(state) {
                let to = Some(target.to_owned());
                coverage.transitions.insert(Transition { from: name.clone(), field, to }, 0);
            }
            if state.next == Some(Next::End) || matches!(state.kind, Kind::Succeed) {
                let end = Transition::new(name, &Next::End, NextField::Next);
                coverage.transitions.insert(end, 0);
            }
        }
        coverage
    }

    /// Counts the states that a run has entered and the transitions that it has made. The run
    /// must be of the same machine.
    pub fn add(&mut self, run: &Run) {
        for name in &run.entered {
            *self.states.entry(name.clone()).or_default() += 1;
        }
        for transition in &run.transitions {
            *self.transitions.entry(transition.clone()).or_default() += 1;
        }
    }

    /// Returns the name of each state, and how many times the state was entered.
    pub fn states(&self) -> impl Iterator<Item = (&str, usize)> {
        self.states.iter().map(|(name, times)| (name.as_str(), *times))
    }

    /// Returns each transition, and how many times it was made.
    pub fn transitions(&self) -> impl Iterator<Item = (&Transition, usize)> {
        self.transitions.iter().map(|(transition, times)| (transition, *times))
    }

    /// Whether every state was entered and every transition was made.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.states.values().chain(self.transitions.values()).all(|times| *times > 0)
    }
}

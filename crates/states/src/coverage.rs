//! Counts which states a set of runs has entered, and which ways between them it has taken.

use indexmap::IndexMap;

use crate::machine::{Kind, Machine, Next, targets};
use crate::run::Run;
use crate::way::{Out, Way};

/// How often each state was entered and each [`Way`] was taken. States and ways that no run has
/// reached are listed with 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coverage {
    states: IndexMap<String, usize>,
    ways: IndexMap<Way, usize>,
}

impl Coverage {
    /// Starts the count with every state and every way of the machine at 0.
    #[must_use]
    pub fn new(machine: &Machine) -> Self {
        let mut coverage = Self::default();
        for (name, state) in machine.flows.iter().flat_map(|flow| &flow.states) {
            coverage.states.insert(name.clone(), 0);
            let ways = targets(state).into_iter().map(|(field, target)| Way {
                from: name.clone(),
                field,
                to: Some(target.to_owned()),
            });
            coverage.ways.extend(ways.map(|way| (way, 0)));
            if state.next == Some(Next::End) || matches!(state.kind, Kind::Succeed) {
                coverage.ways.insert(Way::new(name, &Next::End, Out::Next), 0);
            }
        }
        coverage
    }

    /// Counts the states that a run has entered and the ways that it has taken. The run must be of
    /// the same machine.
    pub fn add(&mut self, run: &Run) {
        for name in &run.entered {
            *self.states.entry(name.clone()).or_default() += 1;
        }
        for way in &run.ways {
            *self.ways.entry(way.clone()).or_default() += 1;
        }
    }

    /// Returns the name of each state, with how often it was entered.
    pub fn states(&self) -> impl Iterator<Item = (&str, usize)> {
        self.states.iter().map(|(name, times)| (name.as_str(), *times))
    }

    /// Returns each way, with how often it was taken.
    pub fn ways(&self) -> impl Iterator<Item = (&Way, usize)> {
        self.ways.iter().map(|(way, times)| (way, *times))
    }

    /// Whether every state was entered and every way was taken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.states.values().chain(self.ways.values()).all(|times| *times > 0)
    }
}

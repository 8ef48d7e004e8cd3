//! Decides whether the recorded values of an event meet conditions.

use super::consistency;
use super::record::Record;
use super::trie::{PathId, Term};
use crate::comparison::Value;
use crate::condition::Condition;
use crate::error::EventError;

/// An event and the values that were recorded from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'v> {
    pub(crate) record: &'v Record,
    pub(crate) event: &'v str,
}

impl<'v> View<'v> {
    /// The values at `path`, each with the number of the innermost array element that contains it.
    #[inline]
    pub(crate) fn values(&self, path: PathId) -> impl Iterator<Item = (Value<'v>, u32)> + 'v {
        self.record.values(self.event, path)
    }

    /// Whether the term accepts at least one value at its path.
    #[inline]
    pub(crate) fn has_accepted(&self, term: &Term) -> bool {
        self.values(term.path).any(|(value, _)| accepts(&term.condition, value))
    }

    /// Whether the event meets all of `terms` with values from one and the same element of each
    /// array.
    #[inline]
    pub(crate) fn satisfies(&self, terms: &[Term]) -> Result<bool, EventError> {
        self.satisfies_all_but(terms, usize::MAX)
    }

    /// Does the same as [`View::satisfies`], but does not check whether the term with index `known`
    /// accepts a value: the caller has already checked this.
    pub(crate) fn satisfies_all_but(
        &self,
        terms: &[Term],
        known: usize,
    ) -> Result<bool, EventError> {
        let mut nested = 0;
        let mut conditional = false;
        for (index, term) in terms.iter().enumerate() {
            let is_nested = self.record.is_nested(term.path);
            nested += usize::from(is_nested);
            if index == known || self.has_accepted(term) {
                continue;
            }
            if !term.condition.absent {
                return Ok(false);
            }
            if self.record.holds(term.path) {
                // The term requires the field to be absent, but the event has the field. In an
                // array, another element may lack the field, and meet the other terms.
                if !is_nested {
                    return Ok(false);
                }
                conditional = true;
            }
        }
        match nested {
            0 | 1 => Ok(!conditional),
            _ => consistency::holds(self, terms),
        }
    }
}

impl View<'_> {
    /// For each of `terms`, finds the value that meets the term, and returns the value's index
    /// among the values at the term's path. The index is `None` if the field's absence meets the
    /// term. The caller knows that the event [satisfies](View::satisfies) `terms`.
    pub(crate) fn settle(&self, terms: &[Term]) -> Result<Vec<Option<usize>>, EventError> {
        consistency::settle(self, terms)
    }
}

/// Whether the condition accepts `value`.
#[inline]
pub(crate) fn accepts(condition: &Condition, value: Value<'_>) -> bool {
    condition.comparisons.iter().any(|comparison| comparison.accepts(value))
}

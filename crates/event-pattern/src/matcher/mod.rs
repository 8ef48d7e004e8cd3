//! Many rules at once.

use std::collections::BTreeMap;

use crate::error::EventError;
use crate::pattern::Pattern;

/// Rules by id.
#[derive(Debug, Default)]
pub struct Matcher<Id> {
    rules: BTreeMap<Id, Pattern>,
}

impl<Id: Ord + Clone> Matcher<Id> {
    /// No rules yet.
    #[must_use]
    pub fn new() -> Self {
        Self { rules: BTreeMap::new() }
    }

    /// Adds a rule, or replaces the one with this id.
    pub fn add(&mut self, id: Id, pattern: &Pattern) -> bool {
        self.rules.insert(id, pattern.clone()).is_some()
    }

    /// Removes a rule; tells whether there was one.
    pub fn remove(&mut self, id: &Id) -> bool {
        self.rules.remove(id).is_some()
    }

    /// The ids of the rules that match, in order.
    ///
    /// # Errors
    /// Fails if the event is not a JSON object.
    pub fn matches(&self, event: impl AsRef<[u8]>) -> Result<Vec<Id>, EventError> {
        let mut ids = Vec::new();
        for (id, pattern) in &self.rules {
            if pattern.matches(event.as_ref())? {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }
}

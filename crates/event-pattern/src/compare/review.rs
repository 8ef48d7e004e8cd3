//! Finds useless parts of a pattern: no event meets the part, every event meets it, or other parts
//! accept all that the part accepts. A part is a condition on a field, an entry of a field's array,
//! or one of the alternatives into which `$or` divides the pattern.

use std::sync::Arc;

use super::Events;
use super::axis::{self, Space};
use super::search;
use crate::comparison::Comparison;
use crate::condition::Condition;
use crate::pattern::Pattern;

/// How many alternatives are compared with each other at most. In a pattern with more alternatives,
/// none is reported as superfluous.
const MOST_ALTERNATIVES: usize = 40;

/// The useless parts of a pattern. The field `place` of a [`Condition`] is the condition's place in
/// the pattern.
#[derive(Debug, Default)]
pub(crate) struct Review {
    /// Conditions that no event meets, whether the event has the field or not.
    pub(crate) dead: Vec<Arc<Condition>>,
    /// Whether no event matches the pattern.
    pub(crate) is_dead: bool,
    /// Conditions that every event meets.
    pub(crate) idle: Vec<Arc<Condition>>,
    /// Conditions that every value meets, although they are not written as `{"exists": true}`.
    pub(crate) any_value: Vec<Arc<Condition>>,
    /// Superfluous entries of a field's array: the other entries accept the same values, too. Each
    /// entry is stored as JSON, with the condition on the field.
    pub(crate) entries: Vec<(Arc<Condition>, String)>,
    /// The indices of superfluous alternatives: other alternatives match the same events, too.
    pub(crate) alternatives: Vec<usize>,
}

pub(crate) fn review(pattern: &Pattern, events: Events) -> Review {
    let space = Space::new(pattern, pattern, events);
    let mut review = Review::default();
    let mut dead_alternatives = 0;
    for (combination, ids) in pattern.combinations.iter().zip(&space.first) {
        let dead = ids.iter().position(|id| !search::is_met(&space, *id, true));
        if let Some(condition) = dead.and_then(|index| combination.get(index)) {
            push(&mut review.dead, condition);
            dead_alternatives += 1;
        }
        for (condition, id) in combination.iter().zip(ids) {
            let classes = &space.axes[id.axis].classes;
            let values = classes.iter().filter(|class| !class.is_absence);
            let takes_values = values.clone().all(|class| class.meets[id.condition]);
            let takes_all = classes.iter().all(|class| class.meets[id.condition]);
            if takes_all {
                push(&mut review.idle, condition);
            } else if takes_values && !condition.comparisons.contains(&Comparison::Exists) {
                push(&mut review.any_value, condition);
            }
            covered_entries(condition, &mut review.entries);
        }
    }
    review.is_dead = dead_alternatives == pattern.combinations.len();
    if space.first.len() <= MOST_ALTERNATIVES {
        let mut left = space.first.clone();
        for number in (0..space.first.len()).rev() {
            let own = left.remove(number);
            let is_dead = own.iter().any(|id| !search::is_met(&space, *id, true));
            if !is_dead && !left.is_empty() && search::is_covered(&space, &own, &left) {
                review.alternatives.push(number);
            } else {
                left.insert(number, own);
            }
        }
    }
    review
}

fn push(list: &mut Vec<Arc<Condition>>, condition: &Arc<Condition>) {
    if !list.iter().any(|known| Arc::ptr_eq(known, condition)) {
        list.push(Arc::clone(condition));
    }
}

/// Finds superfluous entries: entries whose values are all accepted by the other entries. Of equal
/// entries, all but the first are found.
fn covered_entries(condition: &Arc<Condition>, found: &mut Vec<(Arc<Condition>, String)>) {
    if found.iter().any(|(known, _)| Arc::ptr_eq(known, condition)) {
        return;
    }
    let mut left: Vec<Comparison> = condition.comparisons.to_vec();
    for number in (0..condition.comparisons.len()).rev() {
        if left.len() < 2 || left.len() > 64 {
            return;
        }
        let own = left.remove(number);
        let part = |comparisons: Vec<Comparison>| {
            Arc::new(Condition {
                path: condition.path.clone(),
                place: condition.place.clone(),
                absent: false,
                comparisons: comparisons.into(),
            })
        };
        let parts = [part(vec![own.clone()]), part(left.clone())];
        let (classes, complete) = axis::classes(&parts, false);
        if complete && classes.iter().all(|class| !class.meets[0] || class.meets[1]) {
            found.push((Arc::clone(condition), own.to_string()));
        } else {
            left.insert(number, own);
        }
    }
}

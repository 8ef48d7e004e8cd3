//! Array consistency: conditions on fields of array elements must be met by one and the same
//! element of each array.
//!
//! EventBridge's engine takes the fields in the order of their paths. For each field it tries every
//! value. But once the engine has chosen an element of an array, it skips values in the array's
//! other elements. This module tries the same choices breadth first; a choice is a set of chosen
//! elements. Once no later field has a value in an array, the module drops the array's element from
//! each choice, and merges choices that are now equal. Fields whose paths have a common start
//! follow each other. A choice is therefore usually one element and the elements around this
//! element, and the work stays linear in the number of elements.

use super::record::NONE;
use super::trie::Term;
use super::view::{View, accepts};
use crate::error::EventError;

/// The maximum number of steps of a search. Only an event that repeats a member's name, or spells
/// one path in several ways (`{"a.b": 1}` and `{"a": {"b": 1}}`), can need more steps.
const MOST_STEPS: usize = 20_000_000;

/// The numbers of the chosen array elements, sorted. An element is dropped when no later term has a
/// value in the element's array.
type Choice = Vec<u32>;

struct Search<'v> {
    view: &'v View<'v>,
    /// For each array, the number of the last term with a value inside the array. Terms are
    /// numbered from 1; 0 stands for no term.
    last_use: Vec<u32>,
    steps: usize,
}

/// Where the values of one term are. `inside` has the innermost array element around each value,
/// sorted and without duplicates. `outside` is true if a value is outside of all array elements.
struct Places {
    inside: Vec<u32>,
    outside: bool,
}

/// Whether there is a choice of array elements whose values meet all of `terms`.
pub(super) fn holds(view: &View<'_>, terms: &[Term]) -> Result<bool, EventError> {
    let mut search =
        Search { view, last_use: vec![0; view.record.arrays.len()], steps: MOST_STEPS };
    for (index, term) in terms.iter().enumerate() {
        search.mark(term, index as u32 + 1)?;
    }
    let mut choices: Vec<Choice> = vec![Vec::new()];
    for (index, term) in terms.iter().enumerate() {
        choices = search.advance(choices, term, index as u32 + 1)?;
        if choices.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns, for each of `terms`, the index of a value among the values at the term's path: the
/// first value that meets the term and lets all other terms be met. The index is `None` if the
/// field's absence meets the term. Expects that [`holds`] is true for `terms`.
pub(super) fn settle(view: &View<'_>, terms: &[Term]) -> Result<Vec<Option<usize>>, EventError> {
    let mut search =
        Search { view, last_use: vec![0; view.record.arrays.len()], steps: MOST_STEPS };
    for (index, term) in terms.iter().enumerate() {
        search.mark(term, index as u32 + 1)?;
    }
    let mut settled = Vec::new();
    let mut choice = Choice::new();
    for (index, term) in terms.iter().enumerate() {
        let number = index as u32 + 1;
        let mut found = None;
        for (value, (held, element)) in view.values(term.path).enumerate() {
            if !accepts(&term.condition, held) || !search.agrees(&choice, element)? {
                continue;
            }
            let merged = choice.iter().copied().chain(search.outwards(element));
            let next = search.kept(merged, number);
            if search.can_go_on(next.clone(), terms, index + 1)? {
                found = Some((value, next));
                break;
            }
        }
        choice = match found {
            Some((value, next)) => {
                settled.push(Some(value));
                next
            }
            None => {
                settled.push(None);
                search.kept(choice.iter().copied(), number)
            }
        };
    }
    Ok(settled)
}

impl Search<'_> {
    /// Whether the terms from index `from` on can be met if the elements in `choice` are chosen.
    fn can_go_on(
        &mut self,
        choice: Choice,
        terms: &[Term],
        from: usize,
    ) -> Result<bool, EventError> {
        let mut choices = vec![choice];
        for (index, term) in terms.iter().enumerate().skip(from) {
            choices = self.advance(choices, term, index as u32 + 1)?;
            if choices.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn spend(&mut self, steps: usize) -> Result<(), EventError> {
        self.steps = self.steps.checked_sub(steps).ok_or(EventError::TooIntricate)?;
        Ok(())
    }

    /// Returns the element and the elements around it, from the inside outwards.
    fn outwards(&self, element: u32) -> impl Iterator<Item = u32> + '_ {
        let parent = |at: &u32| self.view.record.elements.get(*at as usize).map(|one| one.parent);
        std::iter::successors(Some(element), parent).filter(|at| *at != NONE)
    }

    fn array(&self, element: u32) -> u32 {
        self.view.record.elements[element as usize].array
    }

    /// Records `number`, which is the number of `term`, as the last use of every array around a
    /// value of `term`.
    fn mark(&mut self, term: &Term, number: u32) -> Result<(), EventError> {
        let places = self.places(term, |_| true);
        self.spend(places.inside.len())?;
        for element in places.inside {
            let mut at = element;
            while let Some(one) = self.view.record.elements.get(at as usize) {
                let mark = &mut self.last_use[one.array as usize];
                // If this array is already marked for this term, all arrays around it are, too.
                if *mark == number {
                    break;
                }
                *mark = number;
                at = one.parent;
            }
        }
        Ok(())
    }

    fn places(&self, term: &Term, wanted: impl Fn(crate::comparison::Value<'_>) -> bool) -> Places {
        let mut inside = Vec::new();
        let mut outside = false;
        for (value, element) in self.view.values(term.path) {
            if (element == NONE && outside) || inside.last() == Some(&element) || !wanted(value) {
                continue;
            }
            if element == NONE {
                outside = true;
            } else {
                inside.push(element);
            }
        }
        inside.sort_unstable();
        inside.dedup();
        Places { inside, outside }
    }

    fn advance(
        &mut self,
        choices: Vec<Choice>,
        term: &Term,
        number: u32,
    ) -> Result<Vec<Choice>, EventError> {
        let accepted = self.places(term, |value| accepts(&term.condition, value));
        let all = term.condition.absent.then(|| self.places(term, |_| true));
        let mut next = Vec::new();
        for choice in choices {
            self.spend(1)?;
            let mut stays = accepted.outside;
            if let Some(all) = &all {
                stays |= !all.outside && !self.reaches(&choice, &all.inside)?;
            }
            if stays {
                next.push(self.kept(choice.iter().copied(), number));
            }
            let (run, checked) = self.run(&choice, &accepted.inside);
            for &element in run {
                if checked || self.agrees(&choice, element)? {
                    let merged: Vec<_> =
                        choice.iter().copied().chain(self.outwards(element)).collect();
                    self.spend(merged.len())?;
                    next.push(self.kept(merged.into_iter(), number));
                }
                self.spend(1 + choice.len())?;
            }
        }
        next.sort_unstable();
        next.dedup();
        Ok(next)
    }

    /// Returns those of `elements` whose array contains a value of a term after the term `number`.
    fn kept(&self, elements: impl Iterator<Item = u32>, number: u32) -> Choice {
        let matters = |element: &u32| self.last_use[self.array(*element) as usize] > number;
        let mut kept: Choice = elements.filter(matters).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// Whether one of the elements in `places` can be chosen in addition to `choice`.
    fn reaches(&mut self, choice: &Choice, places: &[u32]) -> Result<bool, EventError> {
        let (run, checked) = self.run(choice, places);
        if checked {
            return Ok(!run.is_empty());
        }
        for &element in run {
            if self.agrees(choice, element)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns a part of `places`. Outside of this part, no element can be chosen in addition to
    /// `choice`. The flag is true if every element of this part can be chosen; otherwise
    /// [`Self::agrees`] has to check each element.
    fn run<'p>(&self, choice: &Choice, places: &'p [u32]) -> (&'p [u32], bool) {
        let (Some(&first), Some(&last)) = (places.first(), places.last()) else {
            return (places, true);
        };
        let mut run = places;
        let mut narrowed = 0;
        for &element in choice {
            let bounds = self.view.record.arrays[self.array(element) as usize];
            if first >= bounds.0 && last <= bounds.1 {
                let end = self.view.record.elements[element as usize].last;
                let from = run.partition_point(|place| *place < element);
                let to = run.partition_point(|place| *place <= end);
                run = &run[from..to.max(from)];
                narrowed += 1;
            }
        }
        (run, narrowed == choice.len())
    }

    /// Whether `element` can be chosen in addition to `choice`. No array may have two chosen
    /// elements. The elements around `element` are chosen together with `element`.
    fn agrees(&mut self, choice: &Choice, element: u32) -> Result<bool, EventError> {
        let mut at = element;
        while let Some(one) = self.view.record.elements.get(at as usize).copied() {
            self.spend(1 + choice.len())?;
            let other = choice.iter().any(|own| *own != at && self.array(*own) == one.array);
            if other {
                return Ok(false);
            }
            at = one.parent;
        }
        Ok(true)
    }
}

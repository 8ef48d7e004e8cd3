//! Makes events whose fields are in different elements of an array. Some pairs of patterns differ
//! only in whether they match these events.

use super::axis::{ConditionId, Space};
use super::search::{Choice, entries, find};
use super::witness::{self, Entry};

/// How many values of each field are tried in the later elements of an array.
const MOST_VALUES: usize = 3;

/// The maximum number of fields that are absent from the first array element and get values in
/// later elements. Every subset of these fields is tried.
const MOST_FIELDS: usize = 4;

/// How many random events are tried for each array, after the systematically chosen events.
const RANDOM_EVENTS: usize = 80;

/// Searches for an event that `accepts_event` accepts. The first element of an array has values of
/// the classes in `choice`. The later elements have values of fields that the first element lacks,
/// or random values.
pub(super) fn with_other_elements(
    space: &Space,
    choice: &Choice,
    accepts_event: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let main = entries(space, choice);
    for node in nodes(space) {
        let below: Vec<usize> = (0..space.axes.len())
            .filter(|axis| relative(&space.axes[*axis].path, &node).is_some())
            .collect();
        let absent = below.iter().copied().filter(|axis| {
            choice[*axis].is_none_or(|class| space.axes[*axis].classes[class].value.is_none())
        });
        let absent: Vec<usize> = absent.take(MOST_FIELDS).collect();
        for fields in 1..(1usize << absent.len()) {
            let some: Vec<usize> = (0..absent.len())
                .filter(|bit| fields >> bit & 1 == 1)
                .map(|bit| absent[bit])
                .collect();
            for turn in 0..MOST_VALUES {
                let noise: Vec<Entry> =
                    some.iter().filter_map(|axis| valued(space, *axis, turn)).collect();
                let apart: Vec<Vec<Entry>> = noise.iter().cloned().map(|one| vec![one]).collect();
                for elements in [vec![noise], apart] {
                    let event = with_elements(&main, &node, &elements);
                    if accepts_event(&event) {
                        return Some(event);
                    }
                }
            }
        }
        let mut dice = PseudoRandom(0x9E37_79B9_7F4A_7C15);
        for _ in 0..RANDOM_EVENTS {
            let elements: Vec<Vec<Entry>> = (0..1 + dice.below(2))
                .map(|_| {
                    let some: Vec<usize> =
                        below.iter().copied().filter(|_| dice.below(2) == 0).collect();
                    some.into_iter()
                        .filter_map(|axis| valued(space, axis, dice.below(16)))
                        .collect()
                })
                .collect();
            let event = with_elements(&main, &node, &elements);
            if accepts_event(&event) {
                return Some(event);
            }
        }
    }
    None
}

/// Makes an event with two array elements. The values in the first element meet the conditions
/// `one`, the values in the second element meet the conditions `two`. Returns `None` if `meets`
/// rejects the event.
pub(super) fn side_by_side(
    space: &Space,
    one: &[ConditionId],
    two: &[ConditionId],
    meets: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let values = |combination: &[ConditionId]| -> Vec<Entry> {
        let value = |(index, axis): (usize, &super::axis::Axis)| {
            let id = find(combination, index)?;
            let class = axis
                .classes
                .iter()
                .find(|class| class.value.is_some() && class.meets[id.condition])?;
            Some((axis.path.clone(), class.value.clone()?))
        };
        space.axes.iter().enumerate().filter_map(value).collect()
    };
    let alone = |index: usize| {
        let ids: Vec<ConditionId> =
            [one, two].into_iter().filter_map(|all| find(all, index)).collect();
        let classes = &space.axes[index].classes;
        let meets_all = |class: &usize| ids.iter().all(|id| space.meets(*id, *class));
        classes[(0..classes.len()).find(meets_all)?].value.clone()
    };
    let (one, two) = (values(one), values(two));
    let mut groups: Vec<&str> = space.axes.iter().map(|axis| top(&axis.path)).collect();
    groups.dedup();
    let held: Vec<Entry> = groups
        .into_iter()
        .filter_map(|group| {
            let single = |axis: &super::axis::Axis| axis.single && axis.path == group;
            if let Some(index) = space.axes.iter().position(single) {
                return Some((group.to_owned(), alone(index)?));
            }
            let of = |all: &[Entry]| -> Vec<Entry> {
                let inside = |(path, value): &Entry| {
                    Some((relative(path, group)?.to_owned(), value.clone()))
                };
                all.iter().filter_map(inside).collect()
            };
            let elements = [of(&one), of(&two)];
            let written = elements.iter().filter(|own| !own.is_empty());
            let written: Vec<String> = written.map(|own| witness::element(own)).collect();
            (!written.is_empty()).then(|| (group.to_owned(), format!("[{}]", written.join(","))))
        })
        .collect();
    let event = witness::object(&held);
    meets(&event).then_some(event)
}

fn top(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// Returns each path at or below which there are at least two fields.
fn nodes(space: &Space) -> Vec<String> {
    let mut nodes: Vec<String> = Vec::new();
    for axis in &space.axes {
        let ends = axis.path.match_indices('.').map(|(at, _)| at).chain([axis.path.len()]);
        nodes.extend(ends.map(|end| axis.path[..end].to_owned()));
    }
    nodes.sort_unstable();
    nodes.dedup();
    let shared = |node: &String| {
        space.axes.iter().filter(|axis| relative(&axis.path, node).is_some()).count() > 1
    };
    nodes.retain(shared);
    nodes
}

/// Returns the part of a path below `node`, empty for `node` itself; `None` if the path is neither
/// `node` nor below `node`.
fn relative<'p>(path: &'p str, node: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(node)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

/// Returns a field with one of its values; `turn` selects the value.
fn valued(space: &Space, axis: usize, turn: usize) -> Option<Entry> {
    let axis = &space.axes[axis];
    let values: Vec<&String> =
        axis.classes.iter().filter_map(|class| class.value.as_ref()).collect();
    let value = values.get(turn % values.len().max(1))?;
    Some((axis.path.clone(), (*value).clone()))
}

/// Makes an event from `main`, but with an array at `node`. The array's first element has the
/// entries of `main` below `node`; the elements in `others` follow.
fn with_elements(main: &[Entry], node: &str, others: &[Vec<Entry>]) -> String {
    let below = |all: &[Entry]| -> Vec<Entry> {
        let inside =
            |(path, value): &Entry| Some((relative(path, node)?.to_owned(), value.clone()));
        all.iter().filter_map(inside).collect()
    };
    let first = below(main);
    let elements = std::iter::once(&first).filter(|own| !own.is_empty()).cloned();
    let elements = elements.chain(others.iter().map(|own| below(own)));
    let written: Vec<String> = elements.map(|own| witness::element(&own)).collect();
    let mut held: Vec<Entry> =
        main.iter().filter(|(path, _)| relative(path, node).is_none()).cloned().collect();
    held.push((node.to_owned(), format!("[{}]", written.join(","))));
    witness::object(&held)
}

/// A source of pseudo-random numbers that gives the same numbers each time.
struct PseudoRandom(u64);

impl PseudoRandom {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

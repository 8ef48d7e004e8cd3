//! Searches for events that only one of two patterns matches, or that both patterns match.

use super::arrays;
use super::axis::{ConditionId, Space};
use super::witness::{self, Entry};

/// The number of steps after which a search is given up.
const MOST_STEPS: usize = 400_000;

/// In at most this many doubtful cases, a search tries events with arrays of objects.
const MOST_DOUBTS: usize = 60;

/// For each field, the index of the chosen [class of values](super::axis::Class); `None` if no
/// class is chosen.
pub(super) type Choice = Vec<Option<usize>>;

/// The result of a search.
#[derive(Debug)]
pub(super) enum Outcome {
    Found(String),
    /// The search proved that the event which it looked for does not exist.
    None,
    Unknown,
}

impl Outcome {
    pub(super) fn event(self) -> Option<String> {
        match self {
            Self::Found(event) => Some(event),
            Self::None | Self::Unknown => None,
        }
    }
}

struct Search<'s> {
    space: &'s Space,
    inside: &'s [ConditionId],
    outside: &'s [Vec<ConditionId>],
    /// The fields in the order in which their classes are chosen.
    order: Vec<usize>,
    chosen: Choice,
    /// Whether classes that may be empty are chosen, too.
    with_possibly_empty: bool,
    steps: usize,
    /// The doubtful choices. In an event without arrays, a combination in `outside` matches the
    /// chosen values. If the same values are in array elements, perhaps no combination in `outside`
    /// matches.
    doubts: Vec<Choice>,
}

/// Searches for an event that the first pattern matches and the second does not. With `flip`, the
/// second pattern must match and the first must not.
pub(super) fn outside(space: &Space, flip: bool, accepts_event: &dyn Fn(&str) -> bool) -> Outcome {
    let (inside, outside) =
        if flip { (&space.second, &space.first) } else { (&space.first, &space.second) };
    let searched = match all_outside(space, inside, outside, false) {
        All::Counterexample(choice) => {
            let event = witness::object(&entries(space, &choice));
            return if accepts_event(&event) { Outcome::Found(event) } else { Outcome::Unknown };
        }
        All::Covered => Vec::new(),
        All::Doubted(doubts) => doubts,
    };
    let mut closer = searched.iter();
    if let Some(event) =
        closer.find_map(|choice| arrays::with_other_elements(space, choice, accepts_event))
    {
        return Outcome::Found(event);
    }
    let is_proved = space.complete
        && searched.is_empty()
        && (!space.may_have_empty_class
            || matches!(all_outside(space, inside, outside, true), All::Covered));
    if is_proved { Outcome::None } else { Outcome::Unknown }
}

/// Whether each event that meets all conditions of `inside` also meets all conditions of at least
/// one element of `outside`.
pub(super) fn is_covered(
    space: &Space,
    inside: &[ConditionId],
    outside: &[Vec<ConditionId>],
) -> bool {
    let inside = [inside.to_vec()];
    space.complete && matches!(all_outside(space, &inside, outside, true), All::Covered)
}

/// The result of a search for an event that an element of `inside` matches, and that no element of
/// `outside` matches. An element matches an event that meets all conditions of the element.
enum All {
    /// A choice of classes that `inside` matches and `outside` does not.
    Counterexample(Choice),
    /// Every event that `inside` matches is also matched by `outside`.
    Covered,
    Doubted(Vec<Choice>),
}

fn all_outside(
    space: &Space,
    inside: &[Vec<ConditionId>],
    outside: &[Vec<ConditionId>],
    with_possibly_empty: bool,
) -> All {
    let (mut doubts, mut steps) = (Vec::new(), 0);
    for combination in inside {
        if !combination.iter().all(|id| is_met(space, *id, with_possibly_empty)) {
            continue;
        }
        let mut search = Search::new(space, combination, outside);
        (search.steps, search.with_possibly_empty) = (steps, with_possibly_empty);
        if search.go(0, &(0..outside.len()).collect::<Vec<_>>()) {
            return All::Counterexample(search.chosen);
        }
        steps = search.steps;
        doubts.append(&mut search.doubts);
        if steps > MOST_STEPS {
            doubts.push(vec![None; space.axes.len()]);
            break;
        }
    }
    doubts.truncate(MOST_DOUBTS);
    if doubts.is_empty() { All::Covered } else { All::Doubted(doubts) }
}

/// Whether some class meets the condition. Classes that may be empty count only if
/// `with_possibly_empty` is set.
pub(super) fn is_met(space: &Space, id: ConditionId, with_possibly_empty: bool) -> bool {
    let classes = &space.axes[id.axis].classes;
    classes
        .iter()
        .any(|class| class.meets[id.condition] && (with_possibly_empty || !class.may_be_empty()))
}

/// Returns the value of each field for which a class of values was chosen.
pub(super) fn entries(space: &Space, choice: &Choice) -> Vec<Entry> {
    let chosen = space.axes.iter().zip(choice);
    let held = chosen.filter_map(|(axis, class)| {
        let value = axis.classes[(*class)?].value.clone()?;
        Some((axis.path.clone(), value))
    });
    held.collect()
}

impl<'s> Search<'s> {
    fn new(space: &'s Space, inside: &'s [ConditionId], outside: &'s [Vec<ConditionId>]) -> Self {
        let mut order: Vec<usize> = inside.iter().map(|id| id.axis).collect();
        order.extend((0..space.axes.len()).filter(|axis| find(inside, *axis).is_none()));
        let chosen = vec![None; space.axes.len()];
        let (with_possibly_empty, steps, doubts) = (false, 0, Vec::new());
        Self { space, inside, outside, order, chosen, with_possibly_empty, steps, doubts }
    }

    /// Chooses a class for each field from position `depth` of `order` on, so that an event of the
    /// chosen classes matches none of the combinations of `outside` whose indices are in `alive`.
    /// Returns whether this was possible.
    fn go(&mut self, depth: usize, alive: &[usize]) -> bool {
        if alive.is_empty() {
            self.fill(depth);
            return true;
        }
        self.steps += 1;
        if self.steps > MOST_STEPS || alive.iter().any(|one| self.is_covered(&self.outside[*one])) {
            return false;
        }
        let Some(axis) = self.order.get(depth).copied() else {
            if self.doubts.len() < MOST_DOUBTS {
                self.doubts.push(self.chosen.clone());
            }
            return false;
        };
        for class in self.options(axis) {
            self.chosen[axis] = Some(class);
            let holds = |one: &&usize| {
                find(&self.outside[**one], axis).is_none_or(|id| self.space.meets(id, class))
            };
            let left: Vec<usize> = alive.iter().filter(holds).copied().collect();
            if self.go(depth + 1, &left) {
                return true;
            }
        }
        self.chosen[axis] = None;
        false
    }

    /// Chooses a class for each field from position `depth` of `order` on: one that meets the
    /// field's condition in `inside`, or absence if `inside` has no condition on the field.
    fn fill(&mut self, depth: usize) {
        for axis in self.order[depth..].iter().copied() {
            let class = match find(self.inside, axis) {
                Some(id) => {
                    self.options(axis).into_iter().find(|class| self.space.meets(id, *class))
                }
                None => self.space.absence(axis).or(Some(0)),
            };
            self.chosen[axis] = class;
        }
    }

    /// Returns the classes that `inside` accepts and that are worth trying. Of several classes of
    /// values that meet the same conditions of `outside`, only the first is worth trying. A class
    /// that meets more conditions of `outside` than another class, including all that the other
    /// class meets, is not worth trying.
    fn options(&self, axis: usize) -> Vec<usize> {
        let classes = &self.space.axes[axis].classes;
        let own = find(self.inside, axis);
        let ids: Vec<ConditionId> =
            self.outside.iter().filter_map(|combination| find(combination, axis)).collect();
        let all: Vec<usize> = (0..classes.len())
            .filter(|class| self.with_possibly_empty || !classes[*class].may_be_empty())
            .filter(|class| own.is_none_or(|id| self.space.meets(id, *class)))
            .collect();
        let meets_no_more = |left: usize, right: usize| {
            ids.iter().all(|id| !self.space.meets(*id, left) || self.space.meets(*id, right))
        };
        let is_worse = |class: &usize| {
            !classes[*class].is_absence
                && all.iter().any(|other| {
                    let less = meets_no_more(*other, *class);
                    let more = meets_no_more(*class, *other);
                    !classes[*other].is_absence && less && (!more || other < class)
                })
        };
        all.iter().filter(|class| !is_worse(class)).copied().collect()
    }

    /// Whether `combination` matches every event with the chosen values, even if fields are in
    /// array elements. This requires that `combination` selects the same elements as `inside`, and
    /// that each field that must be absent is absent from these elements or from the whole event.
    fn is_covered(&self, combination: &[ConditionId]) -> bool {
        combination.iter().all(|id| match self.chosen[id.axis] {
            _ if self.is_indifferent(combination, *id) => true,
            None => false,
            Some(class) if !self.space.axes[id.axis].classes[class].is_absence => true,
            Some(_) => self.is_absent_for(combination, id.axis),
        })
    }

    /// Whether the condition accepts every value as well as absence, and selects no array element
    /// for later fields.
    fn is_indifferent(&self, combination: &[ConditionId], id: ConditionId) -> bool {
        let axis = &self.space.axes[id.axis];
        let mut later = combination.iter().filter(|other| other.axis > id.axis);
        axis.classes.iter().all(|class| class.meets[id.condition])
            && !later.any(|other| self.space.axes[other.axis].group == axis.group)
    }

    fn is_absent_for(&self, combination: &[ConditionId], absent: usize) -> bool {
        let group = self.space.axes[absent].group;
        let is_own = find(self.inside, absent).is_some();
        (0..self.space.axes.len()).filter(|axis| *axis != absent).all(|axis| {
            if self.space.axes[axis].group != group {
                return true;
            }
            let is_before = axis < absent;
            let by_inside = find(self.inside, axis).is_some();
            let matters = if is_own { by_inside && is_before } else { by_inside || is_before };
            let is_value = match self.chosen[axis] {
                None => true,
                Some(class) => !self.space.axes[axis].classes[class].is_absence,
            };
            let is_chosen = is_before && find(combination, axis).is_some();
            !matters || !is_value || (is_chosen && self.chosen[axis].is_some())
        })
    }
}

pub(super) fn find(combination: &[ConditionId], axis: usize) -> Option<ConditionId> {
    combination.iter().find(|id| id.axis == axis).copied()
}

/// Searches for an event that both patterns match.
pub(super) fn find_overlap(space: &Space, meets: &dyn Fn(&str) -> bool) -> Outcome {
    let pairs =
        || space.first.iter().flat_map(|one| space.second.iter().map(move |two| (one, two)));
    let mut doubts = Vec::new();
    for (steps, (one, two)) in pairs().enumerate() {
        if steps > MOST_STEPS {
            return Outcome::Unknown;
        }
        match combine(space, one, two) {
            Combined::Event(event) if meets(&event) => return Outcome::Found(event),
            Combined::Never => {}
            Combined::Event(_) | Combined::Doubt => doubts.push((one, two)),
        }
    }
    let is_proved = space.complete && doubts.is_empty();
    let mut tried = doubts.into_iter().take(MOST_DOUBTS);
    let found = tried.find_map(|(one, two)| arrays::side_by_side(space, one, two, meets));
    match found {
        Some(event) => Outcome::Found(event),
        None if is_proved => Outcome::None,
        None => Outcome::Unknown,
    }
}

enum Combined {
    Event(String),
    Never,
    Doubt,
}

/// Makes an event that the combinations `one` and `two` both match. Each field gets values that
/// meet its conditions in both combinations.
fn combine(space: &Space, one: &[ConditionId], two: &[ConditionId]) -> Combined {
    let mut held = Vec::new();
    let mut doubt = false;
    for (index, axis) in space.axes.iter().enumerate() {
        let ids: Vec<ConditionId> =
            [one, two].into_iter().filter_map(|all| find(all, index)).collect();
        if !ids.iter().all(|id| is_met(space, *id, true)) {
            return Combined::Never;
        }
        let meets_all = |class: &usize| ids.iter().all(|id| space.meets(*id, *class));
        let is_value = |class: &usize| axis.classes[*class].value.is_some();
        let all = || (0..axis.classes.len()).filter(|class| !axis.classes[*class].may_be_empty());
        let classes = match (all().filter(is_value).find(meets_all), all().find(meets_all)) {
            (Some(_), _) if ids.is_empty() && !axis.single => Vec::new(),
            (Some(value), _) => vec![value],
            (None, Some(_)) => Vec::new(),
            (None, None) if (0..axis.classes.len()).any(|class| meets_all(&class)) => {
                doubt = true;
                Vec::new()
            }
            (None, None) if axis.single => return Combined::Never,
            (None, None) => {
                let value = |id: &ConditionId| {
                    all().filter(is_value).find(|class| space.meets(*id, *class))
                };
                let values: Vec<usize> = ids.iter().filter_map(value).collect();
                if values.len() < ids.len() {
                    // One combination requires this field to be absent, the other combination
                    // requires a value. Both combinations can match an event only if the field is
                    // in an array: one element lacks the field, and the combination that requires
                    // the absence has matched an earlier field in that element.
                    let without = [one, two]
                        .into_iter()
                        .find(|all| find(all, index).is_some_and(|id| !space.takes_values(id)));
                    if without.is_some_and(|all| !chose_before(space, all, index)) {
                        return Combined::Never;
                    }
                    doubt = true;
                }
                values
            }
        };
        let values: Vec<&str> =
            classes.iter().filter_map(|class| axis.classes[*class].value.as_deref()).collect();
        if !values.is_empty() {
            held.push((axis.path.clone(), witness::array(&values)));
        }
    }
    if doubt { Combined::Doubt } else { Combined::Event(witness::object(&held)) }
}

/// Whether a combination may have selected an array element before EventBridge's engine checks the
/// field `axis`.
fn chose_before(space: &Space, combination: &[ConditionId], axis: usize) -> bool {
    let group = space.axes[axis].group;
    let mut before = combination.iter().filter(|id| id.axis < axis);
    before.any(|id| space.axes[id.axis].group == group && space.takes_values(*id))
}

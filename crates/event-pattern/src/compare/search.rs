//! Searches for events that one pattern matches and another does not, or that both match.

use super::arrays;
use super::axis::{Ask, Space};
use super::witness::{self, Entry};

/// The number of steps after which a search is given up.
const MOST_STEPS: usize = 400_000;

/// How many of the choices that may hide a difference are examined with arrays.
const MOST_DOUBTS: usize = 60;

/// The class chosen for each field; `None` where none has been chosen.
pub(super) type Choice = Vec<Option<usize>>;

/// The result of a search.
#[derive(Debug)]
pub(super) enum Outcome {
    Found(String),
    /// There is no such event.
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
    inside: &'s [Ask],
    outside: &'s [Vec<Ask>],
    /// The fields in the order in which they are chosen.
    order: Vec<usize>,
    chosen: Choice,
    /// Whether classes that may be empty are chosen too.
    conceive: bool,
    steps: usize,
    /// Choices that one of `outside` matches as plain objects, but perhaps not if fields are in
    /// elements of arrays.
    doubts: Vec<Choice>,
}

/// Searches for an event that the first pattern matches and the second does not; with `flip`, the
/// other way round.
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
    if let Some(event) = closer.find_map(|choice| arrays::around(space, choice, accepts_event)) {
        return Outcome::Found(event);
    }
    let is_proved = space.complete
        && searched.is_empty()
        && (!space.conceives || matches!(all_outside(space, inside, outside, true), All::Covered));
    if is_proved { Outcome::None } else { Outcome::Unknown }
}

/// Whether every event that `inside` matches is matched by one of `outside`.
pub(super) fn is_covered(space: &Space, inside: &[Ask], outside: &[Vec<Ask>]) -> bool {
    let inside = [inside.to_vec()];
    space.complete && matches!(all_outside(space, &inside, outside, true), All::Covered)
}

/// The result of a search over all combinations of the pattern `inside`, for an event that no
/// combination of the pattern `outside` matches.
enum All {
    /// A choice that `inside` matches and `outside` does not.
    Counterexample(Choice),
    /// Every event that `inside` matches is matched by `outside` too.
    Covered,
    Doubted(Vec<Choice>),
}

fn all_outside(space: &Space, inside: &[Vec<Ask>], outside: &[Vec<Ask>], conceive: bool) -> All {
    let (mut doubts, mut steps) = (Vec::new(), 0);
    for combination in inside {
        if !combination.iter().all(|ask| is_met(space, *ask, conceive)) {
            continue;
        }
        let mut search = Search::new(space, combination, outside);
        (search.steps, search.conceive) = (steps, conceive);
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

/// Whether some class meets the condition; with `conceive`, also one that may be empty.
pub(super) fn is_met(space: &Space, ask: Ask, conceive: bool) -> bool {
    let classes = &space.axes[ask.axis].classes;
    classes.iter().any(|class| class.meets[ask.condition] && (conceive || !class.may_be_empty()))
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
    fn new(space: &'s Space, inside: &'s [Ask], outside: &'s [Vec<Ask>]) -> Self {
        let mut order: Vec<usize> = inside.iter().map(|ask| ask.axis).collect();
        order.extend((0..space.axes.len()).filter(|axis| find(inside, *axis).is_none()));
        let chosen = vec![None; space.axes.len()];
        let (conceive, steps, doubts) = (false, 0, Vec::new());
        Self { space, inside, outside, order, chosen, conceive, steps, doubts }
    }

    /// Chooses a class for each field from `depth` on, so that the event matches none of the
    /// combinations in `alive`. Returns whether this was possible.
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
                find(&self.outside[**one], axis).is_none_or(|ask| self.space.meets(ask, class))
            };
            let left: Vec<usize> = alive.iter().filter(holds).copied().collect();
            if self.go(depth + 1, &left) {
                return true;
            }
        }
        self.chosen[axis] = None;
        false
    }

    /// Chooses any suitable class for each remaining field.
    fn fill(&mut self, depth: usize) {
        for axis in self.order[depth..].iter().copied() {
            let class = match find(self.inside, axis) {
                Some(ask) => {
                    self.options(axis).into_iter().find(|class| self.space.meets(ask, *class))
                }
                None => self.space.absence(axis).or(Some(0)),
            };
            self.chosen[axis] = class;
        }
    }

    /// Returns the classes worth trying. Of two classes of values that `inside` accepts, the one
    /// that meets more conditions of `outside` is left out.
    fn options(&self, axis: usize) -> Vec<usize> {
        let classes = &self.space.axes[axis].classes;
        let own = find(self.inside, axis);
        let asks: Vec<Ask> =
            self.outside.iter().filter_map(|combination| find(combination, axis)).collect();
        let all: Vec<usize> = (0..classes.len())
            .filter(|class| self.conceive || !classes[*class].may_be_empty())
            .filter(|class| own.is_none_or(|ask| self.space.meets(ask, *class)))
            .collect();
        let meets_no_more = |left: usize, right: usize| {
            asks.iter().all(|ask| !self.space.meets(*ask, left) || self.space.meets(*ask, right))
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
    /// elements of arrays. This is so if it selects the same elements as `inside`, and if every
    /// field that it wants to be absent is absent from the whole event, or from elements that it
    /// has selected as well.
    fn is_covered(&self, combination: &[Ask]) -> bool {
        combination.iter().all(|ask| match self.chosen[ask.axis] {
            _ if self.is_indifferent(combination, *ask) => true,
            None => false,
            Some(class) if !self.space.axes[ask.axis].classes[class].is_absence => true,
            Some(_) => self.is_absent_for(combination, ask.axis),
        })
    }

    /// Whether the condition accepts every value as well as absence, and selects no array element
    /// for later fields.
    fn is_indifferent(&self, combination: &[Ask], ask: Ask) -> bool {
        let axis = &self.space.axes[ask.axis];
        let mut later = combination.iter().filter(|other| other.axis > ask.axis);
        axis.classes.iter().all(|class| class.meets[ask.condition])
            && !later.any(|other| self.space.axes[other.axis].group == axis.group)
    }

    fn is_absent_for(&self, combination: &[Ask], absent: usize) -> bool {
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

pub(super) fn find(combination: &[Ask], axis: usize) -> Option<Ask> {
    combination.iter().find(|ask| ask.axis == axis).copied()
}

/// Searches for an event that both patterns match.
pub(super) fn both(space: &Space, meets: &dyn Fn(&str) -> bool) -> Outcome {
    let pairs =
        || space.first.iter().flat_map(|one| space.second.iter().map(move |two| (one, two)));
    let mut doubts = Vec::new();
    for (steps, (one, two)) in pairs().enumerate() {
        if steps > MOST_STEPS {
            return Outcome::Unknown;
        }
        match together(space, one, two) {
            Together::Event(event) if meets(&event) => return Outcome::Found(event),
            Together::Never => {}
            Together::Event(_) | Together::Doubt => doubts.push((one, two)),
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

enum Together {
    Event(String),
    Never,
    Doubt,
}

/// Makes an event that two combinations both match, where the values of each field meet the
/// conditions of both.
fn together(space: &Space, one: &[Ask], two: &[Ask]) -> Together {
    let mut held = Vec::new();
    let mut doubt = false;
    for (index, axis) in space.axes.iter().enumerate() {
        let asks: Vec<Ask> = [one, two].into_iter().filter_map(|all| find(all, index)).collect();
        if !asks.iter().all(|ask| is_met(space, *ask, true)) {
            return Together::Never;
        }
        let meets_all = |class: &usize| asks.iter().all(|ask| space.meets(*ask, *class));
        let is_value = |class: &usize| axis.classes[*class].value.is_some();
        let all = || (0..axis.classes.len()).filter(|class| !axis.classes[*class].may_be_empty());
        let classes = match (all().filter(is_value).find(meets_all), all().find(meets_all)) {
            (Some(_), _) if asks.is_empty() && !axis.single => Vec::new(),
            (Some(value), _) => vec![value],
            (None, Some(_)) => Vec::new(),
            (None, None) if (0..axis.classes.len()).any(|class| meets_all(&class)) => {
                doubt = true;
                Vec::new()
            }
            (None, None) if axis.single => return Together::Never,
            (None, None) => {
                let value =
                    |ask: &Ask| all().filter(is_value).find(|class| space.meets(*ask, *class));
                let values: Vec<usize> = asks.iter().filter_map(value).collect();
                if values.len() < asks.len() {
                    // One of the two wants the field to be absent. At best it is absent from the
                    // array element that this combination has selected before.
                    let without = [one, two]
                        .into_iter()
                        .find(|all| find(all, index).is_some_and(|ask| !space.takes_values(ask)));
                    if without.is_some_and(|all| !chose_before(space, all, index)) {
                        return Together::Never;
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
    if doubt { Together::Doubt } else { Together::Event(witness::object(&held)) }
}

/// Whether a combination may have selected an array element before it comes to a field.
fn chose_before(space: &Space, combination: &[Ask], axis: usize) -> bool {
    let group = space.axes[axis].group;
    let mut before = combination.iter().filter(|ask| ask.axis < axis);
    before.any(|ask| space.axes[ask.axis].group == group && space.takes_values(*ask))
}

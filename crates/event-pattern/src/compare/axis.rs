//! The fields of two patterns, each with the classes of values that its conditions distinguish.

use std::sync::Arc;

use super::{Events, numbers, strings};
use crate::comparison::{Comparison, Value};
use crate::condition::Condition;
use crate::number;
use crate::pattern::Pattern;

/// Fields that every event from EventBridge has, each with a single string.
const ENVELOPE: [&str; 7] = ["version", "id", "detail-type", "source", "account", "time", "region"];

/// A set of values that all conditions on a field treat alike, or the field's absence.
#[derive(Debug, Clone)]
pub(super) struct Class {
    /// A value of the class, as JSON; `None` for absence, and for a class of which no value is
    /// known.
    pub(super) value: Option<String>,
    /// Whether the class is the field's absence.
    pub(super) is_absence: bool,
    /// For each condition on the field, whether the class meets it.
    pub(super) meets: Vec<bool>,
}

/// A field with its classes of values.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) path: String,
    /// Fields with the same top-level name have the same number here. Only such fields can be in
    /// elements of the same array.
    pub(super) group: usize,
    /// Whether the field is present in every event, with a single value.
    pub(super) single: bool,
    pub(super) classes: Vec<Class>,
    conditions: Vec<Arc<Condition>>,
}

/// Identifies a condition by the index of its field in [`Space::axes`], and by the condition's
/// index among the field's conditions.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConditionId {
    pub(super) axis: usize,
    pub(super) condition: usize,
}

/// Two patterns, and the fields of both in the order in which EventBridge's engine checks them.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) axes: Vec<Axis>,
    pub(super) first: Vec<Vec<ConditionId>>,
    pub(super) second: Vec<Vec<ConditionId>>,
    /// Whether every class of every field is known.
    pub(super) complete: bool,
    /// Whether some class may be empty.
    pub(super) may_have_empty_class: bool,
}

impl Class {
    /// Whether no value of the class is known, so that the class may be empty.
    pub(super) fn may_be_empty(&self) -> bool {
        self.value.is_none() && !self.is_absence
    }
}

impl Space {
    pub(super) fn new(first: &Pattern, second: &Pattern, events: Events) -> Self {
        let combinations = || first.combinations.iter().chain(second.combinations.iter());
        let mut paths: Vec<&str> =
            combinations().flat_map(|all| all.iter().map(|one| &*one.path)).collect();
        paths.sort_unstable_by(|left, right| left.encode_utf16().cmp(right.encode_utf16()));
        paths.dedup();
        let mut space = Self {
            axes: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
            complete: true,
            may_have_empty_class: false,
        };
        let mut groups: Vec<&str> = Vec::new();
        for path in paths {
            let top = path.split('.').next().unwrap_or_default();
            let known = groups.iter().position(|one| *one == top);
            let group = known.unwrap_or_else(|| {
                groups.push(top);
                groups.len() - 1
            });
            let mut conditions: Vec<Arc<Condition>> = Vec::new();
            for condition in combinations().flat_map(|all| all.iter()) {
                if *condition.path == *path && !conditions.contains(condition) {
                    conditions.push(Arc::clone(condition));
                }
            }
            let single = events == Events::Delivered && ENVELOPE.contains(&path);
            let (classes, complete) = classes(&conditions, single);
            space.complete &= complete;
            space.may_have_empty_class |= classes.iter().any(Class::may_be_empty);
            space.axes.push(Axis { path: path.to_owned(), group, single, classes, conditions });
        }
        space.first = first.combinations.iter().map(|all| space.ids(all)).collect();
        space.second = second.combinations.iter().map(|all| space.ids(all)).collect();
        space
    }

    fn ids(&self, combination: &[Arc<Condition>]) -> Vec<ConditionId> {
        let id = |condition: &Arc<Condition>| {
            let axis = self.axes.iter().position(|axis| axis.path == *condition.path)?;
            let known = self.axes[axis].conditions.iter().position(|one| one == condition)?;
            Some(ConditionId { axis, condition: known })
        };
        combination.iter().filter_map(id).collect()
    }

    /// Whether the class with the index `class` meets the condition.
    pub(super) fn meets(&self, id: ConditionId, class: usize) -> bool {
        self.axes[id.axis].classes[class].meets[id.condition]
    }

    /// Whether some value, not only absence, meets the condition.
    pub(super) fn takes_values(&self, id: ConditionId) -> bool {
        let classes = &self.axes[id.axis].classes;
        classes.iter().any(|class| !class.is_absence && class.meets[id.condition])
    }

    /// Returns the class of the field's absence; `None` if the field is always present.
    pub(super) fn absence(&self, axis: usize) -> Option<usize> {
        self.axes[axis].classes.iter().position(|class| class.is_absence)
    }
}

/// Returns the classes of values of a field, and whether the list is complete.
pub(super) fn classes(conditions: &[Arc<Condition>], single: bool) -> (Vec<Class>, bool) {
    let asked: Vec<&Comparison> =
        conditions.iter().flat_map(|condition| condition.comparisons.iter()).collect();
    let strings = strings::representatives(&asked);
    let mut classes: Vec<Class> = Vec::new();
    let mut add = |value: Option<String>, is_absence: bool, meets: Vec<bool>| {
        let alike = |class: &Class| class.meets == meets && class.is_absence == is_absence;
        if !classes.iter().any(alike) {
            classes.push(Class { value, is_absence, meets });
        }
    };
    let met_by = |value: Value<'_>| -> Vec<bool> {
        let accepts = |condition: &Arc<Condition>| {
            condition.comparisons.iter().any(|comparison| comparison.accepts(value))
        };
        conditions.iter().map(accepts).collect()
    };
    if !single {
        add(None, true, conditions.iter().map(|condition| condition.absent).collect());
    }
    for text in &strings.texts {
        let value = serde_json::Value::from(text.as_str()).to_string();
        add(Some(value), false, met_by(Value::Text(text)));
    }
    if !single {
        for text in numbers::representatives(&asked) {
            let value = Value::Number { text: &text, key: number::key(&text) };
            add(Some(text.clone()), false, met_by(value));
        }
        add(Some("true".into()), false, met_by(Value::Bool(true)));
        add(Some("false".into()), false, met_by(Value::Bool(false)));
        add(Some("null".into()), false, met_by(Value::Null));
    }
    for (shape, address) in &strings.possibly_empty {
        let accepts = |comparison: &Comparison| match comparison {
            Comparison::Address(..) | Comparison::Cidr(..) => {
                comparison.accepts(Value::Text(address))
            }
            other => other.accepts(Value::Text(shape)),
        };
        let met = |condition: &Arc<Condition>| condition.comparisons.iter().any(accepts);
        add(None, false, conditions.iter().map(met).collect());
    }
    (classes, strings.complete)
}

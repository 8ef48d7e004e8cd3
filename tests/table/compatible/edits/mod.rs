//! Edits of a schema. Each edit names the consumers that break.

mod fields;
mod scalars;
mod shapes;

use serde_json::Value;

/// The consumers that an edit breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaks {
    Nobody,
    /// Consumers that know the old schema, and get events of the new schema.
    OldConsumers,
    /// Consumers that know the new schema, and get events of the old schema.
    NewConsumers,
    Both,
}

impl Breaks {
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, Self::Nobody) | (Self::Nobody, one) => one,
            (one, other) if one == other => one,
            _ => Self::Both,
        }
    }

    /// The consumers that break if the edit is made in the opposite direction, from new to old.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::OldConsumers => Self::NewConsumers,
            Self::NewConsumers => Self::OldConsumers,
            other => other,
        }
    }
}

pub(crate) struct Edit {
    pub(crate) name: &'static str,
    /// Two lists of changes to the base schema. The first list makes the schema before the edit,
    /// the second list the schema after the edit. A change is a JSON pointer with the value to set,
    /// or `None` to remove the value.
    changes: [Vec<(&'static str, Option<Value>)>; 2],
    pub(crate) breaks: Breaks,
    /// The paths of the expected findings.
    pub(crate) paths: &'static [&'static str],
}

impl Edit {
    pub(crate) fn before(&self, base: &Value) -> Value {
        changed(base, &self.changes[0])
    }

    pub(crate) fn after(&self, base: &Value) -> Value {
        changed(base, &self.changes[1])
    }
}

fn changed(base: &Value, changes: &[(&str, Option<Value>)]) -> Value {
    let mut schema = base.clone();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let fields = schema.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => fields.insert(name.to_owned(), value.clone()),
            None => fields.remove(name),
        };
    }
    schema
}

/// An edit of the field `status`, which every row reads. `before` and `after` are the schemas of
/// the field.
fn field(name: &'static str, before: Value, after: Value, breaks: Breaks) -> Edit {
    let at = |schema| vec![("/properties/status", Some(schema))];
    Edit { name, changes: [at(before), at(after)], breaks, paths: &["status"] }
}

/// Like [`field`], with findings at paths inside the field.
fn inner(
    name: &'static str,
    [before, after]: [Value; 2],
    breaks: Breaks,
    paths: &'static [&'static str],
) -> Edit {
    Edit { paths, ..field(name, before, after, breaks) }
}

/// An edit of the base schema itself: `after` lists the changes.
fn whole(
    name: &'static str,
    after: Vec<(&'static str, Option<Value>)>,
    breaks: Breaks,
    paths: &'static [&'static str],
) -> Edit {
    Edit { name, changes: [Vec::new(), after], breaks, paths }
}

pub(crate) fn all() -> Vec<Edit> {
    let plain = [fields::fields(), fields::kinds(), scalars::values(), scalars::numbers()];
    let nested = [scalars::texts(), shapes::arrays(), shapes::objects(), shapes::unions()];
    plain.into_iter().chain(nested).flatten().collect()
}

//! The changes that a decision makes. A change is a write, usually with a condition, so that the
//! store refuses the write if another process has changed the item.

use std::marker::PhantomData;

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use chorus_table::Event;

use crate::{Condition, Entity, Fold, Item, Update, Versioned, Write, entity_key, stream_key};

/// The attribute with an entity's version: how many times the kernel has written the entity. For an
/// entity that [`put_if_newer`] writes, the caller of that function gives the version.
const VERSION: &str = "version";

fn whole(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Writes a new entity; refused if the entity exists already.
pub fn create<E: Entity>(entity: &E) -> Write {
    put(entity, 1, Some(Condition::Absent))
}

/// Replaces the entity that was read; refused if another write has changed it since.
pub fn replace<E: Entity>(read: &Versioned<E>, entity: &E) -> Write {
    let unchanged = Condition::Equals { attribute: VERSION, value: whole(read.version) };
    put(entity, read.version + 1, Some(unchanged))
}

/// Replaces the entity that was `read`, or creates it if none was found.
pub fn save<E: Entity>(read: Option<&Versioned<E>>, entity: &E) -> Write {
    read.map_or_else(|| create(entity), |read| replace(read, entity))
}

/// Changes nothing; refused if the entity `id` has changed since it was `read`. A decision adds
/// this check to its changes if the decision relies on an entity that it does not write: another
/// process may change that entity before the commit.
pub fn unchanged<E: Entity>(id: &E::Id, read: Option<&Versioned<E>>) -> Write {
    let condition = match read {
        None => Condition::Absent,
        Some(read) => Condition::Equals { attribute: VERSION, value: whole(read.version) },
    };
    Write::Check { key: entity_key::<E>(id), condition }
}

/// Writes an entity, unless this version or a later version is stored. `version` is the number of
/// changes that the service that owns the entity has counted. So updates may arrive in any order
/// and more than once.
pub fn put_if_newer<E: Entity>(entity: &E, version: u64) -> Write {
    let newer = Condition::AbsentOrBelow { attribute: VERSION, value: whole(version) };
    put(entity, version, Some(newer))
}

/// Appends an event to the stream that `F` folds. `version` is the event's position in the stream.
/// The write is refused if the stream already has an event at this position.
///
/// # Errors
/// If the event cannot be written as JSON.
pub fn append<F: Fold, E: Event>(
    version: u64,
    at: Timestamp,
    event: &E,
) -> serde_json::Result<Write> {
    let id = event.subject();
    let key = stream_key(F::TABLE, id, version);
    let mut item = key.to_item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("version", AttributeValue::N(version.to_string()));
    set("event-type", AttributeValue::S(E::SPEC.detail_type.to_owned()));
    set("schema", AttributeValue::N(E::SPEC.version.to_string()));
    set("at", AttributeValue::S(format!("{at:.9}#{id}#{version:010}")));
    set("data", AttributeValue::S(serde_json::to_string(event)?));
    Ok(Write::Put { key, item, condition: Some(Condition::Absent) })
}

pub(crate) fn put<E: Entity>(entity: &E, version: u64, condition: Option<Condition>) -> Write {
    let key = entity_key::<E>(entity.id());
    let fields: Item = serde_dynamo::to_item(entity)
        .expect("entities are plain structs with string keys, which every item can hold");
    let mut item = key.to_item();
    item.extend(fields.into_inner());
    item.insert("version".to_owned(), AttributeValue::N(version.to_string()));
    if E::SCHEMA > 1 {
        item.insert("schema".to_owned(), AttributeValue::N(E::SCHEMA.to_string()));
    }
    Write::Put { key, item, condition }
}

/// A whole number in an entity. A write can add to a counter without reading the entity first, so
/// concurrent writes need no retry. An entity declares its counters as constants. A write cannot
/// add to any other field.
#[derive(Debug)]
pub struct Counter<E> {
    attribute: &'static str,
    entity: PhantomData<fn() -> E>,
}

impl<E> Clone for Counter<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Counter<E> {}

impl<E: Entity> Counter<E> {
    /// The counter that the entity keeps in `attribute`.
    #[must_use]
    pub const fn of(attribute: &'static str) -> Self {
        Self { attribute, entity: PhantomData }
    }

    /// The attribute that holds the counter.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        self.attribute
    }
}

/// Adds to counters of the entity `id`. Refused if the entity does not exist, or if a counter would
/// become negative.
pub fn add<E: Entity>(id: &E::Id, amounts: &[(Counter<E>, i64)]) -> Write {
    let taken = amounts.iter().filter(|(_, amount)| *amount < 0);
    let bounds = taken.map(|&(Counter { attribute, .. }, amount)| Condition::AtLeast {
        attribute,
        value: -amount,
    });
    let conditions = [Condition::Present].into_iter().chain(bounds).collect();
    let condition = Some(Condition::All(conditions));
    Write::Update { key: entity_key::<E>(id), updates: additions(amounts), condition }
}

/// Adds to counters of the entity `id`. If the entity does not exist, the write creates it; a read
/// then fills its other fields with their defaults.
pub fn tally<E: Entity + Default>(id: &E::Id, amounts: &[(Counter<E>, i64)]) -> Write {
    Write::Update { key: entity_key::<E>(id), updates: additions(amounts), condition: None }
}

fn additions<E>(amounts: &[(Counter<E>, i64)]) -> Vec<Update> {
    let version = Update::Add { attribute: VERSION, amount: 1 };
    let counters = amounts
        .iter()
        .map(|&(Counter { attribute, .. }, amount)| Update::Add { attribute, amount });
    [version].into_iter().chain(counters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Shelf {
        name: String,
        full: i64,
    }

    impl Entity for Shelf {
        type Id = String;
        const TABLE: &'static str = "shelf";
        const KIND: &'static str = "shelf";

        fn id(&self) -> &String {
            &self.name
        }
    }

    const FULL: Counter<Shelf> = Counter::of("full");

    fn shelf() -> Shelf {
        Shelf { name: "a".to_owned(), full: 3 }
    }

    #[test]
    fn every_change_has_the_condition_that_makes_it_safe() {
        let read = Versioned { version: 4, value: shelf() };
        let equals = Condition::Equals { attribute: "version", value: 4 };
        let older = Condition::AbsentOrBelow { attribute: "version", value: 9 };
        assert_eq!(create(&shelf()).condition(), Some(&Condition::Absent));
        assert_eq!(replace(&read, &shelf()).condition(), Some(&equals));
        assert_eq!(save(None, &shelf()), create(&shelf()));
        assert_eq!(save(Some(&read), &shelf()), replace(&read, &shelf()));
        assert_eq!(put_if_newer(&shelf(), 9).condition(), Some(&older));
    }

    #[test]
    fn what_is_taken_from_a_counter_must_be_there() {
        let taken = add::<Shelf>(&"a".to_owned(), &[(FULL, -2)]);
        let bound = Condition::AtLeast { attribute: "full", value: 2 };
        assert_eq!(taken.condition(), Some(&Condition::All(vec![Condition::Present, bound])));
        let given = add::<Shelf>(&"a".to_owned(), &[(FULL, 2)]);
        assert_eq!(given.condition(), Some(&Condition::All(vec![Condition::Present])));
    }
}

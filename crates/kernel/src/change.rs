//! The changes that a decision makes: each is a write with the condition that makes it safe.

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use chorus_table::Event;

use crate::{Condition, Entity, Item, Versioned, Write, entity_key, stream_key};

/// Writes a new entity; refused where there is one already.
pub fn create<E: Entity>(entity: &E) -> Write {
    put(entity, 1, Some(Condition::new("attribute_not_exists(pk)")))
}

/// Writes an entity over the one that was read; refused where somebody else wrote in between.
pub fn replace<E: Entity>(read: &Versioned<E>, entity: &E) -> Write {
    let version = i64::try_from(read.version).unwrap_or(i64::MAX);
    let unchanged = Condition::new("version = :read").number(":read", version);
    put(entity, read.version + 1, Some(unchanged))
}

/// Creates the entity, or replaces the one that was read.
pub fn save<E: Entity>(read: Option<&Versioned<E>>, entity: &E) -> Write {
    read.map_or_else(|| create(entity), |read| replace(read, entity))
}

/// Writes an entity unless a newer one is there: `version` is its owner's own count, so that news
/// may arrive in any order and more than once.
pub fn newest<E: Entity>(entity: &E, version: u64) -> Write {
    let number = i64::try_from(version).unwrap_or(i64::MAX);
    let newer =
        Condition::new("attribute_not_exists(pk) OR version < :version").number(":version", number);
    put(entity, version, Some(newer))
}

/// Appends an event to a stream as its `version`; refused where there is one of that version.
///
/// # Errors
/// Where the event cannot be written as JSON.
pub fn append<E: Event>(
    table: &'static str,
    version: u64,
    at: Timestamp,
    event: &E,
) -> serde_json::Result<Write> {
    let id = event.subject();
    let key = stream_key(table, id, version);
    let mut item = key.to_item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("version", AttributeValue::N(version.to_string()));
    set("event-type", AttributeValue::S(E::SPEC.detail_type.to_owned()));
    set("schema", AttributeValue::N(E::SPEC.version.to_string()));
    set("at", AttributeValue::S(format!("{at:.9}#{id}#{version:010}")));
    set("data", AttributeValue::S(serde_json::to_string(event)?));
    Ok(Write::Put { key, item, condition: Some(Condition::new("attribute_not_exists(pk)")) })
}

pub(crate) fn put<E: Entity>(entity: &E, version: u64, condition: Option<Condition>) -> Write {
    let key = entity_key::<E>(entity.id());
    let fields: Item = serde_dynamo::to_item(entity)
        .expect("entities are plain structs with string keys, which every item can hold");
    let mut item = key.to_item();
    item.extend(fields.into_inner());
    item.insert("version".to_owned(), AttributeValue::N(version.to_string()));
    Write::Put { key, item, condition }
}

/// Adds to numbers of an entity without reading it, within bounds: a hot item needs no retry.
#[derive(Debug)]
pub struct Adjust {
    write: Write,
}

impl Adjust {
    /// Of the entity `id`, which must exist.
    #[must_use]
    pub fn of<E: Entity>(id: &str) -> Self {
        let update = Condition::new("ADD version :one").number(":one", 1);
        let condition = Some("attribute_exists(pk)".to_owned());
        Self { write: Write::Update { key: entity_key::<E>(id), update, condition } }
    }

    /// Adds `amount` to `attribute`, which must not become negative.
    #[must_use]
    pub fn add(mut self, attribute: &str, amount: i64) -> Self {
        if let Write::Update { update, condition, .. } = &mut self.write {
            let place = update.values.len();
            let bound = std::mem::take(update);
            *update =
                bound.name(&format!("#a{place}"), attribute).number(&format!(":a{place}"), amount);
            update.text.push_str(&format!(", #a{place} :a{place}"));
            if amount < 0 {
                let floor = std::mem::take(update).number(&format!(":b{place}"), -amount);
                *update = floor;
                if let Some(condition) = condition {
                    condition.push_str(&format!(" AND #a{place} >= :b{place}"));
                }
            }
        }
        self
    }

    /// The finished write.
    #[must_use]
    pub fn write(self) -> Write {
        self.write
    }
}

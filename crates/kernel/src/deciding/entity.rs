//! The two kinds of state: an item with a version, and a stream whose events are folded into the
//! state.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Item, Key};

/// A business item: one DynamoDB item with a version. Each field of the entity is an attribute.
pub trait Entity: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The type of the entity's id, preferably a type that no other kind of entity uses.
    type Id: AsRef<str> + Clone + Ord + Send + Sync;
    /// The table that stores the entity. The service that owns the table owns the entity.
    const TABLE: &'static str;
    /// The kind of entity, in kebab-case: the first part of its key.
    const KIND: &'static str;
    /// The version of the entity's fields. Raise this number if you change the fields so that
    /// stored items no longer fit.
    const SCHEMA: u32 = 1;

    fn id(&self) -> &Self::Id;

    /// Converts the fields of an item from the version `schema` to the current [`Self::SCHEMA`];
    /// none if `schema` is unknown.
    fn upcast(_schema: u32, _fields: Item) -> Option<Item> {
        None
    }
}

/// Makes a type an [`Entity`]. `entity!(Parcel: "parcel" in TABLE, by order_id: OrderId)` stores
/// each `Parcel` in `TABLE`, with the kind `parcel` and the field `order_id` as its id.
#[macro_export]
macro_rules! entity {
    ($name:ty: $kind:literal in $table:path, by $id:ident: $type:ty) => {
        impl $crate::Entity for $name {
            type Id = $type;
            const TABLE: &'static str = $table.name;
            const KIND: &'static str = $kind;

            fn id(&self) -> &$type {
                &self.$id
            }
        }
    };
}

/// The key of the entity `id`.
#[must_use]
pub fn entity_key<E: Entity>(id: &E::Id) -> Key {
    let (kind, id) = (E::KIND, id.as_ref());
    Key { table: E::TABLE, pk: format!("{kind}#{id}"), sk: kind.to_owned() }
}

/// An entity as it was read, and its version. If the stored version has changed since the read, the
/// store refuses a write that replaces the entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<E> {
    /// The version that was stored: the number of writes so far. If the entity is written by
    /// [`put_if_newer`](crate::put_if_newer), the caller of that function gives the version.
    pub version: u64,
    pub value: E,
}

impl<E> std::ops::Deref for Versioned<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.value
    }
}

/// The partition key of the stream `id`.
#[must_use]
pub fn stream_partition(id: &str) -> String {
    format!("stream#{id}")
}

/// The key of one event of a stream. The version is padded to ten digits, so that keys sort by
/// version.
#[must_use]
pub fn stream_key(table: &'static str, id: &str, version: u64) -> Key {
    Key { table, pk: stream_partition(id), sk: format!("{version:010}") }
}

/// One stored event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The event's position in the stream, from 1, without gaps.
    pub version: u64,
    pub detail_type: String,
    /// The version of the event's schema.
    pub schema: u32,
    /// The time of the message that caused the event.
    pub at: Timestamp,
    /// The event's data as JSON text.
    pub data: String,
}

/// A state that is computed by folding a stream's events.
pub trait Fold: Default + Send + Sync {
    /// The type of the stream's id.
    type Id: AsRef<str> + Clone + Send + Sync;
    /// The table that keeps the stream.
    const TABLE: &'static str;

    /// The state after one more event.
    ///
    /// # Errors
    /// If the event does not belong to the stream, or cannot be read.
    fn apply(self, event: &Recorded) -> Result<Self, chorus_table::ReadError>;
}

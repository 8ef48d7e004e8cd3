//! The two kinds of state: an item with a version, and a stream whose fold is the state.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Item, Key};

/// A business item: one DynamoDB item with a version, its fields as attributes.
pub trait Entity: Serialize + DeserializeOwned + Clone + Send + Sync {
    /// The type of its id, which no other kind of thing is looked up by.
    type Id: AsRef<str> + Clone + Ord + Send + Sync;
    /// The table of the service that owns it.
    const TABLE: &'static str;
    /// What it is, in kebab-case: the first part of its key.
    const KIND: &'static str;
    /// The version of its fields: raised where an item that is stored could not be read any more.
    const SCHEMA: u32 = 1;

    fn id(&self) -> &Self::Id;

    /// The fields of an item of another `schema` as this one has them; nothing where that is not known.
    fn upcast(_schema: u32, _fields: Item) -> Option<Item> {
        None
    }
}

/// Makes a type an [`Entity`]: `entity!(Parcel: "parcel" in TABLE, by order_id: OrderId)` is kept in
/// `TABLE` as a `parcel`, and found by its field `order_id`.
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

/// An entity as it was read: replacing it demands that nobody else did in between.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<E> {
    /// Counts the writes, from 1.
    pub version: u64,
    pub value: E,
}

impl<E> std::ops::Deref for Versioned<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.value
    }
}

/// The partition of the stream `id` in its table.
#[must_use]
pub fn stream_partition(id: &str) -> String {
    format!("stream#{id}")
}

/// The key of one event of a stream. Versions sort as text: they are padded to ten digits.
#[must_use]
pub fn stream_key(table: &'static str, id: &str, version: u64) -> Key {
    Key { table, pk: stream_partition(id), sk: format!("{version:010}") }
}

/// One event of a stream, as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the stream, from 1, without gaps.
    pub version: u64,
    pub detail_type: String,
    /// The version of its data's schema.
    pub schema: u32,
    /// When what caused it happened.
    pub at: Timestamp,
    /// Its data as JSON text.
    pub data: String,
}

/// A state that is the fold of a stream's events.
pub trait Fold: Default + Send + Sync {
    /// The type of the stream's id.
    type Id: AsRef<str> + Clone + Send + Sync;
    /// The table in which the stream is.
    const TABLE: &'static str;

    /// The state after one more event.
    ///
    /// # Errors
    /// Where the event is none of the stream, or cannot be read.
    fn apply(self, event: &Recorded) -> Result<Self, chorus_table::ReadError>;
}

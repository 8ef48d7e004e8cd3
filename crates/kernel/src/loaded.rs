//! What an action asked to see before it decides.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use crate::{
    Entity, Failure, Fold, Item, Key, Query, Recorded, Store, Versioned, entity_key, number,
    stream_partition, text,
};

/// Something to read before deciding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Read {
    /// One item.
    Item(Key),
    /// All events of a stream, from its first on.
    Stream {
        /// The table.
        table: &'static str,
        /// The stream's id.
        id: String,
    },
}

impl Read {
    /// Reads the entity `id`.
    #[must_use]
    pub fn entity<E: Entity>(id: impl AsRef<str>) -> Self {
        Self::Item(entity_key::<E>(id.as_ref()))
    }
}

/// The items and streams that were read.
#[derive(Debug, Default)]
pub struct Loaded {
    items: HashMap<Key, Item>,
    streams: HashMap<String, Vec<Recorded>>,
}

impl Loaded {
    /// Reads all of `reads`, strongly consistent.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn from(store: &dyn Store, reads: Vec<Read>) -> Result<Self, Failure> {
        let mut loaded = Self::default();
        for read in reads {
            match read {
                Read::Item(key) => {
                    if let Some(item) = store.get(&key).await? {
                        loaded.items.insert(key, item);
                    }
                }
                Read::Stream { table, id } => {
                    let events = stream(store, table, &id, 1).await?;
                    loaded.streams.insert(id, events);
                }
            }
        }
        Ok(loaded)
    }

    /// The entity `id`, if it was asked for and is there.
    ///
    /// # Errors
    /// Where the stored item does not fit the entity.
    pub fn entity<E: Entity>(&self, id: impl AsRef<str>) -> Result<Option<Versioned<E>>, Failure> {
        self.items.get(&entity_key::<E>(id.as_ref())).map(read_entity).transpose()
    }

    /// The state of the stream `id`, and its version: 0 where it has no events.
    ///
    /// # Errors
    /// Where a stored event does not fit its type.
    pub fn fold<F: Fold>(&self, id: &str) -> Result<(F, u64), Failure> {
        let events = self.streams.get(id).map_or(&[][..], Vec::as_slice);
        let state = events.iter().try_fold(F::default(), F::apply);
        let version = events.last().map_or(0, |event| event.version);
        Ok((state.map_err(|error| Failure::unreadable(&error))?, version))
    }

    /// Puts an entity where a decision finds it: for tests of decisions.
    #[must_use]
    pub fn with<E: Entity>(mut self, version: u64, entity: &E) -> Self {
        let write = crate::change::put(entity, version, None);
        if let crate::Write::Put { key, item, .. } = write {
            self.items.insert(key, item);
        }
        self
    }

    /// Puts a stream's event where a decision finds it: for tests of decisions.
    #[must_use]
    pub fn with_event(mut self, id: &str, event: Recorded) -> Self {
        self.streams.entry(id.to_owned()).or_default().push(event);
        self
    }
}

/// Reads an item as an entity.
pub(crate) fn read_entity<E: Entity>(item: &Item) -> Result<Versioned<E>, Failure> {
    let version = number(item, "version").and_then(|version| u64::try_from(version).ok());
    let value =
        serde_dynamo::from_item(item.clone()).map_err(|error| Failure::corrupt(E::KIND, &error))?;
    Ok(Versioned { version: version.unwrap_or_default(), value })
}

/// The events of the stream `id` from `version` on, paged to the end.
///
/// # Errors
/// Where the store fails, or an event cannot be read.
pub async fn stream(
    store: &dyn Store,
    table: &'static str,
    id: &str,
    version: u64,
) -> Result<Vec<Recorded>, Failure> {
    let mut query = Query::partition(table, stream_partition(id));
    query.from = Some(format!("{version:010}"));
    let mut events = Vec::new();
    loop {
        let page = store.query(&query).await?;
        for item in &page.items {
            events.push(read_recorded(item).ok_or_else(|| Failure::corrupt("stream", &id))?);
        }
        match page.next {
            Some(next) => query.start = Some(next),
            None => return Ok(events),
        }
    }
}

/// Reads an item of a stream; nothing where it is none.
#[must_use]
pub fn read_recorded(item: &Item) -> Option<Recorded> {
    Some(Recorded {
        version: number(item, "version").and_then(|version| u64::try_from(version).ok())?,
        detail_type: text(item, "event-type")?.to_owned(),
        schema: number(item, "schema").and_then(|schema| u32::try_from(schema).ok())?,
        at: text(item, "at").and_then(|at| at.split('#').next()?.parse::<Timestamp>().ok())?,
        data: match item.get("data") {
            Some(AttributeValue::S(data)) => data.clone(),
            _ => return None,
        },
    })
}

//! The state that an action reads before it decides. The type of the state determines both the keys
//! to read and the values that are found.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use jiff::Timestamp;
use serde_dynamo::AttributeValue;

use crate::{
    Entity, Failure, Fold, Item, Key, Query, Recorded, Store, Versioned, entity_key, number,
    query_all, stream_key, stream_partition, text,
};

/// The state that an action reads. [`Found`], [`IfNamed`], [`Each`], [`Folded`] and [`Begun`] are
/// the possible parts; [`state!`] declares a state of several parts. An action can read only what
/// its state declares, and has to give the key of every part:
///
/// ```
/// # use chorus_kernel::{Each, EachKeys, Entity, Found, State, state};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Parcel { id: String }
/// # impl Entity for Parcel {
/// #     type Id = String;
/// #     const TABLE: &'static str = "parcel";
/// #     const KIND: &'static str = "parcel";
/// #     fn id(&self) -> &String { &self.id }
/// # }
/// state! {
///     struct Parcels read by ParcelKeys { first: Found<Parcel>, others: Each<Parcel, String> }
/// }
/// fn keys(ids: &[String]) -> <Parcels as State>::Keys {
///     ParcelKeys { first: ids[0].clone(), others: EachKeys::of(ids, String::clone) }
/// }
/// ```
///
/// This does not compile, because the key of `others` is missing:
///
/// ```compile_fail,E0063
/// # use chorus_kernel::{Each, EachKeys, Entity, Found, State, state};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Parcel { id: String }
/// # impl Entity for Parcel {
/// #     type Id = String;
/// #     const TABLE: &'static str = "parcel";
/// #     const KIND: &'static str = "parcel";
/// #     fn id(&self) -> &String { &self.id }
/// # }
/// # state! {
/// #     struct Parcels read by ParcelKeys { first: Found<Parcel>, others: Each<Parcel, String> }
/// # }
/// fn keys(ids: &[String]) -> <Parcels as State>::Keys {
///     ParcelKeys { first: ids[0].clone() }
/// }
/// ```
///
/// This does not compile, because a plain list does not pair its entries with the ids of entities:
///
/// ```compile_fail,E0308
/// # use chorus_kernel::{Each, EachKeys, Entity, Found, State, state};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Parcel { id: String }
/// # impl Entity for Parcel {
/// #     type Id = String;
/// #     const TABLE: &'static str = "parcel";
/// #     const KIND: &'static str = "parcel";
/// #     fn id(&self) -> &String { &self.id }
/// # }
/// # state! {
/// #     struct Parcels read by ParcelKeys { first: Found<Parcel>, others: Each<Parcel, String> }
/// # }
/// fn keys(ids: &[String]) -> <Parcels as State>::Keys {
///     ParcelKeys { first: ids[0].clone(), others: Vec::new() }
/// }
/// ```
///
/// This does not compile, because the function returns no keys:
///
/// ```compile_fail,E0308
/// # use chorus_kernel::{Each, EachKeys, Entity, Found, State, state};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Parcel { id: String }
/// # impl Entity for Parcel {
/// #     type Id = String;
/// #     const TABLE: &'static str = "parcel";
/// #     const KIND: &'static str = "parcel";
/// #     fn id(&self) -> &String { &self.id }
/// # }
/// # state! {
/// #     struct Parcels read by ParcelKeys { first: Found<Parcel>, others: Each<Parcel, String> }
/// # }
/// fn keys(ids: &[String]) -> <Parcels as State>::Keys {
///     ()
/// }
/// ```
///
/// [`state!`]: crate::state
pub trait State: Sized + Send + Sync {
    type Keys: Send + Sync;

    /// Appends to `reads` the items and streams that have to be read, always in the same order.
    fn plan(keys: &Self::Keys, reads: &mut Vec<Read>);

    /// Takes from `answers` the values that were read, in the order of [`State::plan`].
    ///
    /// # Errors
    /// If a stored item or event does not fit its type.
    fn from_reading(keys: Self::Keys, answers: &mut Reading) -> Result<Self, Failure>;
}

/// One item or stream to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Read {
    Item(Key),
    /// All events of a stream, from the first on.
    Stream {
        table: &'static str,
        id: String,
    },
}

/// The values that were read, in the order of the [`Read`]s.
#[derive(Debug)]
pub struct Reading(std::vec::IntoIter<ReadItem>);

#[derive(Debug)]
enum ReadItem {
    Item(Option<Item>),
    Stream(Vec<Recorded>),
}

impl Reading {
    fn item(&mut self) -> Result<Option<Item>, Failure> {
        match self.0.next() {
            Some(ReadItem::Item(item)) => Ok(item),
            other => Err(unexpected_read(&other)),
        }
    }

    fn stream(&mut self) -> Result<Vec<Recorded>, Failure> {
        match self.0.next() {
            Some(ReadItem::Stream(events)) => Ok(events),
            other => Err(unexpected_read(&other)),
        }
    }
}

fn unexpected_read(answer: &Option<ReadItem>) -> Failure {
    let message = format!("State::plan and State::from_reading disagree: found {answer:?}");
    Failure::Terminal { code: "MisplannedRead", message }
}

/// Reads the state at `keys`, with strongly consistent reads.
///
/// # Errors
/// If the store fails, or a stored item or event does not fit its type.
pub async fn load<S: State>(store: &dyn Store, keys: S::Keys) -> Result<S, Failure> {
    load_beside(store, keys, []).await.map(|(state, [])| state)
}

/// Does the same as [`load`], and also reads the items at the keys `beside` in the same request.
pub(crate) async fn load_beside<S: State, const N: usize>(
    store: &dyn Store,
    keys: S::Keys,
    beside: [Option<Key>; N],
) -> Result<(S, [Option<Item>; N]), Failure> {
    let mut reads = Vec::new();
    S::plan(&keys, &mut reads);
    let mut items = items(store, &reads, beside.iter().flatten()).await?;
    let beside = beside.map(|key| key.and_then(|key| items.remove(&key)));
    let mut answers = Vec::with_capacity(reads.len());
    for read in &reads {
        answers.push(match read {
            Read::Item(key) => ReadItem::Item(items.get(key).cloned()),
            Read::Stream { table, id } => ReadItem::Stream(stream(store, table, id, 1).await?),
        });
    }
    Ok((S::from_reading(keys, &mut Reading(answers.into_iter()))?, beside))
}

/// Reads the items of `reads`, and the items at the keys `beside`, in one request; returns the
/// items that exist.
async fn items<'a>(
    store: &dyn Store,
    reads: &'a [Read],
    beside: impl Iterator<Item = &'a Key>,
) -> Result<BTreeMap<Key, Item>, Failure> {
    let read = reads.iter().filter_map(|read| match read {
        Read::Item(key) => Some(key),
        Read::Stream { .. } => None,
    });
    let keys: BTreeSet<&Key> = read.chain(beside).collect();
    let keys: Vec<Key> = keys.into_iter().cloned().collect();
    let found = match &keys[..] {
        [] => Vec::new(),
        [key] => vec![store.get(key).await?],
        several => store.get_all(several).await?,
    };
    Ok(keys.into_iter().zip(found).filter_map(|(key, item)| Some((key, item?))).collect())
}

impl State for () {
    type Keys = ();

    fn plan((): &(), _: &mut Vec<Read>) {}

    fn from_reading((): (), _: &mut Reading) -> Result<Self, Failure> {
        Ok(())
    }
}

/// One entity, if it exists.
pub type Found<E> = Option<Versioned<E>>;

impl<E: Entity> State for Found<E> {
    type Keys = E::Id;

    fn plan(id: &E::Id, reads: &mut Vec<Read>) {
        reads.push(Read::Item(entity_key::<E>(id)));
    }

    fn from_reading(_: E::Id, answers: &mut Reading) -> Result<Self, Failure> {
        answers.item()?.as_ref().map(read_entity).transpose()
    }
}

/// One entity, if the message names one and it exists.
#[derive(Debug, Clone)]
pub struct IfNamed<E>(pub Found<E>);

impl<E: Entity> State for IfNamed<E> {
    type Keys = Option<E::Id>;

    fn plan(id: &Option<E::Id>, reads: &mut Vec<Read>) {
        reads.extend(id.as_ref().map(|id| Read::Item(entity_key::<E>(id))));
    }

    fn from_reading(id: Option<E::Id>, answers: &mut Reading) -> Result<Self, Failure> {
        let found = id.map(|id| Found::<E>::from_reading(id, answers)).transpose()?;
        Ok(Self(found.flatten()))
    }
}

/// The entries of a list, such as an order's lines, each with the entity that the entry names. An
/// entity that several entries name is read once.
#[derive(Debug, Clone)]
pub struct Each<E: Entity, T> {
    entries: Vec<(E::Id, T)>,
    found: BTreeMap<E::Id, Versioned<E>>,
}

/// The entries of an [`Each`], each with the id of the entity that the entry names.
#[derive(Debug, Clone)]
pub struct EachKeys<I, T>(Vec<(I, T)>);

impl<I, T: Clone> EachKeys<I, T> {
    /// Pairs each entry with the id of the entity to read. The function `id` returns this id.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a T>, id: impl Fn(&T) -> I) -> Self
    where
        T: 'a,
    {
        Self(entries.into_iter().map(|entry| (id(entry), entry.clone())).collect())
    }
}

impl<E: Entity, T: Clone + Send + Sync> Each<E, T> {
    /// Every entry with its entity, in the order of the list.
    pub fn iter(&self) -> impl Iterator<Item = (&T, Option<&Versioned<E>>)> {
        self.entries.iter().map(|(id, entry)| (entry, self.found.get(id)))
    }
}

fn distinct<I: Ord + Clone, T>(entries: &[(I, T)]) -> Vec<I> {
    let mut ids: Vec<I> = entries.iter().map(|(id, _)| id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl<E: Entity, T: Clone + Send + Sync> State for Each<E, T> {
    type Keys = EachKeys<E::Id, T>;

    fn plan(EachKeys(entries): &EachKeys<E::Id, T>, reads: &mut Vec<Read>) {
        reads.extend(distinct(entries).iter().map(|id| Read::Item(entity_key::<E>(id))));
    }

    fn from_reading(
        EachKeys(entries): EachKeys<E::Id, T>,
        answers: &mut Reading,
    ) -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        for id in distinct(&entries) {
            if let Some(entity) = Found::<E>::from_reading(id.clone(), answers)? {
                found.insert(id, entity);
            }
        }
        Ok(Self { entries, found })
    }
}

/// The state that a stream's events are folded into, and the version of the stream's last event.
#[derive(Debug, Clone, Default)]
pub struct Folded<F> {
    pub state: F,
    /// The version of the last event; 0 if the stream has no events.
    pub version: u64,
}

impl<F: Fold> State for Folded<F> {
    type Keys = F::Id;

    fn plan(id: &F::Id, reads: &mut Vec<Read>) {
        reads.push(Read::Stream { table: F::TABLE, id: id.as_ref().to_owned() });
    }

    fn from_reading(_: F::Id, answers: &mut Reading) -> Result<Self, Failure> {
        let events = answers.stream()?;
        let state = events.iter().try_fold(F::default(), F::apply);
        let version = events.last().map_or(0, |event| event.version);
        Ok(Self { state: state.map_err(|error| Failure::corrupt("stream", &error))?, version })
    }
}

/// Whether a stream has any events. The kernel reads only the stream's first event, in the request
/// that also reads the state's items.
#[derive(Debug, Clone, Copy)]
pub struct Begun<F> {
    pub has_begun: bool,
    fold: PhantomData<fn() -> F>,
}

impl<F: Fold> State for Begun<F> {
    type Keys = F::Id;

    fn plan(id: &F::Id, reads: &mut Vec<Read>) {
        reads.push(Read::Item(stream_key(F::TABLE, id.as_ref(), 1)));
    }

    fn from_reading(_: F::Id, answers: &mut Reading) -> Result<Self, Failure> {
        Ok(Self { has_begun: answers.item()?.is_some(), fold: PhantomData })
    }
}

/// Declares a state of several parts, and the type of its keys. The compiler warns of a field that
/// the action does not use.
///
/// ```
/// # use chorus_kernel::{Entity, Found, state};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Parcel { id: String }
/// # impl Entity for Parcel {
/// #     type Id = String;
/// #     const TABLE: &'static str = "parcel";
/// #     const KIND: &'static str = "parcel";
/// #     fn id(&self) -> &String { &self.id }
/// # }
/// state! {
///     /// What is known of two parcels.
///     struct Parcels read by ParcelKeys {
///         first: Found<Parcel>,
///         second: Found<Parcel>,
///     }
/// }
/// let keys = ParcelKeys { first: "a".to_owned(), second: "b".to_owned() };
/// # let _ = keys.first + &keys.second;
/// ```
#[macro_export]
macro_rules! state {
    // The fields are passed on as one token tree: the compiler would not warn of an unread field if
    // this macro, which is in another crate, wrote the field.
    ($(#[$meta:meta])* $visible:vis struct $name:ident read by $keys:ident $fields:tt) => {
        $(#[$meta])*
        $visible struct $name $fields

        $crate::state!(@ $visible $name $keys $fields);
    };
    (@ $visible:vis $name:ident $keys:ident {
        $($private:vis $field:ident: $part:ty),+ $(,)?
    }) => {
        #[doc = concat!("The keys at which [`", stringify!($name), "`] is read.")]
        $visible struct $keys {
            $($visible $field: <$part as $crate::State>::Keys),+
        }

        impl $crate::State for $name {
            type Keys = $keys;

            fn plan(keys: &$keys, reads: &mut Vec<$crate::Read>) {
                $(<$part as $crate::State>::plan(&keys.$field, reads);)+
            }

            fn from_reading(keys: $keys, answers: &mut $crate::Reading) -> Result<Self, $crate::Failure> {
                Ok(Self {
                    $($field: <$part as $crate::State>::from_reading(keys.$field, answers)?),+
                })
            }
        }
    };
}

pub(crate) fn read_entity<E: Entity>(item: &Item) -> Result<Versioned<E>, Failure> {
    let version = number(item, "version").and_then(|version| u64::try_from(version).ok());
    let schema = number(item, "schema").map_or(Some(1), |schema| u32::try_from(schema).ok());
    let fields = match schema {
        Some(schema) if schema == E::SCHEMA => Some(item.clone()),
        Some(schema) => E::upcast(schema, item.clone()),
        None => None,
    };
    let unknown = || {
        let found = schema.map(|schema| format!(" {schema}")).unwrap_or_default();
        Failure::corrupt(E::KIND, &format!("this release does not know the item's schema{found}"))
    };
    let value = serde_dynamo::from_item(fields.ok_or_else(unknown)?)
        .map_err(|error| Failure::corrupt(E::KIND, &error))?;
    Ok(Versioned { version: version.unwrap_or_default(), value })
}

/// Reads the events of the stream `id` from `version` on, all pages.
///
/// # Errors
/// If the store fails, or an event cannot be read.
pub async fn stream(
    store: &dyn Store,
    table: &'static str,
    id: &str,
    version: u64,
) -> Result<Vec<Recorded>, Failure> {
    let mut query = Query::partition(table, stream_partition(id));
    query.from = Some(format!("{version:010}"));
    let items = query_all(store, query).await?;
    let read =
        |item| read_recorded(item).ok_or_else(|| Failure::corrupt("event of the stream", &id));
    items.iter().map(read).collect()
}

/// Reads an item as an event of a stream; none if the item is not an event of a stream.
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

//! A store in memory. The store has those semantics of DynamoDB that the kernel needs, and
//! `testing::port_suite` checks these semantics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_dynamo::AttributeValue;

use crate::{
    Index, Item, Key, Page, Query, Reason, Store, StoreError, TableSpec, Update, Write, number,
    text,
};

/// How many writes a transaction may have at most.
const MAX_WRITES: usize = 100;

type Partition = BTreeMap<String, Item>;
type Tables = BTreeMap<&'static str, Table>;

/// An item's position in an index: the index's two keys, then the item's own two keys.
type IndexPosition = [String; 4];

#[derive(Debug, Default)]
struct Table {
    partitions: BTreeMap<String, Partition>,
    indexes: Vec<(&'static Index, BTreeSet<IndexPosition>)>,
}

impl Table {
    fn new(spec: &TableSpec) -> Self {
        let indexes = spec.indexes.iter().map(|index| (index, BTreeSet::new())).collect();
        Self { partitions: BTreeMap::new(), indexes }
    }

    fn find(&self, pk: &str, sk: &str) -> Option<&Item> {
        self.partitions.get(pk).and_then(|partition| partition.get(sk))
    }

    fn set(&mut self, key: &Key, item: Option<Item>) {
        for (index, places) in &mut self.indexes {
            let old = self.partitions.get(&key.pk).and_then(|partition| partition.get(&key.sk));
            if let Some(place) = old.and_then(|old| place(index, old)) {
                places.remove(&place);
            }
            if let Some(place) = item.as_ref().and_then(|item| place(index, item)) {
                places.insert(place);
            }
        }
        match item {
            Some(item) => match self.partitions.get_mut(&key.pk) {
                Some(partition) => {
                    partition.insert(key.sk.clone(), item);
                }
                None => {
                    self.partitions.insert(key.pk.clone(), [(key.sk.clone(), item)].into());
                }
            },
            None => {
                if let Some(partition) = self.partitions.get_mut(&key.pk) {
                    partition.remove(&key.sk);
                }
            }
        }
    }

    /// The items of one partition of an index, sorted by the index's sort key, then by their own
    /// keys.
    fn of_index(&self, query: &Query, index: &Index) -> Vec<Item> {
        let found = self.indexes.iter().find(|(known, _)| known.name == index.name);
        let places = found.into_iter().flat_map(|(_, places)| {
            let first: IndexPosition =
                [query.pk.clone(), String::new(), String::new(), String::new()];
            places.range(first..).take_while(|place| place[0] == query.pk)
        });
        let items = places.filter(|place| within(query, &place[1]));
        items.filter_map(|it| self.find(&it[2], &it[3])).map(|it| projected(index, it)).collect()
    }
}

fn place(index: &Index, item: &Item) -> Option<IndexPosition> {
    let own = |name| text(item, name).map(ToOwned::to_owned);
    Some([own(index.pk)?, own(index.sk)?, own("pk")?, own("sk")?])
}

/// A store whose items are lost when the process ends. The store does not throttle requests, and
/// does not delete expired items.
#[derive(Debug)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store with these tables.
    #[must_use]
    pub fn new(tables: &[TableSpec]) -> Self {
        let tables = tables.iter().map(|table| (table.name, Table::new(table))).collect();
        Self { tables: Mutex::new(tables) }
    }

    /// Every item of a table, in the order of the keys.
    #[must_use]
    pub fn all(&self, table: &str) -> Vec<Item> {
        let tables = self.tables();
        let partitions = tables.get(table).into_iter().flat_map(|it| it.partitions.values());
        partitions.flat_map(BTreeMap::values).cloned().collect()
    }

    /// Deletes all items of a table.
    pub fn clear(&self, table: &str) {
        if let Some(table) = self.tables().get_mut(table) {
            table.partitions.clear();
            table.indexes.iter_mut().for_each(|(_, places)| places.clear());
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(table: &str) -> StoreError {
    StoreError::Invalid(format!("there is no table {table}"))
}

fn find<'a>(tables: &'a Tables, key: &Key) -> Result<Option<&'a Item>, StoreError> {
    let table = tables.get(key.table).ok_or_else(|| unknown(key.table))?;
    Ok(table.find(&key.pk, &key.sk))
}

/// The item that is stored at the write's key after the write; none if no item is stored then.
fn outcome(tables: &Tables, write: &Write) -> Result<Option<Item>, StoreError> {
    Ok(match write {
        Write::Put { item, .. } => Some(item.clone()),
        Write::Update { key, updates, .. } => {
            let mut item = find(tables, key)?.cloned().unwrap_or_else(|| key.to_item());
            for change in updates {
                update(&mut item, change)?;
            }
            Some(item)
        }
        Write::Delete { .. } => None,
        Write::Check { key, .. } => find(tables, key)?.cloned(),
    })
}

fn update(item: &mut Item, change: &Update) -> Result<(), StoreError> {
    match *change {
        Update::Add { attribute, amount } => {
            let before =
                if item.contains_key(attribute) { number(item, attribute) } else { Some(0) };
            let sum = before.and_then(|before| before.checked_add(amount));
            let wrong = || {
                StoreError::Invalid(format!(
                    "{attribute} must be a whole number, and the sum must fit into 64 bits"
                ))
            };
            let sum = AttributeValue::N(sum.ok_or_else(wrong)?.to_string());
            item.insert(attribute.to_owned(), sum);
        }
        Update::Remove { attribute } => {
            let mut fields = std::mem::take(item).into_inner();
            fields.remove(attribute);
            *item = Item::from(fields);
        }
    }
    Ok(())
}

/// The attributes of `item` that `index` contains.
fn projected(index: &Index, item: &Item) -> Item {
    if index.whole_items {
        return item.clone();
    }
    let names = ["pk", "sk", index.pk, index.sk];
    let mut shown = Item::default();
    for name in names {
        if let Some(value) = item.get(name) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    shown
}

fn within(query: &Query, sk: &str) -> bool {
    query.from.as_deref().is_none_or(|from| sk >= from)
        && query.to.as_deref().is_none_or(|to| sk <= to)
}

fn same(a: &Item, b: &Item) -> bool {
    text(a, "pk") == text(b, "pk") && text(a, "sk") == text(b, "sk")
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(find(&self.tables(), key)?.cloned())
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let tables = self.tables();
        let table = tables.get(query.table).ok_or_else(|| unknown(query.table))?;
        let mut found: Vec<Item> = match query.index {
            Some(index) => table.of_index(query, index),
            None => {
                let partition = table.partitions.get(&query.pk).into_iter().flatten();
                partition.filter(|(sk, _)| within(query, sk)).map(|(_, it)| it.clone()).collect()
            }
        };
        if query.descending {
            found.reverse();
        }
        if let Some(start) = &query.start {
            let place = found.iter().position(|item| same(item, start));
            let behind = place.map_or_else(
                || found.iter().position(|item| text(item, "sk") > text(start, "sk")),
                |place| Some(place + 1),
            );
            found.drain(..behind.unwrap_or(found.len()));
        }
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let next = (found.len() > limit).then(|| found.get(limit - 1).cloned()).flatten();
        found.truncate(limit);
        Ok(Page { items: found, next })
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.len() > MAX_WRITES {
            return Err(StoreError::Invalid(format!(
                "a transaction must have at most {MAX_WRITES} writes"
            )));
        }
        let mut tables = self.tables();
        let mut reasons = Vec::with_capacity(writes.len());
        for (place, write) in writes.iter().enumerate() {
            if writes[..place].iter().any(|other| other.key() == write.key()) {
                return Err(StoreError::Invalid(
                    "a transaction must write an item only once".to_owned(),
                ));
            }
            let found = find(&tables, write.key())?;
            let holds = write.condition().is_none_or(|condition| condition.holds(found));
            let refused = || Reason::Condition(found.cloned().map(Box::new));
            reasons.push(if holds { Reason::Passed } else { refused() });
        }
        if reasons.iter().any(|reason| *reason != Reason::Passed) {
            return Err(StoreError::Refused(reasons));
        }
        let outcomes: Result<Vec<_>, _> = writes.iter().map(|it| outcome(&tables, it)).collect();
        for (write, item) in writes.iter().zip(outcomes?) {
            if let Some(table) = tables.get_mut(write.key().table) {
                table.set(write.key(), item);
            }
        }
        Ok(())
    }
}

//! The names of the items that a transaction wrote. The transaction's idempotency record contains
//! these names: if tables are restored one by one, and a record is restored without some items of
//! its transaction, the names show which items are missing.

use chorus_table::Entry;

use crate::{Failure, Item, Key, TableSpec, Write, number};

/// In a transaction's record, the attribute with the names of the written items.
pub(super) const ATTRIBUTE: &str = "wrote";

const VERSION: &str = "version";

/// The prefix of a stream's partition key.
pub(super) const STREAM: &str = "stream#";

/// Separates the parts of an item's name. No part contains this character, because keys are made of
/// identifiers.
const BETWEEN: char = '\t';

/// An item, and the version with which a transaction wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenItem {
    pub key: Key,
    /// The version; 0 for an item without a version. Of such an item, only the existence can be
    /// checked.
    pub version: i64,
}

impl WrittenItem {
    fn of(write: &Write) -> Option<Self> {
        match write {
            Write::Put { key, item, .. } => {
                Some(Self { key: key.clone(), version: number(item, VERSION).unwrap_or_default() })
            }
            // The version after an update is unknown, because an update adds to counters without
            // reading the item. Deletions and checks write no item.
            Write::Update { .. } | Write::Delete { .. } | Write::Check { .. } => None,
        }
    }

    /// The sort key that this kind of item usually has: an event's position in its stream, or an
    /// entity's kind. If an item has its usual sort key, the item's name omits the sort key.
    fn usual_sort_key(pk: &str, version: i64) -> String {
        match pk.split('#').next().unwrap_or_default() {
            "stream" => format!("{version:010}"),
            kind => kind.to_owned(),
        }
    }

    /// The item's name in the record. A record is billed by its size, so the name is short: it
    /// omits the parts that can be derived from the record's first event.
    fn name(&self, first: FirstEvent<'_>) -> String {
        let Self { key: Key { table, pk, sk }, version } = self;
        let table = if first.is_table(table) { "" } else { table };
        let pk = pk.strip_suffix(first.about).filter(|kind| kind.ends_with('#')).unwrap_or(pk);
        let pk = if pk == STREAM { "#" } else { pk };
        let sk = if *sk == Self::usual_sort_key(&self.key.pk, *version) { "" } else { sk };
        let name = format!("{table}{BETWEEN}{pk}{BETWEEN}{version}{BETWEEN}{sk}");
        name.trim_end_matches(BETWEEN).to_owned()
    }

    fn read(name: &str, first: FirstEvent<'_>, tables: &[TableSpec]) -> Option<Self> {
        let mut parts = name.split(BETWEEN);
        let (table, pk) = (parts.next()?, parts.next()?);
        let version = parts.next()?.parse().ok()?;
        let is_named = |known: &&TableSpec| {
            if table.is_empty() { first.is_table(known.name) } else { known.name == table }
        };
        let table = tables.iter().find(is_named)?.name;
        let pk = if pk == "#" { STREAM } else { pk };
        let pk = if pk.ends_with('#') { format!("{pk}{}", first.about) } else { pk.to_owned() };
        let sk = match parts.next().unwrap_or_default() {
            "" => Self::usual_sort_key(&pk, version),
            sk => sk.to_owned(),
        };
        Some(Self { key: Key { table, pk, sk }, version })
    }

    /// Whether the item was found, in this version or a later one.
    pub(super) fn is_in(&self, found: Option<&Item>) -> bool {
        found.is_some_and(|item| number(item, VERSION).unwrap_or_default() >= self.version)
    }

    /// Whether the item was found in exactly this version.
    pub(super) fn is(&self, found: &Item) -> bool {
        number(found, VERSION).unwrap_or_default() == self.version
    }

    /// Whether the transaction created the item: true for version 1, and for every event of a
    /// stream, because an event is written only once.
    pub(super) fn is_new(&self) -> bool {
        self.version == 1 || self.is_in_stream()
    }

    /// Whether the item is an event of a stream.
    pub(super) fn is_in_stream(&self) -> bool {
        self.key.pk.starts_with(STREAM)
    }
}

/// The parts of a record's first event that item names need not repeat: the event's source, which
/// names the service, and the id of the event's subject, such as an order.
#[derive(Clone, Copy)]
struct FirstEvent<'a> {
    source: &'a str,
    about: &'a str,
}

impl<'a> FirstEvent<'a> {
    fn by(entries: &'a [Entry]) -> Self {
        let about = |entry: &'a Entry| {
            let (_, rest) = entry.detail.split_once(r#""correlation-id":""#)?;
            rest.split('"').next()
        };
        let first = entries.first();
        Self {
            source: first.map_or("", |entry| &entry.source),
            about: first.and_then(about).unwrap_or_default(),
        }
    }

    /// Whether `table` is the table of the event's service: `order` for `com.orders`.
    fn is_table(self, table: &str) -> bool {
        let service = self.source.rsplit('.').next().unwrap_or_default();
        service.strip_suffix('s').unwrap_or(service) == table || service == table
    }
}

impl std::fmt::Display for WrittenItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key: Key { table, pk, .. }, version } = self;
        write!(f, "{pk} of {table}, version {version}")
    }
}

/// Returns the names of the items that these writes put, one per line, without the parts that the
/// events also contain; none if the writes put no item.
pub(super) fn names(writes: &[Write], entries: &[Entry]) -> Option<String> {
    let first = FirstEvent::by(entries);
    let names: Vec<String> =
        writes.iter().filter_map(WrittenItem::of).map(|item| item.name(first)).collect();
    (!names.is_empty()).then(|| names.join("\n"))
}

/// Reads the `names` of items in a record whose events are `entries`.
pub(super) fn read(
    names: &str,
    entries: &[Entry],
    tables: &[TableSpec],
) -> Result<Vec<WrittenItem>, Failure> {
    let first = FirstEvent::by(entries);
    let unknown = |name: &str| {
        Failure::corrupt(
            "idempotency record",
            &format_args!("{name:?} names no item of the application's tables"),
        )
    };
    let read = |name| WrittenItem::read(name, first, tables).ok_or_else(|| unknown(name));
    names.lines().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELF: TableSpec = TableSpec { name: "shelf", indexes: &[], ttl: None };
    const CELLAR: TableSpec = TableSpec { name: "cellar", indexes: &[], ttl: None };

    fn item(table: TableSpec, pk: &str, sk: &str, version: i64) -> WrittenItem {
        let key = Key { table: table.name, pk: pk.to_owned(), sk: sk.to_owned() };
        WrittenItem { key, version }
    }

    fn event() -> Entry {
        Entry {
            source: "com.shelf".to_owned(),
            detail_type: "Shelved".to_owned(),
            detail: r#"{"metadata":{"correlation-id":"7","version":1},"data":{}}"#.to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_what_the_events_say_is_left_out() {
        for (item, alone, beside) in [
            (item(SHELF, "box#7", "box", 3), "shelf\tbox#7\t3", "\tbox#\t3"),
            (item(SHELF, "box#17", "box", 3), "shelf\tbox#17\t3", "\tbox#17\t3"),
            (item(CELLAR, "stream#7", "0000000003", 3), "cellar\tstream#7\t3", "cellar\t#\t3"),
            (item(SHELF, "list", "7", 0), "shelf\tlist\t0\t7", "\tlist\t0\t7"),
        ] {
            for (entries, name) in [(&[][..], alone), (&[event()], beside)] {
                assert_eq!(item.name(FirstEvent::by(entries)), name);
                let found = read(name, entries, &[CELLAR, SHELF]).unwrap();
                assert_eq!(found, std::slice::from_ref(&item));
            }
        }
        for wrong in ["shelf", "shelf\tbox#7", "shelf\tbox#7\tmany", "attic\tbox#7\t3"] {
            assert!(read(wrong, &[], &[SHELF]).is_err(), "{wrong:?}");
        }
    }
}

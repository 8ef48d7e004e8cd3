//! Finds which parts of an event a row reads: the parts whose absence or wrong value makes the
//! row's reader reject a sample.

use std::collections::{BTreeMap, BTreeSet};

use chorus_table::{Reader, Table};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::contract::Version;
use super::schema::Schema;
use super::{arrays, objects};

/// For each version of an event: the rows that read it, and the paths that each row reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readers(pub BTreeMap<Version, BTreeMap<String, BTreeSet<String>>>);

impl Readers {
    /// The rows that read the value at `path`, a part of that value, or a value that contains that
    /// value.
    #[must_use]
    pub fn hit(&self, version: &Version, path: &str) -> Vec<String> {
        let Some(rows) = self.0.get(version) else { return Vec::new() };
        let reads = |paths: &BTreeSet<String>| {
            paths.iter().any(|read| inside(read, path) || inside(path, read))
        };
        rows.iter().filter(|(_, paths)| reads(paths)).map(|(row, _)| row.clone()).collect()
    }

    /// Adds the rows and paths of `other`.
    pub fn extend(&mut self, other: Self) {
        for (version, rows) in other.0 {
            let known = self.0.entry(version).or_default();
            for (row, paths) in rows {
                known.entry(row).or_default().extend(paths);
            }
        }
    }
}

/// Whether the path `place` is the path `outer`, or leads to a value inside the value at `outer`.
fn inside(place: &str, outer: &str) -> bool {
    place
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
}

/// The path of the value that contains the value at `path`.
pub(super) fn parent_path(path: &str) -> &str {
    path.rfind(['.', '[', '{']).map_or("", |at| &path[..at])
}

/// Finds the paths that each row of `table` reads, for each version in `schemas`.
///
/// # Errors
/// If a sample cannot be written as JSON.
pub fn readers(
    table: &Table,
    schemas: &BTreeMap<Version, Vec<Value>>,
) -> serde_json::Result<Readers> {
    let all: Vec<Reader> = (table.readers)();
    let mut readers = Readers::default();
    for message in table.messages() {
        let data = message.samples()?.into_iter().map(|mut it| it["detail"]["data"].take());
        let mut samples = BTreeMap::from([(message.spec.version, data.collect::<Vec<_>>())]);
        for earlier in (message.earlier)() {
            samples.insert(earlier.version, vec![(earlier.sample)()?]);
        }
        for (number, samples) in samples {
            let version = Version { event: message.spec.detail_type.to_owned(), number };
            let Some(schema) = schemas.get(&version).and_then(|all| all.last()) else { continue };
            let tries = tries(&samples, schema);
            for reader in all.iter().filter(|it| it.events.contains(&message.spec)) {
                let paths = places(reader, &version, &tries)?;
                if !paths.is_empty() {
                    let rows = readers.0.entry(version.clone()).or_default();
                    rows.insert(reader.action.to_owned(), paths);
                }
            }
        }
    }
    Ok(readers)
}

/// Data in which one value is missing or wrong, and the path of that value.
struct Try {
    path: String,
    data: Value,
}

/// The paths that `reader` reads: `reader` rejects data in which the value at one of these paths is
/// missing or wrong.
fn places(
    reader: &Reader,
    version: &Version,
    tries: &[Try],
) -> serde_json::Result<BTreeSet<String>> {
    let mut read = BTreeSet::new();
    for Try { path, data } in tries {
        if read.contains(path) {
            continue;
        }
        let data = RawValue::from_string(data.to_string())?;
        if (reader.read)(&version.event, version.number, &data).is_err() {
            read.insert(path.clone());
        }
    }
    Ok(read)
}

/// Copies of `samples`, each with one value missing or wrong.
fn tries(samples: &[Value], schema: &Value) -> Vec<Try> {
    let mut all = Vec::new();
    for sample in samples {
        for Place { path, pointer } in pointers(sample, &Schema::whole(schema), Place::default()) {
            let spoilt = invalid_copies(sample, &pointer).into_iter();
            all.extend(spoilt.map(|data| Try { path: path.clone(), data }));
        }
    }
    all
}

/// A place in data, written in two ways: as the path that a finding names, and as a JSON Pointer.
#[derive(Debug, Clone, Default)]
struct Place {
    path: String,
    pointer: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let path = format!("{}{dot}{name}", self.path);
        Self { path, pointer: format!("{}/{escaped}", self.pointer) }
    }

    fn item(&self, index: usize) -> Self {
        Self { path: format!("{}[]", self.path), pointer: format!("{}/{index}", self.pointer) }
    }
}

/// Every place in `value`, including absent fields that `schema`, the schema of `value`, names.
fn pointers(value: &Value, schema: &Schema<'_>, at: Place) -> Vec<Place> {
    let ways = schema.alternatives().unwrap_or_default();
    let mut all = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let known = ways.iter().find_map(|way| objects::field(way, name));
                let inside = known.unwrap_or_else(|| schema.anything());
                all.extend(pointers(inner, &inside, at.field(name)));
            }
            let named: BTreeSet<String> = ways.iter().flat_map(objects::named).collect();
            let absent = named.iter().filter(|name| !fields.contains_key(*name));
            all.extend(absent.map(|name| at.field(name)));
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let known = ways.first().map(|way| arrays::item(way, index));
                let inside = known.unwrap_or_else(|| schema.anything());
                all.extend(pointers(inner, &inside, at.item(index)));
            }
        }
        _ => {}
    }
    all.push(at);
    all
}

/// Copies of `sample`: one without the value at `pointer`, and one for each JSON type, with a value
/// of that type at `pointer`.
fn invalid_copies(sample: &Value, pointer: &str) -> Vec<Value> {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return vec![json!(null), json!([])];
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    let mut all = Vec::new();
    let mut without = sample.clone();
    if let Some(Value::Object(fields)) = without.pointer_mut(parent)
        && fields.remove(&name).is_some()
    {
        all.push(without);
    }
    for wrong in [json!(null), json!(true), json!(-0.125), json!("\u{0}"), json!([]), json!({})] {
        let mut other = sample.clone();
        match other.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.insert(name.clone(), wrong)),
            Some(outer) => {
                let place = name.parse::<usize>().ok().and_then(|index| outer.get_mut(index));
                place.into_iter().for_each(|place| *place = wrong.clone());
            }
            None => {}
        }
        all.push(other);
    }
    all
}

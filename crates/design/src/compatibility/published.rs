//! The published contract. For each version of an event, it has the schemas that releases used for
//! the version, and the readers: the rows of the design table that read the version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use chorus_table::Table;
use serde_json::Value;

use super::contract::{Contract, Version};
use super::reading::Readers;

/// The folder of published schemas, relative to the application's root.
pub const PUBLISHED: &str = "events/schemas/published";

/// A file in the folder of published schemas. For each version, the file lists the rows that read
/// the version.
const READERS: &str = "readers.json";

/// Why a published contract cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    #[error("{} cannot be read or written", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error("{0} is not JSON")]
    Json(String, #[source] serde_json::Error),
    #[error("the schemas of the design table's events cannot be written as JSON")]
    Table(#[source] serde_json::Error),
    #[error("{0} must be a folder with schemas, or a commit with schemas: {1}")]
    Nowhere(String, String),
}

/// Reads the contract in a folder: files such as `OrderCreated.v1.json`, and
/// `OrderCreated.v1-2.json` for a second schema of that version. If the folder has no
/// `readers.json`, the contract has the readers of `table`.
///
/// # Errors
/// [`PublishedError`].
pub fn published(folder: &Path, table: &Table) -> Result<Contract, PublishedError> {
    let unreadable = |error| PublishedError::File(folder.to_owned(), error);
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if let Some(name) = json_name(&path) {
            let text = std::fs::read_to_string(&path);
            files.insert(name, text.map_err(|error| PublishedError::File(path, error))?);
        }
    }
    contract(&files, table)
}

/// Reads the contract that `against` names: a folder, or a commit of the repository at `root`. The
/// contract of a commit is in its folder of published schemas. If a commit lacks this folder, its
/// contract is in `events/schemas`.
///
/// # Errors
/// [`PublishedError`].
pub fn published_at(root: &Path, against: &str, table: &Table) -> Result<Contract, PublishedError> {
    for folder in [PathBuf::from(against), root.join(against)] {
        if folder.is_dir() {
            return published(&folder, table);
        }
    }
    let git = |arguments: &[&str]| -> Result<String, PublishedError> {
        let run = Command::new("git").arg("-C").arg(root).args(arguments).output();
        let run = run.map_err(|error| PublishedError::File(PathBuf::from("git"), error))?;
        let reported = String::from_utf8_lossy(&run.stderr).trim().to_owned();
        match run.status.success() {
            true => Ok(String::from_utf8_lossy(&run.stdout).into_owned()),
            false => Err(PublishedError::Nowhere(against.to_owned(), reported)),
        }
    };
    let commit =
        git(&["rev-parse", "--verify", "--end-of-options", &format!("{against}^{{commit}}")])?;
    for folder in [format!("{PUBLISHED}/"), "events/schemas/".to_owned()] {
        let listed = git(&["ls-tree", "--name-only", commit.trim(), &folder])?;
        let mut files = BTreeMap::new();
        for path in listed.lines() {
            if let Some(name) = json_name(Path::new(path)) {
                files.insert(name, git(&["show", &format!("{}:{path}", commit.trim())])?);
            }
        }
        if !files.is_empty() {
            return contract(&files, table);
        }
    }
    let none = "the commit has no schemas".to_owned();
    Err(PublishedError::Nowhere(against.to_owned(), none))
}

fn json_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    name.ends_with(".json").then(|| name.to_owned())
}

fn contract(files: &BTreeMap<String, String>, table: &Table) -> Result<Contract, PublishedError> {
    let mut contract = Contract::default();
    for (name, text) in files {
        let json = |error| PublishedError::Json(name.clone(), error);
        if name == READERS {
            contract.readers = read_readers(text).map_err(json)?;
        } else if let Some(version) = named(name) {
            let schema: Value = serde_json::from_str(text).map_err(json)?;
            contract.schemas.entry(version).or_default().push(schema);
        }
    }
    if !files.contains_key(READERS) {
        contract.readers = Contract::of(table).map_err(PublishedError::Table)?.readers;
    }
    Ok(contract)
}

/// The version to which a schema's file belongs: `OrderCreated.v1` for `OrderCreated.v1.json` and
/// for `OrderCreated.v1-2.json`.
fn named(file: &str) -> Option<Version> {
    let stem = file.strip_suffix(".json")?;
    let number = stem.rsplit_once(".v")?.1.len();
    let short = match stem[stem.len() - number..].split_once('-') {
        Some((_, further)) => &stem[..stem.len() - further.len() - 1],
        None => stem,
    };
    short.parse().ok()
}

/// The schema without titles and descriptions, so that schemas that differ only in these texts are
/// equal.
pub(super) fn without_words(schema: &Value) -> Value {
    match schema {
        Value::Object(keywords) => {
            let kept = keywords.iter().filter(|(keyword, value)| {
                !(matches!(keyword.as_str(), "description" | "title") && value.is_string())
            });
            kept.map(|(keyword, value)| (keyword.clone(), without_words(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_words).collect(),
        other => other.clone(),
    }
}

/// The structure of `readers.json`: for each version and row, the paths that the row reads.
type Written = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn read_readers(text: &str) -> serde_json::Result<Readers> {
    let written: Written = serde_json::from_str(text)?;
    let of = |(name, rows): (String, _)| name.parse().ok().map(|version: Version| (version, rows));
    Ok(Readers(written.into_iter().filter_map(of).collect()))
}

/// Adds the contract of `table` to the published contract in `folder`, and returns the number of
/// new schemas. Existing schemas are never changed.
///
/// # Errors
/// [`PublishedError`].
pub fn publish(folder: &Path, table: &Table) -> Result<usize, PublishedError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| PublishedError::File(folder.to_owned(), error))?;
    let mut before = published(folder, table)?;
    let now = Contract::of(table).map_err(PublishedError::Table)?;
    let write = |name: String, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text + "\n").map_err(|error| PublishedError::File(path, error))
    };
    let mut new = 0;
    for (version, schemas) in now.schemas {
        let known = before.schemas.entry(version.clone()).or_default();
        let reported: Vec<Value> = known.iter().map(without_words).collect();
        for schema in
            schemas.into_iter().filter(|schema| !reported.contains(&without_words(schema)))
        {
            let further = match known.len() {
                0 => String::new(),
                more => format!("-{}", more + 1),
            };
            write(
                format!("{version}{further}.json"),
                serde_json::to_string_pretty(&schema).map_err(PublishedError::Table)?,
            )?;
            new += 1;
        }
    }
    before.readers.extend(now.readers);
    let written: Written =
        before.readers.0.into_iter().map(|(version, rows)| (version.to_string(), rows)).collect();
    write(
        READERS.to_owned(),
        serde_json::to_string_pretty(&written).map_err(PublishedError::Table)?,
    )?;
    Ok(new)
}

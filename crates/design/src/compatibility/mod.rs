//! Checks in both directions that a contract is compatible with the contracts published before it,
//! and names the rows that an incompatible change breaks.
//!
//! A schema describes what a producer may write and what a consumer accepts. A change is compatible
//! if the old and the new schema each accept everything that the other allows. The check relies on
//! two conventions of our events:
//!
//! - Producers write only the fields that their schema names. If the schema also describes the
//!   values of fields that it does not name, as in a map, producers may write those fields, too.
//! - A schema states whether consumers ignore or reject unknown fields.

mod additions;
mod arrays;
mod containment;
mod contract;
mod numbers;
mod objects;
mod published;
mod reading;
mod schema;
mod texts;

use std::fmt;

use serde::Serialize;

use self::containment::{Comparison, Kind, Problem};
use self::schema::Schema;

use crate::Finding;

pub use self::contract::{Contract, Version};
pub use self::published::{PUBLISHED, PublishedError, publish, published, published_at};
pub use self::reading::{Readers, readers};
pub(crate) use self::texts::matches_text;

/// Which producers and which consumers a change makes incompatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Consumers that are not updated, or are rolled back, receive events of the new producers.
    NewProducersOldConsumers,
    /// New consumers receive events of old producers: events that are still in queues or archives,
    /// or that belong to orders in flight.
    OldEventsNewConsumers,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewProducersOldConsumers => "new producers, old consumers",
            Self::OldEventsNewConsumers => "old events, new consumers",
        })
    }
}

/// A change that breaks a producer or a consumer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Incompatibility {
    /// The detail type of the event, or the name of the command.
    pub event: String,
    pub version: u32,
    /// The path in the event's data: fields joined by dots, `[]` for the items of an array, `{}`
    /// for the values of a map; empty for the whole data.
    pub path: String,
    pub direction: Direction,
    /// The rows that read the changed part of the data. Empty if only the event log and consumers
    /// outside of the application read it.
    pub rows: Vec<String>,
    /// The fault, as the end of a sentence that begins with the path.
    pub problem: String,
    /// How to fix the fault, as a sentence without its full stop.
    pub remedy: String,
}

impl From<Incompatibility> for Finding {
    fn from(found: Incompatibility) -> Self {
        let Incompatibility { event, version, path, direction, rows, problem, remedy } = found;
        let place = if path.is_empty() { "its data" } else { &path };
        let rows = if rows.is_empty() { "no row".to_owned() } else { rows.join(", ") };
        let problem = format!("{place} {problem} ({direction}; affects {rows})");
        Self::new(format!("{event} version {version}"), problem, remedy)
    }
}

/// Every change from `old` to `new` that breaks a producer or a consumer.
#[must_use]
pub fn compare(old: &Contract, new: &Contract) -> Vec<Incompatibility> {
    let mut found = Vec::new();
    for (version, schemas) in &old.schemas {
        let Some(current) = new.schemas.get(version) else {
            found.extend(removed_version(version, old, new));
            continue;
        };
        for (before, after) in
            schemas.iter().flat_map(|old| current.iter().map(move |new| (old, new)))
        {
            if new.public.contains(&version.event) {
                let differences = additions::non_additive_differences(before, after).into_iter();
                found.extend(differences.map(|problem| public(version, problem)));
            }
            let (before, after) = (Schema::whole(before), Schema::whole(after));
            let compared = [
                (Direction::NewProducersOldConsumers, &after, &before, &old.readers),
                (Direction::OldEventsNewConsumers, &before, &after, &new.readers),
            ];
            for (direction, writer, reader, readers) in compared {
                let problems = containment::refused(writer, reader, Comparison::default());
                let of = |problem| incompatibility(version, direction, problem, readers);
                found.extend(problems.into_iter().map(of));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Reports a forbidden change of a public event: a public event may only gain optional fields. The
/// report names no row, because the event's readers are in other accounts.
fn public(version: &Version, Problem { path, problem, .. }: Problem) -> Incompatibility {
    let next = version.number + 1;
    Incompatibility {
        event: version.event.clone(),
        version: version.number,
        path,
        direction: Direction::NewProducersOldConsumers,
        rows: Vec::new(),
        problem: format!("{problem}, but a public event may only gain optional fields"),
        remedy: format!("Leave it as published, or declare version {next} beside this one"),
    }
}

/// Reports a version that `old` has and `new` lacks, if the event is public, or if a row that read
/// the version still exists.
fn removed_version(version: &Version, old: &Contract, new: &Contract) -> Option<Incompatibility> {
    let still = |row: &String| new.rows.contains(row);
    let rows: Vec<String> = old.readers.hit(version, "").into_iter().filter(still).collect();
    let public = new.public.contains(&version.event);
    (public || !rows.is_empty()).then(|| Incompatibility {
        event: version.event.clone(),
        version: version.number,
        path: String::new(),
        direction: Direction::OldEventsNewConsumers,
        rows,
        problem: "can no longer be read: events of this version are still in queues and archives"
            .to_owned(),
        remedy: format!(
            "Keep {} version {} in the contract, or retire the rows that read it",
            version.event, version.number
        ),
    })
}

fn incompatibility(
    version: &Version,
    direction: Direction,
    Problem { path, problem, kind }: Problem,
    readers: &Readers,
) -> Incompatibility {
    let remedy = remedy(version, direction, &path, kind);
    let (event, number) = (version.event.clone(), version.number);
    // If no row reads this part of the data, name the rows that read the smallest part around it.
    let mut place = path.as_str();
    let mut rows = readers.hit(version, place);
    while rows.is_empty() && !place.is_empty() {
        place = reading::parent_path(place);
        rows = readers.hit(version, place);
    }
    Incompatibility { event, version: number, path, direction, rows, problem, remedy }
}

fn remedy(version: &Version, direction: Direction, path: &str, kind: Kind) -> String {
    use Direction::{NewProducersOldConsumers as Forward, OldEventsNewConsumers as Backward};
    let field = if path.is_empty() { "the data" } else { path };
    let keep = match (kind, direction) {
        (Kind::Absent, Forward) => format!("Keep writing {field} in every event"),
        (Kind::Absent, Backward) => format!("Let {field} be absent, with `#[serde(default)]`"),
        (Kind::Unknown, Forward) => format!("Write {field} only as the published schema allows"),
        (Kind::Unknown, Backward) => format!("Keep accepting unknown fields in {field}"),
        (Kind::Value, Forward) => format!("Write only published values in {field}"),
        (Kind::Value, Backward) => format!("Keep reading every published value of {field}"),
        (Kind::Narrower, _) => {
            format!("Keep {field} as published, and add an optional field beside it")
        }
    };
    let next = version.number + 1;
    format!("{keep}; or declare version {next} (docs/EVOLVE-AN-EVENT.md)")
}

//! A contract: the schemas of every version of every message, and the rows that read each version.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chorus_table::Table;
use serde_json::Value;

use super::reading::{Readers, readers};

/// A version of an event, written `OrderCreated.v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub event: String,
    pub number: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.v{}", self.event, self.number)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (event, number) = text.rsplit_once(".v").ok_or(())?;
        Ok(Self { event: event.to_owned(), number: number.parse().map_err(|_| ())? })
    }
}

/// Every version of every event and command, with its readers.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// The schemas of each version. A published version may have had several schemas, each
    /// compatible with its predecessor.
    pub schemas: BTreeMap<Version, Vec<Value>>,
    pub readers: Readers,
    /// The names of the public events, which are forwarded to other accounts. A version of a public
    /// event may only gain optional fields.
    pub public: BTreeSet<String>,
    /// The names of all rows.
    pub rows: BTreeSet<String>,
}

impl Contract {
    /// The contract that `table` declares.
    ///
    /// # Errors
    /// If a schema or a sample cannot be written as JSON.
    pub fn of(table: &Table) -> serde_json::Result<Self> {
        let mut schemas = BTreeMap::new();
        for message in table.messages() {
            let event = message.spec.detail_type;
            let version = |number| Version { event: event.to_owned(), number };
            let schema = serde_json::to_value((message.schema)())?;
            schemas.insert(version(message.spec.version), vec![schema]);
            for earlier in (message.earlier)() {
                let schema = serde_json::to_value((earlier.schema)())?;
                schemas.insert(version(earlier.version), vec![schema]);
            }
        }
        let readers = readers(table, &schemas)?;
        let rows = table.rows.iter().map(|row| row.action.to_owned()).collect();
        let public = table.public_events().into_iter();
        let public = public.map(|(_, message)| message.spec.detail_type.to_owned()).collect();
        Ok(Self { schemas, readers, public, rows })
    }
}

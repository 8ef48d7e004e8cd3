//! The files of the repository that derive from the table: schemas, samples, documents.

use std::collections::BTreeSet;

use chorus_table::{Message, OutsideBus, Table};
use schemars::Schema;

use crate::{asyncapi, event_page, markdown, public_asyncapi};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// The file's path, relative to the application's root.
    pub path: String,
    pub content: String,
}

/// Generates all files that derive from the table, which is declared in the file `source`.
///
/// # Errors
/// If a sample or a schema cannot be written as JSON.
pub fn files(table: &Table, source: &str) -> serde_json::Result<Vec<GeneratedFile>> {
    let path = "docs/DESIGN-TABLE.md".to_owned();
    let mut files = vec![GeneratedFile { path, content: markdown(table, source) }];
    let pages = event_page::pages(table)?.into_iter();
    files.extend(pages.map(|(path, content)| GeneratedFile { path, content }));
    let path = "docs/asyncapi.json".to_owned();
    files.push(GeneratedFile { path, content: pretty(&asyncapi(table)?)? });
    let outside: BTreeSet<OutsideBus> =
        table.public_events().into_iter().map(|(bus, _)| bus).collect();
    for bus in outside {
        let path = format!("docs/asyncapi-{}.json", bus.name);
        files.push(GeneratedFile { path, content: pretty(&public_asyncapi(table, bus)?)? });
    }
    for message in table.messages() {
        files.extend(schemas(&message)?);
        files.extend(samples(&message)?);
    }
    Ok(files)
}

/// A schema for each version that consumers can read.
fn schemas(message: &Message) -> serde_json::Result<Vec<GeneratedFile>> {
    let spec = message.spec;
    let current = (spec.version, message.schema);
    let earlier = (message.earlier)().into_iter().map(|earlier| (earlier.version, earlier.schema));
    let one = |(version, schema): (u32, fn() -> Schema)| {
        let content = pretty(&serde_json::to_value(schema())?)?;
        let path = format!("events/schemas/{}.v{version}.json", spec.detail_type);
        Ok(GeneratedFile { path, content })
    };
    earlier.chain([current]).map(one).collect()
}

fn samples(message: &Message) -> serde_json::Result<Vec<GeneratedFile>> {
    let name = message.spec.detail_type;
    let one = |(place, sample): (usize, &serde_json::Value)| {
        let suffix = if place == 0 { String::new() } else { format!("-{}", place + 1) };
        let path = format!("events/samples/{name}{suffix}.json");
        Ok(GeneratedFile { path, content: pretty(sample)? })
    };
    message.samples()?.iter().enumerate().map(one).collect()
}

fn pretty(value: &serde_json::Value) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

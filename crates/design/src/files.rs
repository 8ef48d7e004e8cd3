//! The files that derive from the table and are checked in: schemas, samples, the document.

use chorus_table::{Message, Table};

use crate::markdown;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it is, from the root of the application.
    pub path: String,
    pub content: String,
}

/// Everything that is generated from the table, which is declared in the file `source`.
///
/// # Errors
/// Where a sample or a schema cannot be written as JSON.
pub fn files(table: &Table, source: &str) -> serde_json::Result<Vec<GeneratedFile>> {
    let path = "docs/DESIGN-TABLE.md".to_owned();
    let mut files = vec![GeneratedFile { path, content: markdown(table, source) }];
    for message in table.messages() {
        files.push(schema(&message)?);
        files.extend(samples(&message)?);
    }
    Ok(files)
}

fn schema(message: &Message) -> serde_json::Result<GeneratedFile> {
    let spec = message.spec;
    let content = pretty(&serde_json::to_value((message.schema)())?)?;
    let path = format!("events/schemas/{}.v{}.json", spec.detail_type, spec.version);
    Ok(GeneratedFile { path, content })
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

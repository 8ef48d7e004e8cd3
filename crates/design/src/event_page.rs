//! A page of documentation for each event: its publisher and consumers, its versions, its data, a
//! sample, and what it costs to publish the event once.

use std::fmt::Write as _;

use chorus_table::{Category, Message, Owner, RowSpec, Table, Via};
use serde_json::Value;

use crate::{Contract, Flow, Version};

/// The path of an event's page, relative to the application's root.
#[must_use]
pub(crate) fn path(event: &str) -> String {
    format!("docs/events/{event}.md")
}

/// The pages of all events of `table`, with their paths.
///
/// # Errors
/// If a schema or a sample cannot be written as JSON.
pub(crate) fn pages(table: &Table) -> serde_json::Result<Vec<(String, String)>> {
    let contract = Contract::of(table)?;
    let events = table.messages().into_iter();
    let events = events.filter(|message| message.spec.category() == Category::Event);
    events
        .map(|message| Ok((path(message.spec.detail_type), page(table, &message, &contract)?)))
        .collect()
}

fn page(table: &Table, message: &Message, contract: &Contract) -> serde_json::Result<String> {
    let (spec, flow) = (message.spec, Flow { rows: table.rows });
    let name = spec.detail_type;
    let owner = match spec.owner {
        Owner::Service(service) => format!("the service {}", service.title),
        Owner::Partner(partner) => format!("the partner {}", partner.name),
    };
    let mut text = format!(
        "# {name}\n\nGenerated from the design table; a test fails if the two differ.\n\n{}\n\n\
         Owner: {owner}. Source on the bus: `{}`.\n",
        spec.meaning,
        spec.owner.source(),
    );
    rows(&mut text, "Published by", flow.producers(name), |_| String::new());
    let version = Version { event: name.to_owned(), number: spec.version };
    let all = contract.readers.0.get(&version);
    rows(&mut text, "Consumed by", flow.consumers(name), |row| {
        let read = all.and_then(|rows| rows.get(row.action));
        let fields = read.map_or(0, |paths| paths.iter().filter(|path| !path.is_empty()).count());
        format!(" It reads {fields} parts of the data.")
    });
    versions(&mut text, message);
    data(&mut text, &serde_json::to_value((message.schema)())?);
    cost(&mut text, message, flow);
    let samples = message.samples()?;
    let sample = serde_json::to_string_pretty(&samples.first())?;
    push(&mut text, format_args!("\n## A sample\n\n```json\n{sample}\n```"));
    Ok(text)
}

fn rows<'a>(
    text: &mut String,
    title: &str,
    rows: impl Iterator<Item = &'a RowSpec>,
    note: impl Fn(&RowSpec) -> String,
) {
    push(text, format_args!("\n## {title}\n"));
    let mut none = true;
    for row in rows {
        none = false;
        let (service, action, meaning) = (row.service.title, row.action, row.meaning);
        push(text, format_args!("- {action} of {service}: {meaning}{}", note(row)));
    }
    if none {
        push(text, format_args!("No row, except those that take every event."));
    }
}

fn versions(text: &mut String, message: &Message) {
    let spec = message.spec;
    push(text, format_args!("\n## Versions\n"));
    let current = spec.version;
    let schema =
        |version| format!("[schema](../../events/schemas/{}.v{version}.json)", spec.detail_type);
    push(text, format_args!("- {current}: published ({})", schema(current)));
    for earlier in (message.earlier)() {
        let state = if earlier.published { "published beside it, and read" } else { "read" };
        push(text, format_args!("- {}: {state} ({})", earlier.version, schema(earlier.version)));
    }
}

fn data(text: &mut String, schema: &Value) {
    push(text, format_args!("\n## Data\n\n| Field | Type | Required |\n| --- | --- | --- |"));
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let must = if required.contains(&Value::from(name.as_str())) { "yes" } else { "no" };
        push(text, format_args!("| `{name}` | {} | {must} |", kind(field)));
    }
}

/// A short name for the type of a field.
fn kind(field: &Value) -> String {
    let reference = field["$ref"].as_str().and_then(|text| text.rsplit('/').next());
    if let Some(name) = reference {
        return name.to_owned();
    }
    if let Some(ways) = field["anyOf"].as_array() {
        return ways.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let format = field["format"].as_str().map(|format| format!(" ({format})")).unwrap_or_default();
    match &field["type"] {
        Value::String(kind) if kind == "array" => {
            format!("array of {}", self::kind(&field["items"]))
        }
        Value::String(kind) => format!("{kind}{format}"),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            format!("{}{format}", kinds.collect::<Vec<_>>().join(" or "))
        }
        _ => "anything".to_owned(),
    }
}

/// Appends what publishing the event once costs: events on the bus, invocations of functions, queue
/// messages and calls to partners.
fn cost(text: &mut String, message: &Message, flow: Flow<'_>) {
    let name = message.spec.detail_type;
    let copies = (message.earlier)().iter().filter(|earlier| earlier.published).count();
    let ruled = flow
        .rows
        .iter()
        .filter(|row| row.is_catch_all() || row.on.iter().any(|event| event.detail_type == name));
    let (mut functions, mut queues, mut calls, mut forwarded) = (0, 0, 0, 0);
    for row in ruled {
        match row.via {
            Via::Function => functions += 1,
            Via::Queue => queues += 1,
            Via::ApiDestination(_) => calls += 1,
            Via::Bus(_) => forwarded += 1,
        }
    }
    let events = 1 + copies;
    let forwarded = match forwarded * events {
        0 => String::new(),
        some => format!(", {some} forwarded to another account"),
    };
    push(
        text,
        format_args!(
            "\n## What one costs\n\n{events} published; {} invocations of functions by rules, {} messages \
             in queues, {} calls of partners{forwarded}. A rule with a condition on the data \
             matches only some events.",
            functions * events,
            queues * events,
            calls * events,
        ),
    );
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}

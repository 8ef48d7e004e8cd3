//! The events of the design table as an AsyncAPI 3.0 document: a channel for each event, a message
//! for each version, and the operations of each row.

use chorus_table::{Category, Detail, Message, Metadata, OutsideBus, Owner, RowSpec, Table};
use serde_json::{Map, Value, json};

use crate::Flow;

/// Makes the AsyncAPI document of the application's own bus. The document contains no commands,
/// because commands come through the HTTP API.
///
/// # Errors
/// If a schema or a sample cannot be written as JSON.
pub fn asyncapi(table: &Table) -> serde_json::Result<Value> {
    let messages: Vec<Message> = table
        .messages()
        .into_iter()
        .filter(|message| message.spec.category() == Category::Event)
        .collect();
    let operations = table.rows.iter().flat_map(|row| operations(row, &messages)).collect();
    let bus = "The application's event bus on Amazon EventBridge.";
    document(table, &messages, &Head { title: "The events of the design table", bus, operations })
}

/// Makes the AsyncAPI document of the events that are forwarded to `bus`, and of the commands that
/// other AWS accounts send through `bus`. The document leaves out which rows of the application
/// consume these events.
///
/// # Errors
/// If a schema or a sample cannot be written as JSON.
pub fn public_asyncapi(table: &Table, bus: OutsideBus) -> serde_json::Result<Value> {
    let forwarded = table.public_events().into_iter().filter(|(to, _)| *to == bus);
    let mut messages: Vec<Message> = forwarded.map(|(_, message)| message).collect();
    let emitting = table.rows.iter().filter(|row| row.has_code());
    let mut operations: Map<String, Value> =
        emitting.flat_map(|row| operations(row, &messages)).collect();
    operations.retain(|_, operation| operation["action"] == "send");
    let commands = sent_through(table, bus);
    for (row, command) in &commands {
        let verb = "receive";
        let versions = [command.spec.version];
        let operation = operation(row, verb, command, &versions);
        operations.insert(format!("{}.{verb}.{}", row.action, command.spec.detail_type), operation);
    }
    messages.extend(commands.into_iter().map(|(_, command)| command));
    let (title, bus) = (
        "The public events, and the commands of other accounts",
        format!("The bus {} of another account, for events and commands.", bus.name),
    );
    let mut document = document(table, &messages, &Head { title, bus: &bus, operations })?;
    for (_, channel) in document["channels"].as_object_mut().into_iter().flatten() {
        if let Some(fields) = channel.as_object_mut() {
            fields.remove("x-read-by");
        }
    }
    Ok(document)
}

/// The commands that partners' accounts send through `bus`, each with the row that receives the
/// command. The source of each command is the partner's source.
fn sent_through(table: &Table, bus: OutsideBus) -> Vec<(&'static RowSpec, Message)> {
    let mut sent = Vec::new();
    for row in table.rows {
        let Some(sender) = row.commands_from.filter(|sender| sender.through == bus) else {
            continue;
        };
        let commands = table.messages().into_iter().filter(|it| row.api.contains(&it.spec));
        sent.extend(commands.map(|command| (row, command.sent_by(sender.partner))));
    }
    sent
}

/// The parts that differ between the document of the application's own bus and the document of a
/// bus for public events.
struct Head<'a> {
    title: &'a str,
    /// The description of the bus.
    bus: &'a str,
    operations: Map<String, Value>,
}

fn document(table: &Table, messages: &[Message], head: &Head<'_>) -> serde_json::Result<Value> {
    let mut components = Components::default();
    components.schema("Metadata", serde_json::to_value(chorus_table::schema_of::<Metadata>())?);
    let mut channels = Map::new();
    for message in messages {
        let name = message.spec.detail_type;
        for version in versions(message)? {
            components.message(message, version)?;
        }
        channels.insert(name.to_owned(), channel(table, message));
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": head.title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Generated from the design table; a test fails if the two differ.",
        },
        "defaultContentType": "application/json",
        "servers": { "bus": {
            "host": "events.amazonaws.com",
            "protocol": "eventbridge",
            "description": head.bus,
        } },
        "channels": channels,
        "operations": head.operations,
        "components": { "messages": components.messages, "schemas": components.schemas },
    }))
}

/// A version of an event, with its schema and samples; each sample is a whole event.
struct Version {
    number: u32,
    current: bool,
    schema: Value,
    samples: Vec<Value>,
}

/// The versions of an event, the current one first.
fn versions(message: &Message) -> serde_json::Result<Vec<Version>> {
    let samples = message.samples()?;
    let schema = serde_json::to_value((message.schema)())?;
    let first = samples.first().cloned().unwrap_or_default();
    let mut all = vec![Version { number: message.spec.version, current: true, schema, samples }];
    for earlier in (message.earlier)() {
        let mut sample = first.clone();
        sample["detail"]["metadata"]["version"] = earlier.version.into();
        if earlier.published {
            sample["detail"]["metadata"]["copy-of"] = message.spec.version.into();
        }
        sample["detail"]["data"] = (earlier.sample)()?;
        let (schema, samples) = (serde_json::to_value((earlier.schema)())?, vec![sample]);
        all.push(Version { number: earlier.version, current: false, schema, samples });
    }
    Ok(all)
}

fn key(event: &str, version: u32) -> String {
    format!("{event}.v{version}")
}

fn channel(table: &Table, message: &Message) -> Value {
    let spec = message.spec;
    let name = spec.detail_type;
    let owner = match spec.owner {
        Owner::Service(service) => service.title,
        Owner::Partner(partner) => partner.name,
    };
    let numbers = std::iter::once(spec.version)
        .chain((message.earlier)().into_iter().map(|earlier| earlier.version));
    let messages = numbers.map(|number| {
        let key = key(name, number);
        let reference = format!("#/components/messages/{key}");
        (key, json!({ "$ref": reference }))
    });
    let flow = Flow { rows: table.rows };
    let names = |rows: Vec<&RowSpec>| rows.iter().map(|row| row.action).collect::<Vec<_>>();
    let public = flow.consumers(name).any(|row| row.outside_bus().is_some());
    let tags = [Some(owner), public.then_some("public")].into_iter().flatten();
    json!({
        "address": format!("{}/{name}", spec.owner.source()),
        "title": name,
        "description": spec.meaning,
        "servers": [{ "$ref": "#/servers/bus" }],
        "messages": messages.collect::<Map<String, Value>>(),
        "tags": tags.map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "x-owner": owner,
        "x-version": spec.version,
        "x-published-by": names(flow.producers(name).collect()),
        "x-read-by": names(flow.consumers(name).collect()),
    })
}

/// Describes that a row sends or receives (`verb`) these versions of a message.
fn operation(row: &RowSpec, verb: &str, message: &Message, versions: &[u32]) -> Value {
    let name = message.spec.detail_type;
    let references = versions.iter().map(
        |number| json!({ "$ref": format!("#/channels/{name}/messages/{}", key(name, *number)) }),
    );
    json!({
        "action": verb,
        "channel": { "$ref": format!("#/channels/{name}") },
        "summary": row.meaning,
        "tags": [{ "name": row.service.title }],
        "messages": references.collect::<Vec<_>>(),
    })
}

/// The operations of a row: the row receives every version of the events that it consumes, and
/// sends every published version of the events that it emits.
fn operations(row: &RowSpec, messages: &[Message]) -> Vec<(String, Value)> {
    let operation = |verb: &str, message: &Message, versions: Vec<u32>| {
        let name = format!("{}.{verb}.{}", row.action, message.spec.detail_type);
        (name, operation(row, verb, message, &versions))
    };
    let read = |message: &Message| {
        let earlier = (message.earlier)().into_iter().map(|earlier| earlier.version);
        std::iter::once(message.spec.version).chain(earlier).collect()
    };
    let consumed = |message: &&Message| row.consumes().any(|spec| *spec == message.spec);
    let received = messages.iter().filter(consumed);
    let received = received.map(|message| operation("receive", message, read(message)));
    let emitted = messages.iter().filter(|message| row.emits.contains(&message.spec));
    let published =
        |message: &Message| message.published().into_iter().map(|(version, _)| version).collect();
    let sent = emitted.map(|message| operation("send", message, published(message)));
    received.chain(sent).collect()
}

#[derive(Default)]
struct Components {
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Components {
    /// Adds a schema to the components, and each of its definitions as a separate schema.
    fn schema(&mut self, name: &str, mut schema: Value) {
        let definitions = schema.as_object_mut().and_then(|schema| {
            schema.remove("$schema");
            schema.remove("$defs")
        });
        rewrite_references(&mut schema, name);
        self.schemas.insert(name.to_owned(), schema);
        if let Some(Value::Object(definitions)) = definitions {
            for (inner, mut schema) in definitions {
                rewrite_references(&mut schema, name);
                self.schemas.insert(format!("{name}.{inner}"), schema);
            }
        }
    }

    fn message(&mut self, message: &Message, version: Version) -> serde_json::Result<()> {
        let spec = message.spec;
        let name = key(spec.detail_type, version.number);
        self.schema(&name, version.schema);
        let mut examples = Vec::new();
        for (place, sample) in version.samples.into_iter().enumerate() {
            let payload: Detail<Value> = serde_json::from_value(sample["detail"].clone())?;
            examples.push(json!({ "name": format!("{name}-{}", place + 1), "payload": payload }));
        }
        let note = if version.current { "" } else { " An earlier version." };
        self.messages.insert(
            name.clone(),
            json!({
                "name": spec.detail_type,
                "title": format!("{} version {}", spec.detail_type, version.number),
                "summary": format!("{}{note}", spec.meaning),
                "contentType": "application/json",
                "payload": {
                    "type": "object",
                    "required": ["metadata", "data"],
                    "properties": {
                        "metadata": { "$ref": "#/components/schemas/Metadata" },
                        "data": { "$ref": format!("#/components/schemas/{name}") },
                    },
                },
                "examples": examples,
            }),
        );
        Ok(())
    }
}

/// Changes each reference to `#/$defs/X` into a reference to `#/components/schemas/{name}.X`, to
/// which the definition `X` was moved.
fn rewrite_references(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value.as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
                    Some(inner) if keyword == "$ref" => {
                        *value = format!("#/components/schemas/{name}.{inner}").into();
                    }
                    _ => rewrite_references(value, name),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite_references(item, name)),
        _ => {}
    }
}

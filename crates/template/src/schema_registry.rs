//! The template of EventBridge's schema registry: every event in every published version, so that
//! developers of consumers can read the schemas in the console and generate code from them.

use chorus_table::{Category, EventSpec, Metadata, Table, schema_of};
use schemars::Schema;
use schemars::transform::{AddNullable, ReplaceConstValue, Transform};
use serde_json::{Map, Value, json};

use crate::constructs::{RegisteredSchema, SchemaRegistry};
use crate::{Parameter, Template};

/// The template's parameter whose value is the registry's name.
pub(crate) const REGISTRY_NAME: &str = "RegistryName";

const PREAMBLE: &str = "\
Printed by `synth` beside template.yaml, which deploys it as a nested stack: the events of the design table
as OpenAPI 3.0. EventBridge's schema registry shows them, and generates code from them.";

/// Makes the template of the registry, with the events of `table`.
///
/// # Errors
/// If a schema cannot be written as JSON.
pub fn schema_registry(table: &Table) -> serde_json::Result<Template> {
    let name = Parameter::text(REGISTRY_NAME, "The name of the registry", "chorus");
    let mut template = Template {
        preamble: PREAMBLE,
        description: "The schemas of the events, for developers of consumers.",
        parameters: vec![name],
        ..Template::default()
    };
    template.section("The registry, and in it every event in each of its published versions.");
    let registry =
        SchemaRegistry { description: "The events of the design table", name: REGISTRY_NAME };
    template.add("Registry", &registry);
    let messages = table.messages().into_iter();
    for message in messages.filter(|it| it.spec.category() == Category::Event) {
        for (version, schema) in message.published() {
            let schema = registered(&message.spec, version, schema)?;
            template.add(format!("{}V{version}", message.spec.detail_type), &schema);
        }
    }
    Ok(template)
}

fn registered(
    event: &EventSpec,
    version: u32,
    schema: fn() -> Schema,
) -> serde_json::Result<RegisteredSchema> {
    let (source, name) = (event.owner.source(), event.detail_type);
    // The current version has the name that EventBridge's schema discovery would give it.
    let suffix = if version == event.version { String::new() } else { format!("-v{version}") };
    Ok(RegisteredSchema {
        registry: "Registry",
        name: format!("{source}@{name}{suffix}"),
        description: format!("{} Version {version}.", event.meaning),
        document: document(event, version, schema())?,
    })
}

/// The OpenAPI 3.0 document of an event as the bus delivers it.
fn document(event: &EventSpec, version: u32, data: Schema) -> serde_json::Result<Value> {
    let name = event.detail_type;
    let mut schemas = Map::new();
    add(&mut schemas, "Metadata", schema_of::<Metadata>())?;
    let of_data = format!("{name}Data");
    add(&mut schemas, &of_data, data)?;
    let detail = json!({
        "type": "object",
        "required": ["metadata", "data"],
        "properties": { "metadata": component("Metadata"), "data": component(&of_data) },
    });
    schemas.insert(name.to_owned(), detail);
    schemas.insert("AWSEvent".to_owned(), envelope(event));
    Ok(json!({
        "openapi": "3.0.0",
        "info": { "title": name, "version": format!("{version}.0.0") },
        "paths": {},
        "components": { "schemas": schemas },
    }))
}

fn component(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The schema of EventBridge's envelope, in the form that the schema registry expects.
fn envelope(event: &EventSpec) -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": [
            "detail-type", "resources", "detail", "id", "source", "time", "region", "version", "account",
        ],
        "x-amazon-events-detail-type": event.detail_type,
        "x-amazon-events-source": event.owner.source(),
        "properties": {
            "detail": component(event.detail_type),
            "account": text(),
            "detail-type": text(),
            "id": text(),
            "region": text(),
            "resources": { "type": "array", "items": { "type": "string" } },
            "source": text(),
            "time": { "type": "string", "format": "date-time" },
            "version": text(),
        },
    })
}

/// Adds a schema and its definitions, converted from JSON Schema to OpenAPI 3.0.
fn add(schemas: &mut Map<String, Value>, name: &str, mut schema: Schema) -> serde_json::Result<()> {
    AddNullable::default().transform(&mut schema);
    ReplaceConstValue::default().transform(&mut schema);
    let mut schema = serde_json::to_value(schema)?;
    let definitions = schema.as_object_mut().and_then(|fields| {
        fields.remove("$schema");
        fields.remove("$defs")
    });
    refer_to_components(&mut schema);
    schemas.insert(name.to_owned(), schema);
    if let Some(Value::Object(definitions)) = definitions {
        for (name, mut definition) in definitions {
            refer_to_components(&mut definition);
            schemas.insert(name, definition);
        }
    }
    Ok(())
}

/// Turns references to `$defs` into references to components. Fields beside a `$ref` are dropped,
/// because OpenAPI 3.0 ignores them.
fn refer_to_components(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = target.and_then(|target| target.strip_prefix("#/$defs/")) {
                *schema = component(name);
                return;
            }
            fields.values_mut().for_each(refer_to_components);
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}

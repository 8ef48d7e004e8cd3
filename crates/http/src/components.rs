//! Collects the schemas of an OpenAPI document: each schema once, under its name.

use std::collections::BTreeMap;

use chorus_table::{IDENTIFIER, PUBLISHED_IDENTIFIER};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// The prefix of a schema's references to its own definitions.
const DEFINITIONS: &str = "#/$defs/";
/// The prefix of references to the document's schemas.
const COMPONENT_SCHEMAS: &str = "#/components/schemas/";

/// The largest whole number that every JSON parser represents exactly.
const MAX_WHOLE: u64 = (1 << 53) - 1;

/// The schemas in the document so far.
#[derive(Debug, Default)]
pub(crate) struct Components(BTreeMap<String, Value>);

impl Components {
    /// Adds a schema and its definitions, and returns a reference to the schema. A type may have
    /// different schemas in requests and in responses. The schema that is added later then gets a
    /// longer name.
    pub(crate) fn reference(&mut self, schema: Schema) -> Value {
        let mut root = schema.to_value();
        let mut own = BTreeMap::new();
        if let Value::Object(fields) = &mut root {
            fields.remove("$schema");
            if let Some(Value::Object(named)) = fields.remove("$defs") {
                own.extend(named);
            }
        }
        let title = root.as_object_mut().and_then(|fields| fields.remove("title"));
        let name = title.as_ref().and_then(Value::as_str).unwrap_or("Value").to_owned();
        own.insert(name.clone(), root);
        for schema in own.values_mut() {
            adapt(schema);
        }
        let names = self.names(&own);
        for (own_name, schema) in own {
            let kept = names[&own_name].clone();
            self.0.entry(kept).or_insert_with(|| renamed(schema, &names));
        }
        json!({ "$ref": format!("{COMPONENT_SCHEMAS}{}", names[&name]) })
    }

    /// Maps the name of each schema in `own` to the schema's name in the document. A schema gets a
    /// longer name only if the document has a different schema of the same name.
    fn names(&self, own: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
        let mut names: BTreeMap<String, String> =
            own.keys().map(|name| (name.clone(), name.clone())).collect();
        loop {
            let taken = |(name, schema): &(&String, &Value)| {
                let kept = self.0.get(&names[*name]);
                kept.is_some_and(|kept| *kept != renamed((*schema).clone(), &names))
            };
            let Some((name, _)) = own.iter().find(taken) else { return names };
            let longer = format!("{}Input", names[name]);
            names.insert(name.clone(), longer);
        }
    }

    pub(crate) fn into_json(self) -> Value {
        self.0.into_iter().collect::<Map<_, _>>().into()
    }
}

/// The schema, changed so that its references point to the document's schemas.
fn renamed(schema: Value, names: &BTreeMap<String, String>) -> Value {
    match schema {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| match &value {
                Value::String(text) if key == "$ref" => {
                    let name = text.strip_prefix(DEFINITIONS).and_then(|name| names.get(name));
                    let place = name.map(|name| Value::from(format!("{COMPONENT_SCHEMAS}{name}")));
                    (key, place.unwrap_or(value))
                }
                _ => (key, renamed(value, names)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(values) => {
            values.into_iter().map(|value| renamed(value, names)).collect::<Vec<_>>().into()
        }
        other => other,
    }
}

/// Adds constraints that the schemas of events lack: whole numbers have bounds, and `.` and `..`
/// are not identifiers. Removes the constraint that an amount is a multiple of 0.01, because
/// validators with binary floating point reject one valid price in seven.
fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            bound(fields);
            if fields.get("pattern").is_some_and(|pattern| pattern == PUBLISHED_IDENTIFIER) {
                fields.insert("pattern".to_owned(), json!(IDENTIFIER));
                fields.insert("maxLength".to_owned(), json!(64));
            }
            let part = fields.get("multipleOf").and_then(Value::as_f64).filter(|part| *part < 1.0);
            if let Some(part) = part {
                fields.remove("multipleOf");
                let most = MAX_WHOLE as f64 * part;
                fields.entry("minimum").or_insert(json!(-most));
                fields.entry("maximum").or_insert(json!(most));
            }
            fields.values_mut().for_each(adapt);
        }
        Value::Array(values) => values.iter_mut().for_each(adapt),
        _ => {}
    }
}

/// If `fields` is the schema of a whole number, adds the bounds that the number's format implies.
/// Otherwise, changes nothing.
fn bound(fields: &mut Map<String, Value>) {
    let is_whole = match fields.get("type") {
        Some(Value::String(kind)) => kind == "integer",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "integer"),
        _ => false,
    };
    if !is_whole {
        return;
    }
    // OpenAPI has no formats for unsigned numbers.
    let (least, most, format) = match fields.get("format").and_then(Value::as_str) {
        Some("uint32") => (0, u64::from(u32::MAX), "int64"),
        Some("int32") => (i64::from(i32::MIN), 2_147_483_647, "int32"),
        Some("uint64") => (0, MAX_WHOLE, "int64"),
        _ => (-9_007_199_254_740_991, MAX_WHOLE, "int64"),
    };
    fields.entry("minimum").or_insert(json!(least));
    fields.entry("maximum").or_insert(json!(most));
    fields.insert("format".to_owned(), json!(format));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(value: Value) -> Schema {
        value.try_into().unwrap()
    }

    #[test]
    fn what_two_schemas_name_is_kept_once_and_what_differs_under_a_name_of_its_own() {
        let line = json!({ "type": "string" });
        let of = |title: &str, line: &Value| {
            schema(json!({
                "title": title, "type": "array", "items": { "$ref": "#/$defs/Line" },
                "$defs": { "Line": line },
            }))
        };
        let mut components = Components::default();
        let order = components.reference(of("Order", &line));
        assert_eq!(order, json!({ "$ref": "#/components/schemas/Order" }));
        components.reference(of("Basket", &line));
        let other = components.reference(of("Order", &json!({ "type": "boolean" })));
        assert_eq!(other, json!({ "$ref": "#/components/schemas/OrderInput" }));
        let kept = components.into_json();
        let names: Vec<&String> = kept.as_object().unwrap().keys().collect();
        assert_eq!(names, ["Basket", "Line", "LineInput", "Order", "OrderInput"]);
        assert_eq!(kept["OrderInput"]["items"]["$ref"], "#/components/schemas/LineInput");
    }

    #[test]
    fn amounts_and_identifiers_are_serialized_as_they_are_read() {
        let mut price = json!({ "type": "number", "multipleOf": 0.01, "minimum": 0 });
        adapt(&mut price);
        let most = MAX_WHOLE as f64 * 0.01;
        assert_eq!(price, json!({ "type": "number", "minimum": 0, "maximum": most }));
        let mut sku = json!({ "type": "string", "pattern": PUBLISHED_IDENTIFIER });
        adapt(&mut sku);
        assert_eq!(sku["pattern"], IDENTIFIER);
    }

    #[test]
    fn every_whole_number_has_its_bounds() {
        let mut schema = json!({ "properties": {
            "stock": { "type": "integer", "format": "uint32", "maximum": 9 },
            "count": { "type": ["integer", "null"], "format": "int64" },
            "name": { "type": "string" },
        }});
        adapt(&mut schema);
        let field = |name: &str, bound: &str| schema["properties"][name][bound].clone();
        assert_eq!((field("stock", "minimum"), field("stock", "maximum")), (json!(0), json!(9)));
        assert_eq!(field("count", "maximum"), json!(MAX_WHOLE));
        assert_eq!(field("name", "maximum"), Value::Null);
    }
}

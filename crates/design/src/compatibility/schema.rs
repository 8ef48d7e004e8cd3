//! A JSON Schema with references resolved and alternatives expanded.

use serde_json::{Map, Value};

/// How many references and combinators may be nested directly in each other, with no `properties`
/// or `items` in between. The limit ends the expansion of a reference that leads back to itself.
const MAX_DEPTH: usize = 64;

/// Several schemas of one document, all of which a value has to satisfy. An empty list allows any
/// value.
#[derive(Debug, Clone)]
pub(super) struct Schema<'d> {
    root: &'d Value,
    parts: Vec<Value>,
}

/// One way to satisfy a schema: maps of keywords without combinators. All these keywords have to
/// hold.
#[derive(Debug, Clone)]
pub(super) struct Alternative<'d> {
    pub(super) root: &'d Value,
    pub(super) maps: Vec<Map<String, Value>>,
}

/// A reference that cannot be resolved: its target does not exist, or the reference leads back to
/// itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolved(pub(super) String);

impl<'d> Schema<'d> {
    /// The whole document `root` as a schema.
    pub(super) fn whole(root: &'d Value) -> Self {
        Self { root, parts: vec![root.clone()] }
    }

    pub(super) fn of(root: &'d Value, parts: Vec<Value>) -> Self {
        Self { root, parts }
    }

    /// Returns a schema without parts, which allows any value.
    pub(super) fn anything(&self) -> Self {
        Self { root: self.root, parts: Vec::new() }
    }

    /// The schema as a separate document, for a validator.
    pub(super) fn document(&self) -> Value {
        let mut document = Map::new();
        for definitions in ["$defs", "definitions"] {
            if let Some(inner) = self.root.get(definitions) {
                document.insert(definitions.to_owned(), inner.clone());
            }
        }
        // JSON Schema requires at least one schema in `allOf`, so `true`, which allows any value,
        // is always in it.
        let all = [vec![Value::Bool(true)], self.parts.clone()].concat();
        document.insert("allOf".to_owned(), Value::Array(all));
        Value::Object(document)
    }

    /// Every way to satisfy the schema; empty if no value satisfies it.
    pub(super) fn alternatives(&self) -> Result<Vec<Alternative<'d>>, Unresolved> {
        let mut all = vec![Vec::new()];
        for part in &self.parts {
            all = product(&all, &self.spread(part, 0)?);
        }
        Ok(all.into_iter().map(|maps| Alternative { root: self.root, maps }).collect())
    }

    fn spread(
        &self,
        schema: &Value,
        depth: usize,
    ) -> Result<Vec<Vec<Map<String, Value>>>, Unresolved> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(vec![Vec::new()]),
            Value::Bool(false) => return Ok(Vec::new()),
            Value::Object(keywords) if depth < MAX_DEPTH => keywords,
            other => return Err(Unresolved(other.to_string())),
        };
        let mut plain = keywords.clone();
        let mut all = vec![Vec::new()];
        for keyword in ["$ref", "allOf", "anyOf", "oneOf"] {
            let Some(value) = plain.remove(keyword) else { continue };
            let listed = value.as_array().map(Vec::as_slice).unwrap_or_default();
            match keyword {
                "$ref" => all = product(&all, &self.spread(self.referred(&value)?, depth + 1)?),
                "allOf" => {
                    for schema in listed {
                        all = product(&all, &self.spread(schema, depth + 1)?);
                    }
                }
                _ => {
                    let mut either = Vec::new();
                    for schema in listed {
                        either.extend(self.spread(schema, depth + 1)?);
                    }
                    all = product(&all, &either);
                }
            }
        }
        Ok(product(&all, &[vec![plain]]))
    }

    fn referred(&self, reference: &Value) -> Result<&'d Value, Unresolved> {
        let text = reference.as_str().unwrap_or_default();
        let found = text.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        found.ok_or_else(|| Unresolved(text.to_owned()))
    }
}

/// Each list of `left` joined with each list of `right`.
fn product<T: Clone>(left: &[Vec<T>], right: &[Vec<T>]) -> Vec<Vec<T>> {
    let with = |one: &Vec<T>| {
        let joined = right.iter().map(|other| [one.as_slice(), other.as_slice()].concat());
        joined.collect::<Vec<_>>()
    };
    left.iter().flat_map(with).collect()
}

/// The JSON types that a schema distinguishes; an integer is a number without a fraction.
pub(super) const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

impl<'d> Alternative<'d> {
    /// The values of `keyword` in all maps.
    pub(super) fn each(&self, keyword: &str) -> impl Iterator<Item = &Value> {
        self.maps.iter().filter_map(move |map| map.get(keyword))
    }

    /// Whether the schema's `type` keyword allows this JSON type.
    pub(super) fn allows(&self, kind: &str) -> bool {
        self.each("type").all(|types| {
            let is = |name: &Value| name == kind || (kind == "number" && name == "integer");
            types.as_array().map_or_else(|| is(types), |listed| listed.iter().any(is))
        })
    }

    /// Whether the schema's `type` keyword excludes numbers with a fraction.
    pub(super) fn whole_numbers(&self) -> bool {
        self.each("type").any(|types| {
            let only = |name: &Value| name != "number";
            types.as_array().map_or_else(|| only(types), |listed| listed.iter().all(only))
        })
    }

    /// The values that every `const` and `enum` of the schema allows; `None` if the schema has
    /// neither keyword.
    pub(super) fn listed(&self) -> Option<Vec<Value>> {
        let consts = self.each("const").map(|value| vec![value.clone()]);
        let enums = self.each("enum").filter_map(|values| values.as_array().cloned());
        consts.chain(enums).reduce(|mut kept, next| {
            kept.retain(|value| next.contains(value));
            kept
        })
    }

    pub(super) fn schema(&self) -> Schema<'d> {
        Schema::of(self.root, self.maps.iter().cloned().map(Value::Object).collect())
    }
}

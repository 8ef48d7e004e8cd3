//! Checks whether a reader's schema accepts all data that a writer's schema allows, and finds the
//! parts that the reader's schema does not accept.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schema::{Alternative, Schema, TYPES, Unresolved};
use super::{arrays, numbers, objects, texts};

/// The maximum number of values of a field by which an object's variants are told apart. A field
/// with more values is not used for this purpose, to limit the number of comparisons.
const MAX_TAGS: usize = 64;

/// A part of the data that a reader might reject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    /// The path of the part: fields joined by dots, `[]` after an array, `{}` after a map; empty
    /// for the whole data.
    pub(super) path: String,
    /// The problem as the end of a sentence that begins with the path, such as `may be absent`.
    pub(super) problem: String,
    /// The kind of change, on which the remedy depends.
    pub(super) kind: Kind,
}

/// The kind of change that causes a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The reader requires a field that may be absent.
    Absent,
    /// The reader rejects fields that it does not know.
    Unknown,
    /// The reader does not accept all values that the writer's schema lists.
    Value,
    /// The reader's limits are stricter than the writer's, or the reader does not accept the type
    /// of the data.
    Narrower,
}

/// The path at which two schemas are compared, and the pairs of schemas whose comparison has begun
/// but not ended. These pairs let the comparison stop at a recursive type.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    pub(super) path: String,
    within: BTreeSet<String>,
}

impl Comparison {
    /// Returns a comparison at the path of `field`.
    pub(super) fn at(&self, field: &str) -> Self {
        let path = match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        Self { path, ..self.clone() }
    }

    /// Returns a comparison at the path of the items of an array (`brackets` is `[]`), or of the
    /// values of a map (`{}`).
    pub(super) fn inside(&self, brackets: &str) -> Self {
        Self { path: format!("{}{brackets}", self.path), ..self.clone() }
    }

    pub(super) fn problem(&self, kind: Kind, problem: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), problem: problem.into(), kind }
    }
}

/// Reports data that `writer` allows and `reader` might reject.
pub(super) fn refused(
    writer: &Schema<'_>,
    reader: &Schema<'_>,
    mut at: Comparison,
) -> Vec<Problem> {
    let pair = json!([writer.document()["allOf"], reader.document()["allOf"]]).to_string();
    if !at.within.insert(pair) {
        return Vec::new(); // A recursive type: an outer call compares the same pair of schemas.
    }
    let unresolved =
        |Unresolved(what): Unresolved| {
            vec![at.problem(
                Kind::Narrower,
                format!("refers to {what}, which this check cannot resolve"),
            )]
        };
    let (written, read) = match (writer.alternatives(), reader.alternatives()) {
        (Ok(written), Ok(read)) => (written, read),
        (Err(error), _) | (_, Err(error)) => return unresolved(error),
    };
    let mut problems: Vec<Problem> =
        written.iter().flat_map(|one| alternative(one, reader, &read, &at)).collect();
    problems.sort();
    problems.dedup();
    problems
}

fn alternative(
    written: &Alternative<'_>,
    reader: &Schema<'_>,
    read: &[Alternative<'_>],
    at: &Comparison,
) -> Vec<Problem> {
    if let Some(values) = finite(written) {
        return each_value(values, reader, at);
    }
    let kinds = TYPES.into_iter().filter(|kind| written.allows(kind));
    kinds.flat_map(|kind| one_type(kind, written, reader, read, at)).collect()
}

/// The values that an alternative allows, if its schema lists them.
fn finite(written: &Alternative<'_>) -> Option<Vec<Value>> {
    let mut values = written.listed()?;
    let validator = validator(&written.schema());
    values.retain(|value| validator.as_ref().is_none_or(|it| it.is_valid(value)));
    Some(values)
}

fn validator(schema: &Schema<'_>) -> Option<jsonschema::Validator> {
    let mut options = jsonschema::draft202012::options();
    options = options.should_validate_formats(true);
    options.build(&schema.document()).ok()
}

fn each_value(values: Vec<Value>, reader: &Schema<'_>, at: &Comparison) -> Vec<Problem> {
    let Some(validator) = validator(reader) else {
        return vec![
            at.problem(Kind::Narrower, "is read with a schema that this check cannot evaluate"),
        ];
    };
    let refused = values.into_iter().filter(|value| !validator.is_valid(value));
    refused
        .map(|value| at.problem(Kind::Value, format!("may be {value}, which consumers reject")))
        .collect()
}

/// Reports values of the JSON type `kind` that `written` allows and the reader might reject.
fn one_type(
    kind: &str,
    written: &Alternative<'_>,
    reader: &Schema<'_>,
    read: &[Alternative<'_>],
    at: &Comparison,
) -> Vec<Problem> {
    match kind {
        "null" => return each_value(vec![Value::Null], reader, at),
        "boolean" => return each_value(vec![json!(false), json!(true)], reader, at),
        _ => {}
    }
    let takes = |one: &&Alternative<'_>| one.allows(kind) && one.listed().is_none();
    let candidates: Vec<&Alternative<'_>> = read.iter().filter(takes).collect();
    let mut best: Option<Vec<Problem>> = None;
    for candidate in &candidates {
        let problems = plain(kind, written, candidate, at);
        if best.as_ref().is_none_or(|best| problems.len() < best.len()) {
            best = Some(problems);
        }
    }
    match best {
        None if read.iter().any(|one| one.allows(kind)) => {
            let problem = format!("may be any {kind}, but consumers reject some of these values");
            vec![at.problem(Kind::Value, problem)]
        }
        None => {
            vec![
                at.problem(
                    Kind::Narrower,
                    format!("may be {}, which consumers reject", named(kind)),
                ),
            ]
        }
        Some(problems) if !problems.is_empty() && kind == "object" && candidates.len() > 1 => {
            match by_tag(written) {
                Some(split) => {
                    split.iter().flat_map(|one| one_type(kind, one, reader, read, at)).collect()
                }
                None => problems,
            }
        }
        Some(problems) => problems,
    }
}

fn named(kind: &str) -> String {
    let article = if matches!(kind, "array" | "object") { "an" } else { "a" };
    format!("{article} {kind}")
}

/// Reports values of the JSON type `kind` that `written` allows and `read` might reject.
fn plain(
    kind: &str,
    written: &Alternative<'_>,
    read: &Alternative<'_>,
    at: &Comparison,
) -> Vec<Problem> {
    let as_problems = |all: Vec<String>| {
        all.into_iter().map(|problem| at.problem(Kind::Narrower, problem)).collect::<Vec<_>>()
    };
    let mut problems = match kind {
        "number" => as_problems(numbers::refused(written, read)),
        "string" => as_problems(texts::refused(written, read)),
        "array" => arrays::refused(written, read, at),
        _ => objects::refused(written, read, at),
    };
    problems.extend(unjudged(written, read, at));
    problems
}

/// Keywords that this check does not interpret. If the reader's schema has one of them, the
/// writer's schema must have it with the same value.
const UNJUDGED: [&str; 12] = [
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
];

fn unjudged(written: &Alternative<'_>, read: &Alternative<'_>, at: &Comparison) -> Vec<Problem> {
    let differs = |keyword: &&&str| {
        read.each(keyword).any(|value| !written.each(keyword).any(|own| own == value))
    };
    let differing = UNJUDGED.iter().filter(differs);
    let problem = |keyword: &&str| {
        at.problem(
            Kind::Narrower,
            format!("is read with `{keyword}`, which this check cannot evaluate"),
        )
    };
    differing.map(problem).collect()
}

/// Splits an object type by the field that distinguishes its variants, into one alternative for
/// each value of that field. Returns `None` if no field distinguishes the variants.
fn by_tag<'d>(written: &Alternative<'d>) -> Option<Vec<Alternative<'d>>> {
    for name in objects::required(written) {
        let ways = objects::field(written, &name)?.alternatives().ok()?;
        let values: Option<Vec<Vec<Value>>> = ways.iter().map(finite).collect();
        let values: Vec<Value> = values.unwrap_or_default().into_iter().flatten().collect();
        if (2..=MAX_TAGS).contains(&values.len()) {
            let fixed = |value: &Value| {
                let mut one = written.clone();
                let tag = json!({ "properties": { name.clone(): { "const": value } } });
                one.maps.extend(tag.as_object().cloned());
                one
            };
            return Some(values.iter().map(fixed).collect());
        }
    }
    None
}

//! Payload templates: JSON in which some values are computed. In JSONPath, the value of a key that
//! ends in `.$` is a path or a function; in JSONata, a string in `{% %}` is an expression.

use crate::failure::Failure;
use crate::intrinsic::{self, Call};
use crate::json::{Json, Object};
use crate::jsonata::Query;
use crate::path::Path;
use crate::scope::{Miss, Scope};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    Literal(Json),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
    Expression {
        field: String,
        expression: Expression,
    },
    /// A JSONata expression, with its place inside the state, such as `Output/total`.
    Query {
        place: String,
        query: Query,
    },
}

/// A path or a call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Path(Path),
    Call(Call),
}

/// A part of a template that cannot be read. `place` is relative to the template or, in JSONata,
/// to the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) place: String,
    pub(crate) reason: String,
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('$') {
            Path::parse(text).map(Self::Path).map_err(|error| error.to_string())
        } else {
            intrinsic::parse(text).map(Self::Call).map_err(|error| error.to_string())
        }
    }

    pub(crate) fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Path(path) => vec![path],
            Self::Call(call) => call.paths(),
        }
    }
}

impl Template {
    /// Reads a template. Leaves out every part that cannot be read, and adds a flaw for it.
    pub(crate) fn parse(source: &Json, flaws: &mut Vec<Flaw>) -> Self {
        Self::parse_at(source, "", flaws)
    }

    /// Reads a template in JSONata. `place` is the field's path inside the state, such as `Output`.
    pub(crate) fn parse_jsonata(source: &Json, place: &str, flaws: &mut Vec<Flaw>) -> Self {
        match source {
            Json::Object(members) => Self::object(
                members
                    .iter()
                    .map(|(key, member)| {
                        let place = format!("{place}/{key}");
                        (key.clone(), Self::parse_jsonata(member, &place, flaws))
                    })
                    .collect(),
            ),
            Json::Array(items) => Self::array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        Self::parse_jsonata(item, &format!("{place}[{index}]"), flaws)
                    })
                    .collect(),
            ),
            Json::String(text) => match Query::of(text) {
                None => Self::Literal(source.clone()),
                Some(Ok(query)) => Self::Query { place: place.to_owned(), query },
                Some(Err(reason)) => {
                    flaws.push(Flaw { place: place.to_owned(), reason });
                    Self::Literal(Json::Null)
                }
            },
            scalar => Self::Literal(scalar.clone()),
        }
    }

    fn parse_at(source: &Json, place: &str, flaws: &mut Vec<Flaw>) -> Self {
        match source {
            Json::Object(members) => Self::parse_members(members, place, flaws),
            Json::Array(items) => Self::array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::parse_at(item, &format!("{place}[{index}]"), flaws))
                    .collect(),
            ),
            scalar => Self::Literal(scalar.clone()),
        }
    }

    fn parse_members(members: &Object, place: &str, flaws: &mut Vec<Flaw>) -> Self {
        let mut parsed = Vec::with_capacity(members.len());
        for (key, value) in members {
            let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
            let Some(name) = key.strip_suffix(".$") else {
                parsed.push((key.clone(), Self::parse_at(value, &place, flaws)));
                continue;
            };
            if members.contains_key(name) {
                let reason = format!("the member '{name}' is given twice, with and without '.$'");
                flaws.push(Flaw { place: place.clone(), reason });
            }
            let expression = match value {
                Json::String(text) => Expression::parse(text),
                other => Err(format!(
                    "a key that ends in '.$' takes a string with a path or an intrinsic function, \
                     not {}",
                    other.kind()
                )),
            };
            match expression {
                Ok(expression) => {
                    let field = key.clone();
                    parsed.push((name.to_owned(), Self::Expression { field, expression }));
                }
                Err(reason) => flaws.push(Flaw { place, reason }),
            }
        }
        Self::object(parsed)
    }

    fn object(members: Vec<(String, Template)>) -> Self {
        if members.iter().all(|(_, member)| matches!(member, Self::Literal(_))) {
            let literal = |(key, member)| match member {
                Self::Literal(value) => (key, value),
                _ => (key, Json::Null),
            };
            return Self::Literal(Json::object(members.into_iter().map(literal)));
        }
        Self::Object(members)
    }

    fn array(items: Vec<Template>) -> Self {
        if items.iter().all(|item| matches!(item, Self::Literal(_))) {
            let literal = |item| match item {
                Self::Literal(value) => value,
                _ => Json::Null,
            };
            return Self::Literal(Json::Array(items.into_iter().map(literal).collect()));
        }
        Self::Array(items)
    }

    /// Computes the value of the template.
    pub(crate) fn fill(&self, scope: &Scope<'_>) -> Result<Json, Failure> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Array(items) => {
                let items: Result<_, _> = items.iter().map(|item| item.fill(scope)).collect();
                items.map(Json::Array)
            }
            Self::Object(members) => {
                let mut filled = Object::with_capacity(members.len());
                for (key, member) in members {
                    filled.insert(key.clone(), member.fill(scope)?);
                }
                Ok(Json::Object(filled))
            }
            Self::Query { place, query } => query.evaluate(place, scope),
            Self::Expression { field, expression } => match expression {
                Expression::Call(call) => call.evaluate(scope),
                Expression::Path(path) => match scope.read(path) {
                    Ok(value) => Ok(value),
                    Err(miss) if miss.past_end => Ok(Json::Null),
                    Err(miss) => Err(not_found(&miss, path, field)),
                },
            },
        }
    }

    /// Makes the failure of a template whose computed value has the wrong type for its field.
    pub(crate) fn unexpected(&self, expected: &str, value: &Json) -> Failure {
        match self {
            Self::Query { place, query } => unexpected(place, query, expected, value),
            _ => Failure::runtime(format!("Expected '{expected}', but was {}", value.kind())),
        }
    }

    /// Whether a query of the template may read the context object.
    pub(crate) fn queries_context(&self) -> bool {
        match self {
            Self::Query { query, .. } => query.text().contains("context"),
            Self::Object(members) => members.iter().any(|(_, member)| member.queries_context()),
            Self::Array(items) => items.iter().any(Self::queries_context),
            Self::Literal(_) | Self::Expression { .. } => false,
        }
    }

    /// Returns every path in the template.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        let mut pending = vec![self];
        while let Some(template) = pending.pop() {
            match template {
                Self::Literal(_) | Self::Query { .. } => {}
                Self::Object(members) => pending.extend(members.iter().map(|(_, member)| member)),
                Self::Array(items) => pending.extend(items),
                Self::Expression { expression, .. } => paths.extend(expression.paths()),
            }
        }
        paths
    }

    /// Returns the keys of the outermost object; no keys if the template is not an object.
    pub(crate) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Literal(Json::Object(members)) => members.keys().map(String::as_str).collect(),
            Self::Object(members) => members.iter().map(|(key, _)| key.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

/// Makes the `States.Runtime` failure for a field whose path found nothing.
pub(crate) fn not_found(miss: &Miss, path: &Path, field: &str) -> Failure {
    Failure::runtime(match &miss.input {
        Some(input) => format!(
            "The JSONPath '{path}' specified for the field '{field}' could not be found in the \
             input '{input}'"
        ),
        None => miss.reason.clone(),
    })
}

/// Makes the failure of a query whose value has the wrong type for its field.
pub(crate) fn unexpected(place: &str, query: &Query, expected: &str, value: &Json) -> Failure {
    let found = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    let text = query.text();
    Failure::query(
        place,
        format!(
            "The JSONata expression '{text}' specified for the field '{place}' returned an \
             unexpected result type. Expected '{expected}', but was '{found}' for value: {value}"
        ),
    )
}

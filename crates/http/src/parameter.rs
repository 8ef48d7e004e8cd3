//! The query parameters and headers that a route reads. The route declares them once; requests are
//! checked against the declaration, and the OpenAPI document contains the declaration.

use std::collections::BTreeMap;

use chorus_table::{IDENTIFIER, IdentifierError, is_identifier};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::Problem;

/// How many characters a parameter of [`Values::Text`] may have.
const MAX_TEXT: usize = 200;

/// The part of a request that contains a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterIn {
    Query,
    Header,
}

/// The values that a parameter may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// An identifier; see [`chorus_table::identifier!`].
    Identifier,
    OneOf(&'static [&'static str]),
    /// A day or an instant (RFC 3339).
    Moment,
    Whole {
        least: u32,
        most: u32,
    },
    /// Text of at least 1 character.
    Text,
    Any,
    /// Text that matches this regular expression. The endpoint checks the text; the router does
    /// not.
    Like(&'static str),
    /// An idempotency key.
    Key,
}

/// A query parameter or a header that a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    pub place: ParameterIn,
    pub name: &'static str,
    pub required: bool,
    /// One sentence on what the parameter means.
    pub meaning: &'static str,
    pub values: Values,
}

impl Parameter {
    /// The header with the request's idempotency key.
    pub const KEY: Self = Self {
        values: Values::Key,
        ..Self::header(
            "Idempotency-Key",
            "Identifies the request: a repeated request takes effect once, and gets the same response",
        )
    };

    /// The header with the tag of the version that the caller has read and wants to replace.
    pub const IF_MATCH: Self = Self {
        values: Values::Like("^(\\*|\"v[0-9]{1,18}\")$"),
        ..Self::header(
            "If-Match",
            "The ETag of the version to replace, or `*` to replace any version",
        )
    };

    /// The header by which a caller demands that the request creates something, and replaces
    /// nothing.
    pub const IF_NONE_MATCH: Self = Self {
        values: Values::OneOf(&["*"]),
        ..Self::header(
            "If-None-Match",
            "`*`: the request must create something, and replace nothing",
        )
    };

    /// The header with the tags of the versions that the caller already has.
    pub(crate) const REVALIDATES: Self = Self {
        values: Values::Any,
        ..Self::header(
            "If-None-Match",
            "The ETag that the caller has: if its version is current, the response is 304",
        )
    };

    /// An optional query parameter.
    #[must_use]
    pub const fn query(name: &'static str, values: Values, meaning: &'static str) -> Self {
        Self { place: ParameterIn::Query, name, required: false, meaning, values }
    }

    /// An optional header.
    #[must_use]
    pub const fn header(name: &'static str, meaning: &'static str) -> Self {
        Self { place: ParameterIn::Header, name, required: false, meaning, values: Values::Text }
    }

    /// Makes the parameter required.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The query parameters of a route that responds with pages.
    pub(crate) const fn of_pages(most: u32, cursors: Values) -> [Self; 2] {
        [
            Self::query("limit", Values::Whole { least: 1, most }, "How many entries at most"),
            Self::query("cursor", cursors, "The `next` of the previous page"),
        ]
    }

    /// The JSON Schema of the parameter's values.
    pub(crate) fn schema(&self) -> Value {
        match self.values {
            Values::Identifier => identifier_schema(),
            Values::OneOf(values) => json!({ "type": "string", "enum": values }),
            Values::Moment => json!({
                "type": "string",
                "anyOf": [{ "format": "date" }, { "format": "date-time" }],
            }),
            Values::Whole { least, most } => {
                json!({ "type": "integer", "format": "int32", "minimum": least, "maximum": most })
            }
            Values::Text => json!({ "type": "string", "minLength": 1, "maxLength": MAX_TEXT }),
            Values::Any => json!({ "type": "string" }),
            Values::Like(pattern) => json!({ "type": "string", "pattern": pattern }),
            Values::Key => {
                // An empty key counts as absent, so only an optional key may be empty.
                let fewest = u8::from(self.required);
                json!({ "type": "string", "pattern": format!("^[!-~]{{{fewest},255}}$") })
            }
        }
    }

    /// The rule that `text` breaks, if any.
    fn broken_by(&self, text: &str) -> Option<String> {
        match self.values {
            Values::Identifier => (!is_identifier(text)).then(|| IdentifierError.to_string()),
            Values::OneOf(values) => {
                (!values.contains(&text)).then(|| format!("must be one of {}", values.join(", ")))
            }
            Values::Moment => {
                let fits = text.parse::<Timestamp>().is_ok() || text.parse::<Date>().is_ok();
                (!fits).then(|| {
                    "must be a day such as 2026-11-28, or an instant such as 2026-11-28T10:00:00Z"
                        .to_owned()
                })
            }
            Values::Whole { least, most } => {
                let fits = text.parse().is_ok_and(|number: u32| (least..=most).contains(&number));
                (!fits).then(|| format!("must be a whole number from {least} to {most}"))
            }
            // The endpoint checks these values.
            Values::Any | Values::Like(_) | Values::Key => None,
            Values::Text => {
                let fits = (1..=MAX_TEXT).contains(&text.chars().count());
                (!fits).then(|| format!("must be 1 to {MAX_TEXT} characters"))
            }
        }
    }
}

/// The schema of an identifier; see [`chorus_table::identifier!`].
pub(crate) fn identifier_schema() -> Value {
    json!({ "type": "string", "maxLength": 64, "pattern": IDENTIFIER })
}

/// Checks the query of a request against the parameters that its route reads.
///
/// # Errors
/// 400, with the name and the rule, if a parameter is unknown, missing, or has an invalid value.
pub(crate) fn check(known: &[Parameter], query: &BTreeMap<String, String>) -> Result<(), Problem> {
    let known: Vec<&Parameter> =
        known.iter().filter(|parameter| parameter.place == ParameterIn::Query).collect();
    if let Some(name) = query.keys().find(|name| !known.iter().any(|it| it.name == **name)) {
        return Err(unknown(name, known.iter().map(|parameter| parameter.name)));
    }
    for parameter in known {
        let rule = match query.get(parameter.name) {
            Some(text) => parameter.broken_by(text),
            None => parameter.required.then(|| "must be given".to_owned()),
        };
        if let Some(rule) = rule {
            return Err(Problem::field(400, parameter.name, rule));
        }
    }
    Ok(())
}

/// The problem of a parameter that is not one of `known`.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known: Vec<&str> = known.collect();
    let rule = if known.is_empty() {
        "must not be sent: this route has no query parameters".to_owned()
    } else {
        format!("must be a query parameter of this route: {}", known.join(", "))
    };
    Problem::field(400, name, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 4] = [
        Parameter::query("order-id", Values::Identifier, "").required(),
        Parameter::query("status", Values::OneOf(&["Open", "Canceled"]), ""),
        Parameter::query("from", Values::Moment, ""),
        Parameter::query("limit", Values::Whole { least: 1, most: 20 }, ""),
    ];

    /// The field and the rule in the problem that `check` returns for a query.
    fn refused(query: &[(&str, &str)]) -> Option<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let problem = check(&KNOWN, &query.iter().map(owned).collect()).err()?;
        assert_eq!(problem.status, 400);
        problem.errors.into_iter().next().map(|error| (error.field, error.rule))
    }

    #[test]
    fn a_parameter_that_the_route_does_not_read_is_refused_with_those_that_it_reads() {
        let (field, rule) = refused(&[("order-id", "a"), ("order_id", "b")]).unwrap();
        assert_eq!(field, "order_id");
        assert_eq!(rule, "must be a query parameter of this route: order-id, status, from, limit");
        let query = BTreeMap::from([("x".to_owned(), String::new())]);
        let problem = check(&[Parameter::KEY], &query).unwrap_err();
        assert_eq!(problem.errors[0].rule, "must not be sent: this route has no query parameters");
    }

    #[test]
    fn a_value_that_breaks_its_rule_is_refused_by_name() {
        let order = ("order-id", "a");
        assert_eq!(refused(&[order]), None);
        for (name, fitting, wrong) in [
            ("order-id", "A.b_c-1", "a b"),
            ("status", "Open", "open"),
            ("from", "2026-11-28", "2026-11-31"),
            ("from", "2026-11-28T10:00:00+01:00", "now"),
            ("limit", "20", "21"),
            ("limit", "1", "0"),
        ] {
            let with = |value| [order, (name, value)];
            assert_eq!(refused(&with(fitting)), None, "{name}={fitting}");
            assert_eq!(refused(&with(wrong)).unwrap().0, name, "{name}={wrong}");
            assert_eq!(refused(&with("")).unwrap().0, name, "an empty {name}");
        }
        assert_eq!(refused(&[]), Some(("order-id".to_owned(), "must be given".to_owned())));
    }
}

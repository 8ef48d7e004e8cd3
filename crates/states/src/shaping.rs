//! Applies the fields of a state that select its input and shape its output, such as `InputPath`
//! and `ResultPath`.

use crate::failure::{Failure, RESULT_PATH};
use crate::json::{Json, Object};
use crate::jsonata::Query;
use crate::machine::{ResultPath, Seconds, Selector};
use crate::path::{self, Path};
use crate::scope::{Environment, Scope};
use crate::template::{self, Template};

/// Applies `InputPath` or `OutputPath`.
pub(crate) fn select(
    selector: &Selector,
    value: &Json,
    environment: &Environment<'_>,
) -> Result<Json, Failure> {
    match selector {
        Selector::Whole => Ok(value.clone()),
        Selector::Nothing => Ok(Json::empty_object()),
        Selector::Path(path) => read(path, &environment.scope(value)),
    }
}

/// Reads the value at the path that a field such as `InputPath` contains. An error is worded as
/// Step Functions words it for such fields; see [`template::not_found`] for other fields.
pub(crate) fn read(path: &Path, scope: &Scope<'_>) -> Result<Json, Failure> {
    scope.read(path).map_err(|miss| {
        let reason = miss.reason;
        Failure::runtime(match miss.input {
            Some(_) => format!("Invalid path '{path}' : {reason}"),
            None => reason,
        })
    })
}

/// Evaluates `Assign`. Returns the values of the variables by name; empty without a template.
pub(crate) fn assign(template: Option<&Template>, scope: &Scope<'_>) -> Result<Object, Failure> {
    match template.map(|template| template.fill(scope)).transpose()? {
        Some(Json::Object(assigned)) => Ok(assigned),
        _ => Ok(Object::new()),
    }
}

/// Applies `ResultPath`.
pub(crate) fn combine(
    result_path: &ResultPath,
    input: &Json,
    result: Json,
) -> Result<Json, Failure> {
    match result_path {
        ResultPath::Replace => Ok(result),
        ResultPath::Discard => Ok(input.clone()),
        ResultPath::Into(path) => {
            let mut output = input.clone();
            if path::put(path, &mut output, result) {
                return Ok(output);
            }
            let cause = format!("Unable to apply ReferencePath {path} to input {input}");
            Err(Failure::new(RESULT_PATH, cause))
        }
    }
}

/// Reads a number that must not be negative, such as a timeout or the concurrency of a Map.
pub(crate) fn seconds(seconds: &Seconds, field: &str, scope: &Scope<'_>) -> Result<u64, Failure> {
    if let Seconds::Query(place, query) = seconds {
        return number(place, query, scope);
    }
    u64::try_from(integer(seconds, field, scope)?).map_err(|_| {
        let name = field.trim_end_matches("Path");
        Failure::runtime(format!("{name} cannot be negative."))
    })
}

/// Reads an integer. Like Step Functions, also accepts a string that contains an integer.
pub(crate) fn integer(given: &Seconds, field: &str, scope: &Scope<'_>) -> Result<i64, Failure> {
    let path = match given {
        Seconds::Fixed(number) => return Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
        Seconds::Query(place, query) => {
            return number(place, query, scope).map(|number| number as i64);
        }
        Seconds::Path(path) => path,
    };
    let value = read(path, scope)?;
    let number = value.as_integer().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Failure::runtime(format!(
            "The {field} field refers to value \"{shown}\" which is not a valid integer: {path}"
        ))
    })
}

/// Evaluates a query whose value must be a non-negative integer.
pub(crate) fn number(place: &str, query: &Query, scope: &Scope<'_>) -> Result<u64, Failure> {
    let value = query.evaluate(place, scope)?;
    let Some(number) = value.as_integer() else {
        return Err(template::unexpected(place, query, "number", &value));
    };
    u64::try_from(number).map_err(|_| Failure::query(place, format!("{place} cannot be negative.")))
}

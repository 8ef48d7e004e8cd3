//! The intrinsic functions on arrays and objects.

use std::collections::HashSet;

use super::call::{array, integer};
use crate::json::Json;

/// The maximum number of items in the result of `States.ArrayRange` and `$range`.
const MAX_RANGE: i64 = 1000;

pub(crate) fn partition(arguments: &[Json]) -> Result<Json, String> {
    let items = array(&arguments[0])?;
    let size = usize::try_from(integer(&arguments[1])?).unwrap_or(0);
    if size == 0 {
        return Err("the chunk size must be a positive integer".to_owned());
    }
    Ok(Json::Array(items.chunks(size).map(|chunk| Json::Array(chunk.to_vec())).collect()))
}

pub(super) fn contains(arguments: &[Json]) -> Result<Json, String> {
    Ok(Json::Bool(array(&arguments[0])?.contains(&arguments[1])))
}

pub(crate) fn range(arguments: &[Json]) -> Result<Json, String> {
    let (first, last) = (integer(&arguments[0])?, integer(&arguments[1])?);
    let step = integer(&arguments[2])?;
    if step == 0 {
        return Err("the increment must not be zero".to_owned());
    }
    let span = i128::from(last) - i128::from(first);
    let steps = span / i128::from(step);
    if (span < 0) != (step < 0) && span != 0 {
        return Ok(Json::Array(Vec::new()));
    }
    if steps >= i128::from(MAX_RANGE) {
        return Err(format!("the array would have more than {MAX_RANGE} items"));
    }
    let items = (0..=steps as i64).map(|position| Json::from(first + position * step));
    Ok(Json::Array(items.collect()))
}

pub(super) fn item(arguments: &[Json]) -> Result<Json, String> {
    let items = array(&arguments[0])?;
    let index = integer(&arguments[1])?;
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.cloned().ok_or_else(|| {
        format!("the index {index} is outside of the array, which has {} items", items.len())
    })
}

pub(super) fn length(arguments: &[Json]) -> Result<Json, String> {
    Ok(Json::from(array(&arguments[0])?.len() as u64))
}

pub(super) fn unique(arguments: &[Json]) -> Result<Json, String> {
    let mut seen = HashSet::new();
    let items = array(&arguments[0])?.iter();
    Ok(Json::Array(items.filter(|item| seen.insert(item.to_string())).cloned().collect()))
}

pub(super) fn merge(arguments: &[Json]) -> Result<Json, String> {
    let object = |argument: &Json| {
        let members = argument.as_object().cloned();
        members.ok_or_else(|| format!("expected an object, but found {}", argument.kind()))
    };
    match &arguments[2] {
        Json::Bool(false) => {}
        Json::Bool(true) => return Err("deep merging is not supported".to_owned()),
        other => return Err(format!("expected false, but found {}", other.kind())),
    }
    let mut merged = object(&arguments[0])?;
    merged.extend(object(&arguments[1])?);
    Ok(Json::Object(merged))
}

//! The intrinsic functions on numbers.

use super::call::integer;
use crate::json::Json;
use crate::scope::{Entropy, Scope};

pub(super) fn add(arguments: &[Json]) -> Result<Json, String> {
    let sum = bounded(&arguments[0])?.checked_add(bounded(&arguments[1])?);
    sum.map(Json::from).ok_or_else(|| "the sum is out of range".to_owned())
}

/// Draws an integer that is at least the first argument and less than the second.
pub(super) fn random(arguments: &[Json], scope: &Scope<'_>) -> Result<Json, String> {
    let (start, end) = (bounded(&arguments[0])?, bounded(&arguments[1])?);
    if start >= end {
        return Err("the start must be less than the end".to_owned());
    }
    let drawn = match arguments.get(2) {
        Some(seed) => Entropy::from_number(integer(seed)? as u64).draw_number(),
        None => scope.draw_number(),
    };
    let span = (end - start) as u64;
    Ok(Json::from(start + (drawn % span) as i64))
}

/// Returns the argument as an integer. Fails if the integer does not fit into 32 bits, as in Step
/// Functions.
fn bounded(argument: &Json) -> Result<i64, String> {
    let number = integer(argument)?;
    match i32::try_from(number) {
        Ok(_) => Ok(number),
        Err(_) => Err(format!("{number} is outside of -2147483648 to 2147483647")),
    }
}

//! The functions that are registered with the evaluator: guards against large values, functions
//! that Step Functions adds to JSONata, and replacements for the functions of time and randomness.
//! The replacements use the execution's time and entropy, so that a run can be repeated.

use std::cell::RefCell;
use std::rc::Rc;

use jiff::Timestamp;
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

use super::Answer;
use super::distinct;
use super::guard::{LETTERS, MEASURED, PICTURE, PRODUCT, WIDTH};
use super::values::{from_json, into_json, measure};
use crate::intrinsic;
use crate::json::Json;
use crate::scope::{Entropy, Scope};
use crate::timestamp;

/// The maximum width for `$pad`.
const MAX_WIDTH: f64 = 1_000_000.0;
/// The maximum product of the lengths of two arguments of `$join` or `$replace`.
const MAX_PRODUCT: usize = 64 * 1024 * 1024;

pub(super) struct TimeAndEntropy {
    entropy: RefCell<Entropy>,
    now: Timestamp,
}

type Evaluated = Result<JValue, EvaluatorError>;

impl TimeAndEntropy {
    pub(super) fn new(scope: &Scope<'_>) -> Self {
        Self { entropy: RefCell::new(scope.entropy()), now: scope.environment.now }
    }

    /// Returns the entropy that is left after everything that the functions have drawn from it.
    pub(super) fn entropy(&self) -> Entropy {
        self.entropy.borrow().clone()
    }

    fn fraction(&self) -> f64 {
        self.entropy.borrow_mut().draw_fraction()
    }
}

fn refused(reason: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(reason.into())
}

/// Makes a function on JSON values available to the evaluator. If an argument is undefined, the
/// result is undefined, too.
fn by_json(
    apply: impl Fn(&[Json]) -> Result<Json, String> + 'static,
) -> impl Fn(&[JValue]) -> Evaluated + 'static {
    move |arguments| {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match into_json(argument).map_err(refused)? {
                Answer::Value(value) => values.push(value),
                Answer::Nothing => return Ok(JValue::Undefined),
                Answer::Unsupported => {
                    return Err(refused("T0410: A function cannot be passed as an argument"));
                }
            }
        }
        apply(&values).map(|value| from_json(&value)).map_err(refused)
    }
}

/// Like [`by_json`], for a function that takes exactly `count` arguments.
fn of(
    name: &'static str,
    count: usize,
    apply: fn(&[Json]) -> Result<Json, String>,
) -> impl Fn(&[JValue]) -> Evaluated + 'static {
    by_json(move |arguments| {
        if arguments.len() != count {
            let given = arguments.len();
            return Err(format!("T0410: ${name} takes {count} arguments, not {given}"));
        }
        apply(arguments)
    })
}

pub(super) fn register(
    evaluator: &mut Evaluator,
    chance: &Rc<TimeAndEntropy>,
) -> Result<(), EvaluatorError> {
    evaluator.register_fn(MEASURED, |arguments: &[JValue]| {
        let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
        measure(&value).map_err(refused)?;
        Ok(value)
    })?;
    evaluator.register_fn(PRODUCT, product)?;
    evaluator.register_fn(PICTURE, picture)?;
    evaluator.register_fn(LETTERS, letters)?;
    evaluator.register_fn(distinct::NAME, distinct::distinct)?;
    evaluator.register_fn(WIDTH, |arguments: &[JValue]| match arguments.first() {
        Some(JValue::Number(width)) if width.abs() > MAX_WIDTH => {
            Err(refused("D1013: The width is too large"))
        }
        value => Ok(value.cloned().unwrap_or(JValue::Undefined)),
    })?;
    evaluator.register_fn("partition", of("partition", 2, intrinsic::partition))?;
    evaluator.register_fn("hash", of("hash", 2, intrinsic::hash))?;
    evaluator.register_fn("parse", of("parse", 1, intrinsic::string_to_json))?;
    let range = of("range", 3, intrinsic::range);
    evaluator.register_fn("range", move |arguments: &[JValue]| {
        // A range is a sequence: in JSONata, a sequence of one item equals that item.
        let made = range(arguments)?;
        Ok(match made.as_array() {
            Some(items) => JValue::sequence(items.clone()),
            None => made,
        })
    })?;
    register_nondeterministic(evaluator, chance)
}

fn register_nondeterministic(
    evaluator: &mut Evaluator,
    chance: &Rc<TimeAndEntropy>,
) -> Result<(), EvaluatorError> {
    let own = Rc::clone(chance);
    evaluator.register_fn("uuid", move |_: &[JValue]| {
        Ok(JValue::string(own.entropy.borrow_mut().draw_uuid()))
    })?;
    let own = Rc::clone(chance);
    evaluator.register_fn_override("random", move |arguments: &[JValue]| {
        let drawn = match arguments.first().and_then(JValue::as_f64) {
            Some(seed) => Entropy::from_number(seed.to_bits()).draw_fraction(),
            None => own.fraction(),
        };
        Ok(JValue::Number(drawn))
    })?;
    let own = Rc::clone(chance);
    evaluator.register_fn_override("shuffle", move |arguments: &[JValue]| {
        let Some(items) = arguments.first().and_then(JValue::as_array) else {
            return Ok(arguments.first().cloned().unwrap_or(JValue::Undefined));
        };
        let mut items = items.clone();
        for last in (1..items.len()).rev() {
            let other = (own.fraction() * (last + 1) as f64) as usize;
            items.swap(last, other.min(last));
        }
        Ok(JValue::array(items))
    })?;
    let own = Rc::clone(chance);
    evaluator.register_fn_override("millis", move |_: &[JValue]| {
        Ok(JValue::Number(own.now.as_millisecond() as f64))
    })?;
    let own = Rc::clone(chance);
    evaluator.register_fn_override("now", move |_: &[JValue]| {
        Ok(JValue::string(timestamp::format(own.now)))
    })
}

/// Returns the first argument. Fails if the product of the two arguments' lengths is too large.
fn product(arguments: &[JValue]) -> Evaluated {
    let length = |value: Option<&JValue>| match value {
        Some(JValue::String(text)) => text.len() + 1,
        Some(JValue::Array(items)) => items.len() + 1,
        _ => 1,
    };
    let (value, factor) = (arguments.first(), arguments.get(1));
    if length(value).saturating_mul(length(factor)) > MAX_PRODUCT {
        return Err(refused("D1013: The text would be too large"));
    }
    Ok(value.cloned().unwrap_or(JValue::Undefined))
}

/// Returns the argument, which is the picture string of a time. Fails if one of its markers asks
/// for more than 18 digits: the evaluator computes in 64 bits and would panic.
fn picture(arguments: &[JValue]) -> Evaluated {
    const MOST: u32 = 18;
    let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
    let JValue::String(text) = &value else { return Ok(value) };
    for marker in text.split('[').skip(1) {
        let marker = marker.split(']').next().unwrap_or_default();
        let (shape, widths) = marker.split_once(',').unwrap_or((marker, ""));
        let digits = shape.chars().filter(|next| next.is_numeric()).count();
        let is_wide = |width: &str| width.parse::<u64>().is_ok_and(|width| width > MOST.into());
        let widths = widths.split(|next: char| !next.is_ascii_digit());
        if digits > MOST as usize || widths.into_iter().any(is_wide) {
            return Err(refused("D1013: The picture has too many digits"));
        }
    }
    Ok(value)
}

/// Returns the first argument, a number as text. If the second argument, the number's picture (its
/// format), uses letters as digits of base 26, fails at more than 13 letters: the number may not
/// fit into 64 bits.
fn letters(arguments: &[JValue]) -> Evaluated {
    const MOST: usize = 13;
    let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
    if let (JValue::String(text), Some(JValue::String(picture))) = (&value, arguments.get(1))
        && picture.starts_with(['a', 'A'])
        && text.chars().count() > MOST
    {
        return Err(refused("D1013: The number is too large"));
    }
    Ok(value)
}

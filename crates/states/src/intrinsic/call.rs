//! Calls an intrinsic function: evaluates its arguments, and quotes the whole call in a failure.

use super::parse::unescape;
use super::{Argument, Call, Function, arrays, numbers, texts};
use crate::failure::Failure;
use crate::json::Json;
use crate::scope::Scope;

/// Why a call failed. The failure's cause quotes the call, and ends with the variant's text.
pub(super) enum Fault {
    /// An argument's path found nothing. The failure is `States.Runtime`, which no state can catch.
    Missing(String),
    /// The function does not accept these arguments.
    Arguments(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Arguments(reason)
    }
}

impl Call {
    /// Calls the function with arguments from the scope.
    pub(crate) fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, Failure> {
        let explain =
            |reason| format!("The function '{}' had the following error: {reason}", self.text);
        self.answer(scope).map_err(|fault| match fault {
            Fault::Missing(reason) => Failure::runtime(explain(reason)),
            Fault::Arguments(reason) => Failure::intrinsic(explain(reason)),
        })
    }

    fn answer(&self, scope: &Scope<'_>) -> Result<Json, Fault> {
        let arguments = self
            .arguments
            .iter()
            .enumerate()
            .map(|(position, argument)| match argument {
                Argument::Text(raw) if self.function == Function::Format && position == 0 => {
                    Ok(Json::from(raw.as_str()))
                }
                argument => argument.value(scope),
            })
            .collect::<Result<Vec<Json>, Fault>>()?;
        Ok(self.function.apply(&arguments, scope)?)
    }
}

impl Argument {
    fn value(&self, scope: &Scope<'_>) -> Result<Json, Fault> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Text(raw) => Ok(Json::String(unescape(raw))),
            Self::Call(call) => call.answer(scope),
            Self::Path(path) => scope.read(path).map_err(|miss| {
                Fault::Missing(match miss.input {
                    Some(input) => format!(
                        "The JsonPath argument for the field '{path}' could not be found in the \
                         input '{input}'"
                    ),
                    None => miss.reason,
                })
            }),
        }
    }
}

impl Function {
    fn apply(self, arguments: &[Json], scope: &Scope<'_>) -> Result<Json, String> {
        match self {
            Self::Format => texts::format(arguments),
            Self::StringToJson => texts::string_to_json(arguments),
            Self::JsonToString => Ok(Json::String(arguments[0].to_string())),
            Self::Base64Encode => texts::base64_encode(arguments),
            Self::Base64Decode => texts::base64_decode(arguments),
            Self::Hash => texts::hash(arguments),
            Self::StringSplit => texts::split(arguments),
            Self::Array => Ok(Json::Array(arguments.to_vec())),
            Self::ArrayPartition => arrays::partition(arguments),
            Self::ArrayContains => arrays::contains(arguments),
            Self::ArrayRange => arrays::range(arguments),
            Self::ArrayGetItem => arrays::item(arguments),
            Self::ArrayLength => arrays::length(arguments),
            Self::ArrayUnique => arrays::unique(arguments),
            Self::JsonMerge => arrays::merge(arguments),
            Self::MathRandom => numbers::random(arguments, scope),
            Self::MathAdd => numbers::add(arguments),
            Self::Uuid => Ok(Json::String(scope.draw_uuid())),
        }
    }
}

/// Returns the argument if it is an array.
pub(super) fn array(argument: &Json) -> Result<&[Json], String> {
    argument.as_array().ok_or_else(|| format!("expected an array, but found {}", argument.kind()))
}

/// Returns the argument if it is a string.
pub(super) fn text(argument: &Json) -> Result<&str, String> {
    argument.as_str().ok_or_else(|| format!("expected a string, but found {}", argument.kind()))
}

/// Returns the argument, rounded to the nearest integer.
pub(super) fn integer(argument: &Json) -> Result<i64, String> {
    let number = argument
        .as_f64()
        .ok_or_else(|| format!("expected a number, but found {}", argument.kind()))?;
    Ok(argument.as_integer().unwrap_or((number + 0.5).floor() as i64))
}

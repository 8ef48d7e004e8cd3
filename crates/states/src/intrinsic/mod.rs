//! The intrinsic functions, such as `States.Format('{}', $.name)`.

mod arrays;
mod call;
mod numbers;
mod parse;
mod texts;

#[cfg(feature = "jsonata")]
pub(crate) use arrays::{partition, range};
#[cfg(feature = "jsonata")]
pub(crate) use texts::{hash, string_to_json};

use crate::json::Json;
use crate::path::Path;

pub(crate) use parse::parse;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The text of the call, for messages.
    pub(crate) text: String,
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
enum Argument {
    Value(Json),
    /// A string literal with its escapes as written, because `States.Format` resolves them itself.
    Text(String),
    Path(Path),
    Call(Box<Call>),
}

/// Why a text could not be read as an intrinsic function call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an intrinsic function call: {reason}")]
pub(crate) struct CallError {
    pub(crate) text: String,
    pub(crate) reason: String,
}

macro_rules! functions {
    ($($name:ident $least:literal $most:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Function { $($name),+ }

        impl Function {
            fn named(name: &str) -> Option<Self> {
                match name {
                    "States.UUID" => Some(Self::Uuid),
                    "States.Uuid" => None,
                    $(concat!("States.", stringify!($name)) => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Returns the minimum and the maximum number of arguments.
            fn arity(self) -> (usize, usize) {
                match self { $(Self::$name => ($least, $most)),+ }
            }
        }
    };
}

functions! {
    Format 1 1000,
    StringToJson 1 1,
    JsonToString 1 1,
    Array 0 1000,
    ArrayPartition 2 2,
    ArrayContains 2 2,
    ArrayRange 3 3,
    ArrayGetItem 2 2,
    ArrayLength 1 1,
    ArrayUnique 1 1,
    Base64Encode 1 1,
    Base64Decode 1 1,
    Hash 2 2,
    JsonMerge 3 3,
    MathRandom 2 3,
    MathAdd 2 2,
    StringSplit 2 2,
    Uuid 0 0,
}

impl Call {
    /// Returns every path among the arguments, including those of nested calls.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        let mut pending = vec![self];
        while let Some(call) = pending.pop() {
            for argument in &call.arguments {
                match argument {
                    Argument::Path(path) => paths.push(path),
                    Argument::Call(inner) => pending.push(inner),
                    Argument::Value(_) | Argument::Text(_) => {}
                }
            }
        }
        paths
    }
}

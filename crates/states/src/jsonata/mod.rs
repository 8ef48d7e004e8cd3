//! Evaluates JSONata within limits: every query ends, and a query that goes wrong fails with an
//! error instead of ending the process.

mod distinct;
mod functions;
mod guard;
mod values;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;

use crate::failure::Failure;
use crate::json::{Json, Object};
use crate::scope::Scope;

/// The maximum length of a query's text, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// The maximum time of an evaluation, in milliseconds. The point at which this limit ends a query
/// depends on the speed of the computer, so a run that reaches the limit cannot be repeated
/// exactly. Only a malicious query takes so long.
const MAX_TIME: u64 = 2_000;
/// The maximum depth of an evaluation. It allows about a thousand nested calls that are not in tail
/// position.
const MAX_DEPTH: usize = 3_000;
const MAX_SEQUENCE: usize = 200_000;

/// A JSONata expression: the part of a text between `{%` and `%}`.
#[derive(Clone)]
pub(crate) struct Query {
    text: String,
    tree: AstNode,
}

impl Query {
    /// Whether this build supports JSONata.
    pub(crate) const KNOWN: bool = true;

    /// Reads a query; `None` if the text is not enclosed in `{%` and `%}`.
    pub(crate) fn of(text: &str) -> Option<Result<Self, String>> {
        let inner = text.strip_prefix("{%")?.strip_suffix("%}")?;
        Some(Self::parse(inner.trim()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("the JSONata expression is longer than {MAX_TEXT} bytes"));
        }
        guard::nesting(text)?;
        let read = catch_unwind(|| parser::parse(text));
        let tree = match read {
            Ok(Ok(tree)) => tree,
            Ok(Err(error)) => return Err(format!("'{text}' is not a JSONata expression: {error}")),
            Err(_panic) => return Err(format!("'{text}' cannot be read as a JSONata expression")),
        };
        let tree = guard::guarded(tree)?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// The text of the expression, without `{%` and `%}`.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates the query. `place` is the path of the query's field inside the state, such as
    /// `Output/total`; a failure names this path.
    pub(crate) fn evaluate(&self, place: &str, scope: &Scope<'_>) -> Result<Json, Failure> {
        let text = &self.text;
        let failed = |what: String| {
            let cause =
                format!("The JSONata expression '{text}' specified for the field '{place}' {what}");
            Failure::query(place, cause)
        };
        let threw = |what: &str| failed(format!("threw an error during evaluation. {what}"));
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.answer(scope)));
        let value = match evaluated {
            Ok(Ok(value)) => value,
            Ok(Err(message)) => return Err(threw(&message)),
            Err(_panic) => return Err(threw("The evaluator panicked.")),
        };
        match value {
            Answer::Nothing => Err(failed("returned nothing (undefined).".to_owned())),
            Answer::Unsupported => Err(failed("returned an unsupported result type.".to_owned())),
            Answer::Value(value) => Ok(value),
        }
    }

    fn answer(&self, scope: &Scope<'_>) -> Result<Answer, String> {
        let mut context = Context::new();
        if self.text.contains("$states") {
            context.bind("states".to_owned(), values::from_json(&self.states(scope)));
        }
        for name in guard::variables(&self.text) {
            if let Some(value) = scope.variable(name) {
                let name = distinct::guarded_name(name).to_owned();
                context.bind(name, values::from_json(value));
            }
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(MAX_TIME),
            max_stack_depth: Some(MAX_DEPTH),
            max_sequence_length: Some(MAX_SEQUENCE),
            ..EvaluatorOptions::default()
        };
        let mut evaluator = Evaluator::with_options(context, options);
        let chance = Rc::new(functions::TimeAndEntropy::new(scope));
        functions::register(&mut evaluator, &chance).map_err(|error| error.message().to_owned())?;
        let value = evaluator.evaluate(&self.tree, &JValue::Undefined);
        scope.set_entropy(chance.entropy());
        let value = value.map_err(|error| error.message().to_owned())?;
        values::into_json(&value)
    }

    /// Makes the value of `$states`, with the context object only if the query may read it.
    fn states(&self, scope: &Scope<'_>) -> Json {
        let mut states = Object::new();
        states.insert("input".to_owned(), scope.input.clone());
        let others = [".input", ".result", ".errorOutput"];
        let mut uses = self.text.split("$states").skip(1);
        if !uses.all(|after| others.iter().any(|other| after.starts_with(other))) {
            states.insert("context".to_owned(), scope.environment.context().clone());
        }
        if let Some(result) = scope.result {
            states.insert("result".to_owned(), result.clone());
        }
        if let Some(error) = scope.error {
            states.insert("errorOutput".to_owned(), error.clone());
        }
        Json::Object(states)
    }
}

/// The value of a query.
enum Answer {
    Nothing,
    /// A function, or a value with a function inside.
    Unsupported,
    Value(Json),
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Query").field(&self.text).finish()
    }
}

//! HTTP without a server: a service says what it answers, an adapter listens.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use http::Method;

use crate::{Kernel, Problem};

/// A request, as an adapter hands it over.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What stands for the `{names}` of the route's path.
    pub path: BTreeMap<String, String>,
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// Headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Request {
    /// The header `name` (in lower case), where it is there and not empty.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The path parameter `name`, as one of the shop's words.
    ///
    /// # Errors
    /// 404 where it is no such word: there cannot be anything of that name.
    pub fn parameter<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, Problem> {
        let text = self.path.get(name).map_or("", String::as_str);
        text.parse().map_err(|rule: T::Err| Problem::field(404, name, rule.to_string()))
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// 400 where it is no JSON; 422, with the field and the rule, where it does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let text = std::str::from_utf8(&self.body).map_err(|error| {
            Problem::new(400, "malformed", format!("the body is not UTF-8: {error}"))
        })?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let pointer = pointer(error.path());
            let inner = error.into_inner();
            if inner.is_data() {
                return Problem::field(422, pointer, without_position(&inner));
            }
            Problem::new(400, "malformed", format!("the body is not JSON: {inner}"))
        })?;
        reader.end().map_err(|error| {
            Problem::new(400, "malformed", format!("the body is not JSON: {error}"))
        })?;
        Ok(value)
    }
}

/// The path of an error as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let steps = path.iter().map(|step| match step {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    });
    let pointer: String = steps.collect();
    if pointer.is_empty() { "/".to_owned() } else { pointer }
}

/// The reader's message without the line and column, which a client has no use for.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.clone(), |(rule, _)| rule.to_owned())
}

/// A response: a status and a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Value,
}

impl Response {
    /// A JSON response.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers the requests of one route.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Answers.
    ///
    /// # Errors
    /// What is wrong with the request, or with us.
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem>;
}

/// One route of a service's API, with what its documentation needs.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{names}` for its parameters.
    pub path: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The status of success.
    pub success: u16,
    /// The schema of the request's body.
    pub request: Option<fn() -> Schema>,
    /// The schema of the response's body.
    pub response: Option<fn() -> Schema>,
    /// Query parameters and headers: where, name, whether it is required, what it means.
    pub parameters: &'static [(&'static str, &'static str, bool, &'static str)],
    /// Who answers.
    pub endpoint: Arc<dyn Endpoint>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Route {
    /// A route without documentation of its bodies.
    pub fn new(method: Method, path: &'static str, endpoint: impl Endpoint + 'static) -> Self {
        Self {
            method,
            path,
            summary: "",
            success: 200,
            request: None,
            response: None,
            parameters: &[],
            endpoint: Arc::new(endpoint),
        }
    }

    /// Says what it does, and the status of success.
    #[must_use]
    pub fn summary(mut self, summary: &'static str, success: u16) -> Self {
        (self.summary, self.success) = (summary, success);
        self
    }

    /// Says what the request's body is.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.request = Some(schema_of::<T>);
        self
    }

    /// Says what the response's body is.
    #[must_use]
    pub fn answers<T: JsonSchema>(mut self) -> Self {
        self.response = Some(schema_of::<T>);
        self
    }

    /// Says which query parameters and headers it reads.
    #[must_use]
    pub fn parameters(
        mut self,
        parameters: &'static [(&'static str, &'static str, bool, &'static str)],
    ) -> Self {
        self.parameters = parameters;
        self
    }
}

fn schema_of<T: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>()
}

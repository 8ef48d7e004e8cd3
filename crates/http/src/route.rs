//! HTTP without a server: a service says what it answers, an adapter listens.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use http::Method;

use chorus_kernel::{Action, ActionError, Kernel};
use chorus_table::{Callers, Event, Row};

use crate::command::CommandEndpoint;
use crate::entity_tag::{ETAG, revalidated, tag_of_version};
use crate::{Admitted, Caller, Parameter, Problem, Values, admit, body, parameter};

/// A request, as an adapter hands it over.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// What stands for the `{names}` of the route's path.
    pub path: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
    /// Headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, as it came.
    pub body: Vec<u8>,
    /// Who sent it, as the adapter verified it.
    pub caller: Caller,
    /// The customer of whom alone it may be answered: [`Route::answer`] sets it.
    pub customer: Option<String>,
}

impl Request {
    /// The header `name` (in lower case), where it is there and not empty.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Who acts, to be kept with what they did.
    ///
    /// # Errors
    /// 401 where the caller is unknown.
    pub fn acting(&self) -> Result<&str, Problem> {
        let unknown = || Problem::new(401, "unauthorized", "whoever does this has to be known");
        self.caller.name().ok_or_else(unknown)
    }

    /// Refuses what a customer says about somebody else, as if that were not there.
    ///
    /// # Errors
    /// 404.
    pub fn owned_by(&self, customer: &str) -> Result<(), Problem> {
        match &self.customer {
            Some(own) if own != customer => Err(ActionError::not_theirs().into()),
            _ => Ok(()),
        }
    }

    /// The path parameter `name`, parsed.
    ///
    /// # Errors
    /// 404 where it cannot be parsed: there cannot be anything of that name.
    pub fn parameter<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, Problem> {
        let text = self.path.get(name).map_or("", String::as_str);
        text.parse().map_err(|rule: T::Err| Problem::field(404, name, rule.to_string()))
    }

    /// How many entries a page shall have: the query parameter `limit`, at most `most`.
    ///
    /// # Errors
    /// 400 where it is no such number.
    pub fn limit(&self, default: u32, most: u32) -> Result<u32, Problem> {
        let Some(limit) = self.query.get("limit") else { return Ok(default) };
        let limit = limit.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| {
            Problem::field(400, "limit", format!("must be a whole number from 1 to {most}"))
        })
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// 415 where it says that it is something else, 400 where it is no JSON; 422, with the field
    /// and the rule, where it does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let content_type = self.header("content-type").unwrap_or_default();
        if !body::may_be_json(content_type) {
            let detail = format!("the body must be application/json, not {content_type}");
            return Err(Problem::new(415, "media-type", detail));
        }
        body::read(&self.body)
    }
}

/// A response: a status and a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    /// The customer whose it is: without one, no customer is answered on a route for owners.
    pub owner: Option<String>,
}

impl Response {
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body, owner: None }
    }

    /// Says whose it is.
    #[must_use]
    pub fn of(self, customer: impl Into<String>) -> Self {
        Self { owner: Some(customer.into()), ..self }
    }

    /// Says which version of something it shows, in its `ETag`.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        self.with_header(ETAG, tag_of_version(version))
    }

    /// The body as it is sent: none where the caller has it already.
    #[must_use]
    pub fn text(&self) -> String {
        if self.status == 304 { String::new() } else { self.body.to_string() }
    }

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
    pub method: Method,
    /// The path, with `{names}` for its parameters.
    pub path: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    pub success: u16,
    /// Whether it may make what was not there: it answers 201 then, and says where that is.
    pub creates: bool,
    /// Whether it answers with server-sent events, too, where it is served over a connection that stays.
    pub streams: bool,
    /// The schema of the request's body.
    pub request: Option<Taken>,
    /// The schema of the response's body.
    pub response: Option<fn() -> Schema>,
    /// The query parameters and headers that it reads: a request with any other query parameter is
    /// refused.
    pub parameters: Vec<Parameter>,
    /// Who may call it.
    pub callers: Callers,
    endpoint: Arc<dyn Endpoint>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Route {
    /// A route for the commands of the row `R`, which says who may give them.
    pub fn of<R: Row>(
        method: Method,
        path: &'static str,
        endpoint: impl Endpoint + 'static,
    ) -> Self {
        Self::new(method, path, R::SPEC.callers, endpoint)
    }

    /// The same route, answered by what `wrap` makes of its endpoint.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Arc<dyn Endpoint>) -> Arc<dyn Endpoint>) -> Self {
        Self { endpoint: wrap(self.endpoint), ..self }
    }

    /// A route that reads.
    pub fn read(path: &'static str, callers: Callers, endpoint: impl Endpoint + 'static) -> Self {
        Self::new(Method::GET, path, callers, endpoint)
    }

    /// A route without documentation of its bodies.
    pub fn new(
        method: Method,
        path: &'static str,
        callers: Callers,
        endpoint: impl Endpoint + 'static,
    ) -> Self {
        Self {
            method,
            path,
            summary: "",
            success: 200,
            creates: false,
            streams: false,
            request: None,
            response: None,
            parameters: Vec::new(),
            callers,
            endpoint: Arc::new(endpoint),
        }
    }

    /// A route that runs `action` on the command `E`, which has the fields of the request's body and
    /// of its path, and answers with the command and `status`.
    pub fn command<E: Event + 'static, A: Action + 'static>(
        method: Method,
        path: &'static str,
        status: u16,
        action: A,
    ) -> Self {
        let endpoint = CommandEndpoint { action, status, command: PhantomData::<fn() -> E> };
        let route = Self::of::<A::Row>(method, path, endpoint);
        let request = (!path.contains('{')).then(|| Taken::like(E::sample));
        let summary = E::SPEC.meaning.trim_end_matches('.');
        Self { summary, success: status, request, ..route }
    }

    /// Answers a caller who may call it. A customer is answered only what is theirs: anything else is
    /// not there, in the same words as what is not there at all.
    ///
    /// # Errors
    /// What is wrong with the caller, with the request, or with us.
    pub async fn answer(&self, kernel: &Kernel, request: Request) -> Result<Response, Problem> {
        let customer = match admit(&self.callers, &request.caller)? {
            Admitted::Everything => None,
            Admitted::OnlyOf(customer) => Some(customer),
        };
        parameter::check(&self.parameters, &request.query)?;
        let request = Request { customer, ..request };
        let answer = self.endpoint.call(kernel, &request).await;
        let answer = match self.method {
            Method::GET => answer.map(|response| revalidated(response, &request)),
            _ => answer,
        };
        let Some(customer) = &request.customer else { return answer };
        match answer {
            Ok(response) if response.owner.as_ref() == Some(customer) => Ok(response),
            Err(problem) if problem.status != 404 => Err(problem),
            Ok(_) | Err(_) => Err(ActionError::not_theirs().into()),
        }
    }

    /// Says what it does, and the status of success.
    #[must_use]
    pub fn summary(mut self, summary: &'static str, success: u16) -> Self {
        (self.summary, self.success) = (summary, success);
        self
    }

    /// Says that it may make what was not there.
    #[must_use]
    pub fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Says that it answers with server-sent events, too.
    #[must_use]
    pub fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Says what the request's body is, by an example.
    #[must_use]
    pub fn takes<T: JsonSchema + Serialize + 'static>(mut self, example: fn() -> T) -> Self {
        self.request = Some(Taken::like(example));
        self
    }

    /// Says what the response's body is.
    #[must_use]
    pub fn answers<T: JsonSchema>(mut self) -> Self {
        self.response = Some(schema_of_answer::<T>);
        self
    }

    /// Says which query parameters and headers it reads.
    #[must_use]
    pub fn parameters(mut self, parameters: &[Parameter]) -> Self {
        self.parameters.extend_from_slice(parameters);
        self
    }

    /// Says that it answers page by page, with at most `most` entries each: it reads the query
    /// parameters `limit` and `cursor`, and answers `next`, which is one of `cursors`.
    #[must_use]
    pub fn pages(mut self, most: u32, cursors: Values) -> Self {
        self.parameters.extend(Parameter::of_pages(most, cursors));
        self
    }
}

/// What a route takes as the body of a request.
#[derive(Clone)]
pub struct Taken {
    pub schema: fn() -> Schema,
    /// A body that fits, as JSON.
    pub example: Arc<dyn Fn() -> Value + Send + Sync>,
}

impl Taken {
    fn like<T: JsonSchema + Serialize + 'static>(example: fn() -> T) -> Self {
        let example = move || serde_json::to_value(example()).unwrap_or_default();
        Self { schema: schema_of::<T>, example: Arc::new(example) }
    }
}

/// What a reader of `T` takes.
fn schema_of<T: JsonSchema>() -> Schema {
    settings().into_generator().into_root_schema_for::<T>()
}

/// What a writer of `T` makes: what it leaves out where it is empty is not required.
pub(crate) fn schema_of_answer<T: JsonSchema>() -> Schema {
    settings().for_serialize().into_generator().into_root_schema_for::<T>()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
}

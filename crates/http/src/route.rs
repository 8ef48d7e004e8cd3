//! The routes that a service serves over HTTP, independent of the server.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use http::Method;

use chorus_kernel::{Action, ActionError, Allowance, Kernel};
use chorus_table::{Callers, Event, Row};

use crate::command::CommandEndpoint;
use crate::entity_tag::{ETAG, revalidated, tag_of_version};
use crate::{Admitted, Caller, Parameter, Problem, Values, admit, body, parameter};

/// A request, as the HTTP adapter passes it to an endpoint.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The values of the `{names}` in the route's path.
    pub path: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
    /// The headers that endpoints may need; names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The caller, verified by the adapter.
    pub caller: Caller,
    /// The customer to whose data the response is restricted; `None` if the caller may see
    /// everything. [`Route::answer`] sets this field.
    pub customer: Option<String>,
}

impl Request {
    /// The value of the header `name` (in lower case); `None` if it is absent or empty.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The name of the caller, which is stored with the changes that the caller makes.
    ///
    /// # Errors
    /// 401 if the caller is unknown.
    pub fn caller_name(&self) -> Result<&str, Problem> {
        let unknown = || {
            Problem::new(401, "unauthorized", "this request needs a token that names the caller")
        };
        self.caller.name().ok_or_else(unknown)
    }

    /// Rejects the request if it is a customer's, and the requested data belongs to another
    /// customer, `customer`. The response is the same as for data that does not exist.
    ///
    /// # Errors
    /// 404 if the request is restricted to another customer's data.
    pub fn owned_by(&self, customer: &str) -> Result<(), Problem> {
        match &self.customer {
            Some(own) if own != customer => Err(ActionError::not_theirs().into()),
            _ => Ok(()),
        }
    }

    /// Parses the path parameter `name`.
    ///
    /// # Errors
    /// 404 if the value cannot be parsed: nothing can exist at such a path.
    pub fn parameter<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<T, Problem> {
        let text = self.path.get(name).map_or("", String::as_str);
        text.parse().map_err(|rule: T::Err| Problem::field(404, name, rule.to_string()))
    }

    /// The number of entries on a page: the query parameter `limit`, from 1 to `most`.
    ///
    /// # Errors
    /// 400 if `limit` is not a whole number in that range.
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
    /// 415 if the media type is not JSON; 400 if the body is not JSON; 422, with the field and the
    /// rule, if the body does not have the type `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let content_type = self.header("content-type").unwrap_or_default();
        if !body::may_be_json(content_type) {
            let detail = format!("the body must be application/json, not {content_type}");
            return Err(Problem::new(415, "media-type", detail));
        }
        body::read(&self.body)
    }
}

/// A response: a status, headers and a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    /// The customer to whom the response's data belongs. A route that restricts customers to their
    /// own data sends the response to no other customer. If the owner is `None`, the route sends
    /// the response to no customer.
    pub owner: Option<String>,
}

impl Response {
    #[must_use]
    pub fn json(status: u16, body: Value) -> Self {
        Self { status, content_type: "application/json", headers: Vec::new(), body, owner: None }
    }

    /// Sets the customer to whom the data belongs.
    #[must_use]
    pub fn of(self, customer: impl Into<String>) -> Self {
        Self { owner: Some(customer.into()), ..self }
    }

    /// Sets the header `ETag` to the tag of `version`.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        self.with_header(ETAG, tag_of_version(version))
    }

    /// The body as it is sent: empty in a 304.
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

/// Handles the requests of one route.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Handles a request.
    ///
    /// # Errors
    /// A problem of the request (4xx) or of the application (5xx).
    async fn call(&self, kernel: &Kernel, request: &Request) -> Result<Response, Problem>;
}

/// One route of a service's API, with its documentation.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    /// The path, with `{names}` for its parameters.
    pub path: &'static str,
    /// One sentence on what the route does.
    pub summary: &'static str,
    pub success: u16,
    /// Whether the route may create something. A response to a request that created something has
    /// the status 201, and its `Location` names what was created.
    pub creates: bool,
    /// Whether the route can also respond with server-sent events, where the connection stays open.
    pub streams: bool,
    /// The schema and an example of the request's body.
    pub request: Option<RequestBody>,
    /// The schema of the response's body.
    pub response: Option<fn() -> Schema>,
    /// The query parameters and headers that the route reads. A request with any other query
    /// parameter is rejected.
    pub parameters: Vec<Parameter>,
    /// The callers whom the route admits.
    pub callers: Callers,
    /// How many requests a customer may send per minute; `None` for any number. Callers with a role
    /// act for others, so their requests are not counted.
    pub allowance: Option<Allowance>,
    endpoint: Arc<dyn Endpoint>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Route {
    /// A route for the commands of `R`, a row of the design table. The route admits the row's
    /// callers.
    pub fn of<R: Row>(
        method: Method,
        path: &'static str,
        endpoint: impl Endpoint + 'static,
    ) -> Self {
        Self::new(method, path, R::SPEC.callers, endpoint)
    }

    /// Replaces the endpoint by the result of `wrap`.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Arc<dyn Endpoint>) -> Arc<dyn Endpoint>) -> Self {
        Self { endpoint: wrap(self.endpoint), ..self }
    }

    /// A `GET` route.
    pub fn read(path: &'static str, callers: Callers, endpoint: impl Endpoint + 'static) -> Self {
        Self::new(Method::GET, path, callers, endpoint)
    }

    /// A route without documentation.
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
            allowance: None,
            endpoint: Arc::new(endpoint),
        }
    }

    /// A route for the command `E`, whose fields come from the request's body and path. The route
    /// runs `action` on the command, and responds with the command and `status`.
    pub fn command<E: Event + 'static, A: Action + 'static>(
        method: Method,
        path: &'static str,
        status: u16,
        action: A,
    ) -> Self {
        let endpoint = CommandEndpoint { action, status, command: PhantomData::<fn() -> E> };
        let route = Self::of::<A::Row>(method, path, endpoint);
        let request = (!path.contains('{')).then(|| RequestBody::like(E::sample));
        let summary = E::SPEC.meaning.trim_end_matches('.');
        Self { summary, success: status, request, ..route }
    }

    /// Handles a request, or refuses its caller. A customer gets only data that belongs to that
    /// customer; for other data, the response is the same as if the data did not exist.
    ///
    /// # Errors
    /// A problem of the caller or the request (4xx), or of the application (5xx).
    pub async fn answer(&self, kernel: &Kernel, request: Request) -> Result<Response, Problem> {
        let answer = self.answer_to(kernel, request).await?;
        // Caches may store a response only if anyone may read it. The responses of other routes are
        // for their callers only.
        Ok(match self.callers {
            Callers::Anyone => answer,
            _ => answer.with_header("cache-control", "no-store"),
        })
    }

    async fn answer_to(&self, kernel: &Kernel, request: Request) -> Result<Response, Problem> {
        let customer = match admit(&self.callers, &request.caller)? {
            Admitted::Everything => None,
            Admitted::OnlyOf(customer) => Some(customer),
        };
        parameter::check(&self.parameters, &request.query)?;
        if let (Some(customer), Some(allowance)) = (&customer, &self.allowance)
            && let Some(wait) = kernel.count(allowance, customer).await?
        {
            return Err(too_many(allowance, wait));
        }
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

    /// Sets the summary, and the status of a successful response.
    #[must_use]
    pub fn summary(mut self, summary: &'static str, success: u16) -> Self {
        (self.summary, self.success) = (summary, success);
        self
    }

    /// Refuses a customer's requests beyond this allowance.
    #[must_use]
    pub const fn at_most(mut self, allowance: Allowance) -> Self {
        self.allowance = Some(allowance);
        self
    }

    /// Declares that the route may create something.
    #[must_use]
    pub fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Declares that the route can also respond with server-sent events.
    #[must_use]
    pub fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Declares the request's body by an example.
    #[must_use]
    pub fn takes<T: JsonSchema + Serialize + 'static>(mut self, example: fn() -> T) -> Self {
        self.request = Some(RequestBody::like(example));
        self
    }

    /// Declares the type of the response's body.
    #[must_use]
    pub fn answers<T: JsonSchema>(mut self) -> Self {
        self.response = Some(schema_of_answer::<T>);
        self
    }

    /// Declares query parameters and headers that the route reads.
    #[must_use]
    pub fn parameters(mut self, parameters: &[Parameter]) -> Self {
        self.parameters.extend_from_slice(parameters);
        self
    }

    /// Declares that the route responds with pages of at most `most` entries: it reads the query
    /// parameters `limit` and `cursor`, and its response has the next page's cursor as `next`.
    /// `cursors` are the values that a cursor may have.
    #[must_use]
    pub fn pages(mut self, most: u32, cursors: Values) -> Self {
        self.parameters.extend(Parameter::of_pages(most, cursors));
        self
    }
}

/// The response to a customer who has used up the allowance.
fn too_many(allowance: &Allowance, wait: Duration) -> Problem {
    let seconds = wait.as_millis().div_ceil(1_000);
    let rule = format!(
        "a customer may send {} of these requests a minute: send this one again in {seconds} s",
        allowance.per_minute
    );
    let problem = Problem::new(429, "too-many-requests", rule);
    Problem { retry_after: u16::try_from(seconds).ok(), ..problem }
}

/// The body that a route accepts.
#[derive(Clone)]
pub struct RequestBody {
    pub schema: fn() -> Schema,
    /// An example of the body, as JSON.
    pub example: Arc<dyn Fn() -> Value + Send + Sync>,
}

impl RequestBody {
    fn like<T: JsonSchema + Serialize + 'static>(example: fn() -> T) -> Self {
        let example = move || serde_json::to_value(example()).unwrap_or_default();
        Self { schema: schema_of::<T>, example: Arc::new(example) }
    }
}

/// The schema of a `T` in a request: fields that a request may leave out are not required.
fn schema_of<T: JsonSchema>() -> Schema {
    settings().into_generator().into_root_schema_for::<T>()
}

/// The schema of a `T` in a response: fields that are omitted when empty are not required.
pub(crate) fn schema_of_answer<T: JsonSchema>() -> Schema {
    settings().for_serialize().into_generator().into_root_schema_for::<T>()
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
}

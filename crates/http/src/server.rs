//! The router of the services' routes. Errors are sent as problem details, in JSON.

use std::collections::BTreeMap;

use crate::{Admitted, Caller, Callers, LoggedRequest, Method, Problem, Request, Response, Route};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, Request as HttpRequest};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, map_request, map_response};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use chorus_kernel::{ActionError, Kernel};

use crate::home::Home;
use crate::parameter::unknown;
use crate::{ApiInfo, admit, openapi};

/// The largest body that is read, in bytes.
pub const MAX_BODY: usize = 1_000_000;

impl IntoResponse for Problem {
    fn into_response(self) -> HttpResponse {
        into_http(self.into())
    }
}

impl Problem {
    pub(crate) fn too_large() -> Self {
        Self::new(413, "too-large", format!("the body must be at most {MAX_BODY} bytes long"))
    }
}

/// The router of `routes`, whose endpoints use `kernel`. A layer around the router puts the
/// [`Caller`] into the request's extensions; without this layer, the caller is unknown. `GET /`
/// lists the routes, and `GET /openapi.json` describes them.
pub fn router(kernel: &Kernel, info: ApiInfo, routes: Vec<Route>) -> Router {
    let (document, home) = (openapi(info, &routes), Home::of(info, &routes));
    let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for route in routes {
        let methods = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, methods.merge(method_router(route, kernel.clone())));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods);
    }
    let of_its_own = Router::new()
        .route("/", get(async move |headers: HeaderMap| home.answer(&headers)))
        .route("/openapi.json", get(move || async move { axum::Json(document) }));
    router
        .merge(without_query(of_its_own))
        .fallback(|uri: Uri| async move {
            let detail = format!("there is nothing at {}; see /openapi.json", uri.path());
            into_http(Problem::new(404, "not-found", detail).into())
        })
        .method_not_allowed_fallback(|| async {
            into_http(Problem::new(405, "method", "this path does not accept this method").into())
        })
}

fn method_router(route: Route, kernel: Kernel) -> MethodRouter {
    // `MethodFilter` supports the methods of all routes of the services. A route with any other
    // method would be served under GET, and its first test would fail.
    let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
    let reads_body = route.method != Method::GET;
    on(filter, async move |parameters: RawPathParams, request: HttpRequest| {
        let asked = LoggedRequest::of(&route, &path(&parameters));
        let read = async {
            // The caller is checked before the body is read, so that the server does not wait for
            // the body of a caller whom it rejects.
            admit(&route.callers, &Caller::of(request.extensions()))?;
            read(&parameters, request, reads_body).await
        };
        let answer = match read.await {
            Ok(request) => route.answer(&kernel, request).await,
            Err(problem) => Err(problem),
        };
        into_http(answer.unwrap_or_else(|problem| {
            asked.log(&problem);
            problem.into()
        }))
    })
}

async fn read(
    parameters: &RawPathParams,
    request: HttpRequest,
    reads_body: bool,
) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let body = if reads_body { read_body(&parts.headers, body).await? } else { Vec::new() };
    Ok(Request {
        path: path(parameters),
        query: query(&parts.uri)?,
        headers: headers(&parts.headers)?,
        body,
        caller: Caller::of(&parts.extensions),
        customer: None,
    })
}

impl Caller {
    /// The caller that a layer around the router has put into a request's extensions. Without this
    /// layer, the caller is unknown.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

/// The values of the parameters in the path.
fn path(parameters: &RawPathParams) -> BTreeMap<String, String> {
    parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The parameters of the query, each of which may occur once.
fn query(uri: &Uri) -> Result<BTreeMap<String, String>, Problem> {
    let pairs =
        axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|error| {
            Problem::new(400, "malformed", format!("the query cannot be read: {error}"))
        })?;
    let mut query = BTreeMap::new();
    for (name, value) in pairs.0 {
        if query.contains_key(&name) {
            return Err(Problem::field(400, name, "must be given once"));
        }
        query.insert(name, value);
    }
    Ok(query)
}

/// Rejects requests with query parameters, because the routes of `router` read none.
pub fn without_query<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.route_layer(from_fn(async |request: HttpRequest, next: Next| {
        let name = query(request.uri()).map(|query| query.into_keys().next());
        match name {
            Ok(None) => next.run(request).await,
            Ok(Some(name)) => into_http(unknown(&name, std::iter::empty()).into()),
            Err(problem) => into_http(problem.into()),
        }
    }))
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    if announces_too_much(headers) {
        return Err(Problem::too_large());
    }
    to_bytes(body, MAX_BODY).await.map(Into::into).map_err(|_| Problem::too_large())
}

/// Whether the request's `Content-Length` exceeds [`MAX_BODY`].
pub(crate) fn announces_too_much(headers: &HeaderMap) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse().ok());
    announced.is_some_and(|length: usize| length > MAX_BODY)
}

fn headers(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Problem> {
    let relevant = |name: &&HeaderName| {
        matches!(
            name.as_str(),
            "content-type"
                | "idempotency-key"
                | "if-match"
                | "if-none-match"
                | "last-event-id"
                | "traceparent"
        ) || ["x-", "webhook-"].iter().any(|prefix| name.as_str().starts_with(prefix))
            || name.as_str().ends_with("-signature")
    };
    let text = |name: &HeaderName| {
        let refused = |rule| Problem::field(400, name.as_str(), rule);
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        let value = value.ok_or_else(|| refused("must be visible ASCII"))?;
        if name == "idempotency-key" && values.next().is_some() {
            return Err(refused("must be sent once"));
        }
        Ok((name.as_str().to_owned(), value.to_owned()))
    };
    headers.keys().filter(relevant).map(text).collect()
}

/// Sets `caller` as the caller of requests that have none yet.
pub fn with_default_caller(router: Router, caller: Caller) -> Router {
    router.layer(map_request(move |mut request: HttpRequest| {
        if request.extensions().get::<Caller>().is_none() {
            request.extensions_mut().insert(caller.clone());
        }
        std::future::ready(request)
    }))
}

/// Rejects all but `callers` on the routes of `router`. Use this function for axum routes that are
/// not declared as [`Route`]s.
pub fn restricted(router: Router, callers: Callers) -> Router {
    router.route_layer(from_fn(move |request: HttpRequest, next: Next| {
        let admitted = admit(&callers, &Caller::of(request.extensions()));
        let asked = LoggedRequest::of_path(request.method().as_str(), request.uri().path());
        async move {
            match admitted {
                Ok(Admitted::Everything) => {
                    let mut response = next.run(request).await;
                    let kept = response.headers_mut().entry(header::CACHE_CONTROL);
                    kept.or_insert(HeaderValue::from_static("no-store"));
                    response
                }
                // A customer is rejected, because the responses of these routes do not say to which
                // customer the data belongs.
                Ok(Admitted::OnlyOf(_)) => {
                    into_http(Problem::from(ActionError::not_theirs()).into())
                }
                Err(problem) => {
                    asked.log(&problem);
                    into_http(problem.into())
                }
            }
        }
    }))
}

/// Turns plain-text error responses of `router`, such as for a path that is not UTF-8, into problem
/// details.
pub fn with_problems(router: Router) -> Router {
    router.layer(map_response(as_problem))
}

async fn as_problem(response: HttpResponse) -> HttpResponse {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|name| name.to_str().ok()).unwrap_or("text/plain");
    if !(status.is_client_error() || status.is_server_error())
        || !content_type.starts_with("text/plain")
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let detail = match (status, text.trim()) {
        (StatusCode::METHOD_NOT_ALLOWED, _) => "this path does not accept this method",
        (_, "") => "the request cannot be answered",
        (_, text) => text,
    };
    let problem = Problem::new(status.as_u16(), "refused", detail);
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static("application/problem+json");
    parts.headers.insert(header::CONTENT_TYPE, kind);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    HttpResponse::from_parts(parts, Body::from(body))
}

pub(crate) fn into_http(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = (status, response.text()).into_response();
    http.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            http.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    http
}
